"""The report of an experiment as one HTML file: no scripts, no other files, readable in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from training.online.assess import BETTER, BROKEN, HOLDS, OPEN, WORSE, Assessment, Compared, Look, Split
from training.online.interleaving import Preference
from training.online.plan import Plan
from training.online.sequential import LEAST
from training.online.tallies import MEASURES

STYLE = """
:root{color-scheme:light dark;--ink:#1d2433;--soft:#5c667a;--line:#dfe3ea;--back:#f6f7f9;--card:#fff;--blue:#0072b2;
--good:#00794f;--bad:#c2410c;--wash:#0072b222}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf1;--soft:#a3adbf;--line:#323a4a;--back:#12161e;--card:#1a202b;
--blue:#56b4e9;--good:#3ecf9a;--bad:#ff8a5c;--wash:#56b4e933}}
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1100px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:17px;margin:0 0 12px}
p{margin:0 0 8px}.soft{color:var(--soft)}section{background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:20px;margin-top:18px;overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:right;padding:7px 10px;border-bottom:1px solid var(--line);white-space:nowrap;
font-variant-numeric:tabular-nums}tr:last-child td{border:0}
th{font-weight:600;color:var(--soft);font-size:13px}th:first-child,td:first-child{text-align:left}
td .soft{font-size:13px}.verdict{font-size:18px;font-weight:600;border-left:4px solid var(--blue)}
.better,.holds{color:var(--good)}.worse,.broken{color:var(--bad)}
svg{display:block;width:100%;min-width:560px;height:auto}svg text{fill:var(--soft);font-size:12px}
.grid{stroke:var(--line)}.zero{stroke:var(--soft);stroke-dasharray:4 4}.band{fill:var(--wash)}
.line{fill:none;stroke:var(--blue);stroke-width:2}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}dt{color:var(--soft)}dd{margin:0}
"""
MINUS = "\N{MINUS SIGN}"
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 900, 240, 74, 34, 12, 18


def ab_page(found: Assessment, *, description: str, made: datetime, notes: Sequence[str] = ()) -> str:
    """Of an A/B test."""
    verdicts = "".join(
        f'<section class="verdict">{escape(arm)}: {escape(text)}</section>' for arm, text in found.verdicts.items()
    )
    first = [one for one in found.measures if one.measure == found.plan.measures[0]]
    charts = "".join(
        f"<h2>{escape(one.arm)} {MINUS} {escape(found.plan.control)}: {escape(one.measure)}, as users were counted</h2>"
        f"{chart(one.path, one.measure)}"
        for one in first
    )
    parts = [
        _section("Measures", _table(found.measures)),
        _section("Guards", _table(found.guards)) if found.guards else "",
        f"<section>{charts}</section>" if any(one.path for one in first) else "",
        _section("Arms", _arms(found.split, list(found.plan.arms))),
        _section("How it is read", _reading(found.plan)),
    ]
    return _page(found.plan, description, made, verdicts + "".join(parts), notes)


def interleaving_page(
    found: Preference, plan: Plan, *, description: str, made: datetime, notes: Sequence[str] = ()
) -> str:
    """Of an interleaving."""
    one, two = found.wins
    preferred = _interval(found.value, found.low, found.high, _number)
    rows = [(f"answers that {found.first} won", f"{one:,}"), (f"answers that {found.second} won", f"{two:,}"),
            ("ties", f"{found.ties:,}"), ("users", f"{found.users:,}"),
            (f"preference ({MINUS}1: {found.first}, +1: {found.second})", preferred),
            ("p-value, always valid", _p(found.p_value))]  # fmt: skip
    table = "".join(f"<tr><td>{escape(name)}</td><td>{value}</td></tr>" for name, value in rows)
    parts = [
        f'<section class="verdict">{escape(found.verdict)}</section>',
        _section("Credit", f"<table>{table}</table>"),
        _section("Preference, as users were counted", chart(found.path, "preference")) if found.path else "",
        _section("Items of each team", _arms(found.split, list(plan.arms))),
        _section("How it is read", _reading(plan)),
    ]
    return _page(plan, description, made, "".join(parts), notes)


def chart(path: Sequence[Look], name: str) -> str:
    """The sequence as an SVG: a line, its band, and the line of no difference."""
    if len(path) < 2:
        return '<p class="soft">Not enough users yet.</p>'
    tail = path[len(path) // 8 :] if len(path) > 8 else path  # the first looks are so wide that they hide the rest
    top = max(0.0, *(one.high for one in tail))
    bottom = min(0.0, *(one.low for one in tail))
    most = path[-1].users

    def x(users: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * users / most

    def y(value: float) -> float:
        value = min(max(value, bottom), top)
        return TOP + (HEIGHT - TOP - BOTTOM) * (top - value) / max(1e-12, top - bottom)

    line = " ".join(f"{x(one.users):.1f},{y(one.value):.1f}" for one in path)
    edges = [(one.users, one.high) for one in path] + [(one.users, one.low) for one in reversed(path)]
    band = " ".join(f"{x(users):.1f},{y(value):.1f}" for users, value in edges)
    show = _points if name in MEASURES and MEASURES[name].format == "share" else _number
    ticks = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{show(value)}</text>'
        for value in _round_between(bottom, top)
    )
    below = "".join(
        f'<text x="{x(users):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{users:,}</text>'
        for users in (most // 4, most // 2, 3 * most // 4, most)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)} by users">{ticks}{below}'
        f'<polygon class="band" points="{band}"/><polyline class="line" points="{line}"/>'
        f'<line class="zero" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(0):.1f}" y2="{y(0):.1f}"/></svg>'
    )


def _round_between(bottom: float, top: float) -> list[float]:
    """Round numbers in a range, nought among them where it is: three to eight of them."""
    wide = max(1e-12, top - bottom)
    power = 10.0 ** math.floor(math.log10(wide))
    step = next(power * part for part in (0.2, 0.5, 1.0, 2.0) if wide / (power * part) <= 7)
    return [place * step for place in range(math.ceil(bottom / step), math.floor(top / step) + 1)]


def _table(rows: Iterable[Compared]) -> str:
    heads = ("measure", "arm", "", "control", "arm's", "difference, at any look", "lift", "p", "variance left", "users")
    body = "".join(_row(one) for one in rows)
    return f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>{body}</table>"


def _row(one: Compared) -> str:
    show = _percent if MEASURES[one.measure].format == "share" else _number
    state = {BETTER: "better", WORSE: "worse", HOLDS: "holds", BROKEN: "broken"}.get(one.state, "")
    few = "too few users" if one.users < 2 * LEAST else "nothing yet"
    words = one.state if one.state != OPEN or one.path else few
    bound = "" if one.allowed is None else f"<br><span class=soft>{MINUS}{one.allowed:.0%} allowed</span>"
    cells = (
        f'<span title="{escape(MEASURES[one.measure].text)}">{escape(one.measure)}</span>{bound}', escape(one.arm),
        f'<span class="{state}">{escape(words)}</span>', show(one.control), show(one.treated),
        _interval(one.value, one.low, one.high, _points if show is _percent else show),
        _interval(one.relative, one.relative_low, one.relative_high, _percent), _p(one.p_value), f"{one.kept:.0%}",
        f"{one.users:,}",
    )  # fmt: skip
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _arms(split: Split, names: Sequence[str]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{users:,}</td><td>{expected:,.0f}</td></tr>"
        for name, users, expected in zip(names, split.users, split.expected, strict=True)
    )
    good = "as their weights ask for" if split.good else '<b class="broken">not as their weights ask for</b>'
    crossed = f" {split.crossed:,} users were shown several arms and are left out." if split.crossed else ""
    return (
        f"<table><tr><th></th><th>counted</th><th>expected</th></tr>{rows}</table>"
        f'<p class="soft" style="margin-top:10px">The sizes are {good}: p = {_p(split.p_value)} at any look, '
        f"{_p(split.chi_square)} by chi-square at this one.{crossed}</p>"
    )


def _reading(plan: Plan) -> str:
    facts = {
        "level": f"{plan.alpha:g} over all looks together, divided among the arms; one measure at a time",
        "counted": f"each user once, {_span(plan.horizon)} after their first answer (later for returning users)",
        "clicks": f"belong to the latest answer with the item, at most {_span(plan.window)} before",
        "tightest": f"at {plan.expected:,} users",
        "matters": f"a relative difference of {plan.minimum_effect:.1%} or more",
    }
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{escape(text)}</dd>' for name, text in facts.items())}</dl>"


def _page(plan: Plan, description: str, made: datetime, body: str, notes: Sequence[str]) -> str:
    since = datetime.fromtimestamp(plan.start, UTC)
    until = "goes on" if plan.end is None else f"to {datetime.fromtimestamp(plan.end, UTC):%Y-%m-%d %H:%M}"
    told = "".join(f'<p class="worse">{escape(note)}</p>' for note in notes)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(plan.name)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><main>'
        f"<h1>{escape(plan.name)}</h1><p>{escape(description)}</p>"
        f'<p class="soft">since {since:%Y-%m-%d %H:%M} UTC, {until} · made {made:%Y-%m-%d %H:%M} UTC</p>'
        f"{told}{body}</main></body></html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _interval(value: float, low: float, high: float, show: object) -> str:
    assert callable(show)
    return "" if math.isnan(value) else f"{show(value)}<br><span class=soft>{show(low)} to {show(high)}</span>"


def _percent(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.2f}%".replace("-", MINUS)


def _points(value: float) -> str:
    """A difference of two shares: percentage points."""
    return "" if math.isnan(value) else f"{100 * value:.2f} pp".replace("-", MINUS)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}".replace("-", MINUS)


def _p(value: float) -> str:
    return "&lt; 0.001" if value < 0.001 else f"{value:.3f}"


def _span(seconds: int) -> str:
    for size, name in ((24 * 3600, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds} seconds"
