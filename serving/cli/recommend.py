"""`interlace recommend` and `similar`: answers from the published index, as the API gives them, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graph.errors import InvalidData
from serving.cli.recommend_all import Wanted, everybody
from serving.cli.recommend_session import InSession, of_session
from serving.cli.session import Home, Json, Session, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from serving.live import Live
    from serving.recommend import Recommendations, Wish

PANEL = "Use it"
BATCH = "Everybody at once"
SESSION = "A session"

User = Annotated[
    str | None, typer.Argument(metavar="[USER]", help="User id, platform:native; or give --all.", show_default=False)
]
Item = Annotated[str, typer.Argument(metavar="ITEM", help="Item id, platform:native.")]
Count = Annotated[int, typer.Option("-n", min=1, max=500, help="How many items.")]
Explain = Annotated[bool, typer.Option("--explain", help="Say why, with the path in the graph that proves it.")]
Language = Annotated[
    bool,
    typer.Option("--language", help="A language model judges the best ones, each by itself, and moves them a little."),
]  # fmt: skip
Kind = Annotated[str | None, typer.Option("--kind", help="Only items of this kind.", show_default=False)]
Diversity = Annotated[
    float, typer.Option("--diversity", min=0, max=1, help="0: the model's order; towards 1: items unlike each other.")
]
All = Annotated[bool, typer.Option("--all", help="Every user's list, into --out or the graph.", rich_help_panel=BATCH)]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", show_default=False, rich_help_panel=BATCH,
                 help="Of --all: lists.parquet or lists.csv, there when it is whole."),
]  # fmt: skip
ToGraph = Annotated[
    bool, typer.Option("--to-graph", rich_help_panel=BATCH, help="Of --all: as RECOMMENDED relationships.")
]
Platform = Annotated[
    str | None,
    typer.Option("--platform", rich_help_panel=BATCH, show_default=False, help="Of --all: users of this platform."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, rich_help_panel=BATCH, help="Of --all: processes.")]
Mix = Annotated[
    str | None,
    typer.Option("--mix", help="Several ways at once, weighed: text=0.5,image=0.3, or even.", show_default=False),
]
Items = Annotated[
    list[str] | None,
    typer.Option("--items", metavar="ITEM", help="A session of nobody in particular: what was met, oldest first; "
                 "again for more.", show_default=False, rich_help_panel=SESSION),
]  # fmt: skip
Scenario = Annotated[
    str | None,
    typer.Option("--scenario", help="Of --items: whose filters and rules hold.", show_default=False,
                 rich_help_panel=SESSION),
]  # fmt: skip
Lang = Annotated[Literal["en", "zh"], typer.Option("--lang", help="Language of the reasons.")]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", metavar="ITEM", help="What would change without this item; again for more."),
]
Also = Annotated[
    list[str] | None, typer.Option("--with", metavar="ITEM", help="What would change with this item; again for more.")
]
Way = Annotated[Literal["text", "image", "audio", "graph", "crowd"], typer.Option("--by", help="In which way alike.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "recommend",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace recommend movielens:196", "ten items for user 196"),
            ("interlace recommend movielens:196 -n 5 --explain", "five, with reasons"),
            ("interlace recommend movielens:196 --diversity 0.3", "less of the same"),
            ("interlace recommend movielens:196 --without movielens:50", "what would change without item 50"),
            ("interlace recommend movielens:196 --language --explain", "judged by the language model that is set"),
            (
                "interlace recommend --items movielens:50 --items movielens:172",
                "what comes next in a session",
            ),
            ("interlace recommend --all --out lists.parquet", "every user's list into a file"),
            ("interlace recommend --all --to-graph -n 20", "every user's list into the graph"),
        ),
    )(recommend)
    app.command(
        "similar",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace similar movielens:50", "items that share rare attributes with item 50"),
            ("interlace similar movielens:50 --by image", "items that look like it"),
            ("interlace similar movielens:50 --mix text=0.5,image=0.3", "by their words and, less, by their pictures"),
        ),
    )(similar)


def recommend(
    ctx: typer.Context,
    user: User = None,
    n: Count = 10,
    explain: Explain = False,
    language: Language = False,
    kind: Kind = None,
    diversity: Diversity = 0.0,
    lang: Lang = "en",
    without: Without = None,
    also: Also = None,
    everyone: All = False,
    out: Out = None,
    to_graph: ToGraph = False,
    platform: Platform = None,
    workers: Workers = 1,
    items: Items = None,
    scenario: Scenario = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show what a user, or somebody in the midst of a session, should see next."""
    session = start(ctx, home, store, as_json)
    if items:
        _check_session(user, everyone or language or bool(without) or bool(also))
        of_session(session, InSession(tuple(items), n, kind, diversity, scenario, explain, lang))
        return
    if everyone:
        _check_all(user, explain or language or diversity > 0)
        everybody(session, Wanted(n, kind, platform, out, to_graph, workers))
        return
    if user is None:
        raise InvalidData("no user", valid="a user's id (platform:native), or --all", remedy="name one")
    import orjson

    from serving.corrections import Corrections
    from serving.live_holder import open_live
    from serving.recommend import Wish
    from serving.recommend import recommend as rank
    from serving.render import recommendations

    live = open_live(session.home, session.settings.consent_defaults)
    if without or also:
        _what_if(session, live, user, without or [], also or [], n)
        return
    if language:
        _judged(session, live, Wish(user, n, kind, diversity=diversity), explain, lang)
        return
    removed = Corrections(session.home).of(user)
    found = rank(live, Wish(user, n, kind, diversity=diversity, removed=removed))
    reasons = _reasons(session, live, found, lang) if explain else None
    payload = orjson.loads(recommendations(live, found, reasons))
    session.answer(payload, lambda console: show(console, payload["items"]))


def _check_session(user: str | None, more: bool) -> None:
    if user is not None:
        raise InvalidData(f"both --items and user {user!r}", valid="one of them", remedy="leave one out")
    if more:
        raise InvalidData("--all, --language, --with or --without with --items",
                          valid="-n, --kind, --diversity, --scenario, --explain, --lang",
                          remedy="leave it out")  # fmt: skip


def _check_all(user: str | None, more: bool) -> None:
    if user is not None:
        raise InvalidData(f"both --all and user {user!r}", valid="one of them", remedy="leave one out")
    if more:
        raise InvalidData("--explain, --language or --diversity with --all", valid="-n, --kind, --platform, --workers",
                          remedy="leave it out")  # fmt: skip


def _what_if(session: Session, live: Live, user: str, without: list[str], also: list[str], n: int) -> None:
    """What would change, as `POST /v1/explanations/what-if` gives it."""
    from rich.markup import escape

    from serving.what_if import what_if

    found = what_if(live, user, n, without=without, also=also).json(live)

    def shown(console: Console) -> None:
        for title, part in (("before", "before"), ("after", "after")):
            console.print(f"[bold]{title}[/]")
            show(console, found[part])
        for name, mark in (("entered", "green"), ("left", "red")):
            told = ", ".join(escape(str(one["item"]["title"])) for one in found[name]) or "nothing"
            console.print(f"[{mark}]{name}[/] {told}")

    session.answer(found, shown)


def _judged(session: Session, live: Live, wish: Wish, explain: bool, lang: str) -> None:
    """The short list judged by a language model; what it says stands beside the proved reasons, marked as its own."""
    import orjson

    from serving.cli.enrich import show_cost
    from serving.language import open_asker, prices, short_list
    from serving.render import recommendations

    settings = session.settings
    with open_asker(settings) as asker, session.store() as graph, session.reporter.step("asking the language model"):
        short = short_list(
            live, graph, asker, wish, reasons=explain,
            candidates=settings.language_candidates, reach=settings.language_reach,
        )  # fmt: skip
    reasons = _reasons(session, live, short.found, lang) if explain else None
    payload = orjson.loads(recommendations(live, short.found, reasons))
    for entry, before, said, pinned in zip(payload["items"], short.before, short.said, short.pinned, strict=True):
        entry["language"] = {"first_rank": before, "said": said, "pinned": pinned}
    cost = asker.tally.as_dict(prices(settings))
    payload["language"] = {"model": asker.provider.name, "judged": short.judged, "reach": settings.language_reach,
                           "cost": cost}  # fmt: skip

    def shown(console: Console) -> None:
        show(console, payload["items"])
        show_cost(console, cost)

    session.answer(payload, shown)


def _reasons(session: Session, live: Live, found: Recommendations, lang: str) -> list[bytes]:
    import orjson

    from serving.foldin import personal
    from serving.reasons import Reasoner

    with session.store() as graph:
        reasoner = Reasoner(session.settings.k_anonymity)
        given = reasoner.for_user(graph, live, personal(live, found.user), found.items, lang)
    return [b"null" if one is None else orjson.dumps(one.json()) for one in given]


def similar(
    ctx: typer.Context,
    item: Item,
    by: Way = "graph",
    mix: Mix = None,
    n: Count = 10,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show items like an item: by text, picture, shared attributes, by who liked both, or by a mix of these."""
    session = start(ctx, home, store, as_json)
    import orjson

    from serving.live_holder import open_live
    from serving.render import ranked
    from serving.similar import similar as nearest

    live = open_live(session.home, session.settings.consent_defaults)
    if mix is not None:
        _mixed(session, live, item, mix, n)
        return
    items, scores = nearest(live, live.item(item), by, n)
    found = orjson.loads(ranked(live, items.tolist(), scores.tolist()))
    session.answer({"item": item, "modality": by, "items": found}, lambda console: show(console, found))


def _mixed(session: Session, live: Live, item: str, mix: str, n: int) -> None:
    import orjson

    from serving.render import ranked
    from serving.similar_mix import parse_mix, scored_ways, similar_mixed

    place = live.item(item)
    weights, ways = parse_mix(live, mix), scored_ways(live, place)
    (items, scores), used = similar_mixed(live, place, weights, n, scored=ways)
    found = orjson.loads(ranked(live, items.tolist(), scores.tolist()))
    payload = {"item": item, "modality": "mix", "mix": used, "ways": list(ways), "items": found}
    session.answer(payload, lambda console: show(console, found))


def show(console: Console, items: list[dict[str, Any]]) -> None:
    """One row an item, its reason below."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "item", "title", "", "score", box=None)
    for entry in items:
        card, reason = entry["item"], entry.get("reason")
        attributes = ", ".join(value for values in card["attributes"].values() for value in values[:3])
        why = f"\n[green]{escape(reason['text'])}[/]" if reason else ""
        told = entry.get("language", {})
        why += f"\n[dim]the language model: {escape(told['said'])}[/]" if told.get("said") else ""
        title = escape(card["title"] or "") + why
        table.add_row(str(entry["rank"]), escape(card["id"]), title, escape(attributes), f"{entry['score']:.3f}")
    console.print(table)
