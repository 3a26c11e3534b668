"""A language model's summaries of items and sentences on users, written to the graph with who wrote them.

After ingest, before encode: graph -> graph. `Item.summary` and `User.profile_text`, each with `_by` (the model),
`_prompt` (its name and version) and `_source` (a mark of all that was asked). What has its mark is left alone, so a run
that was cut short goes on; a summary that the catalogue itself brought is never replaced. Of users who do not agree to
`recommendation` nothing is told, and what a model wrote of them goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from encoders.language.ask import Asker, Prices
from encoders.language.cache import answer_key
from encoders.language.facts import liked_by, with_attributes
from encoders.language.judge import LIKED
from encoders.language.prompts import TEMPLATES, Template
from encoders.language.provider import Prompt
from graph import changes
from graph.consent import RECOMMENDATION, Defaults
from graph.schema import ITEM, USER
from graph.store import GraphStore

PAGE = 32
SUSPICIOUS = "its words read as if they spoke to a model"
NOTHING = "nothing to tell of it"
THEIRS = "it has one that no model wrote"
WITHHELD = "they do not agree to recommendation"
SILENCE_AGREES = Defaults()

What: TypeAlias = Literal["summaries", "profiles"]
Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is written, the items or users done, and those in all."""


@dataclass(frozen=True)
class Subject:
    """An item or user. `prompt`: None where nothing is asked, and `why`. `there`: has a text that a model wrote."""

    id: str
    prompt: Prompt | None
    why: str = ""
    there: bool = False
    source: str = ""


@dataclass(frozen=True)
class Kind:
    """Which nodes get which property by which prompt, and how a page of them is read."""

    what: What
    label: str
    property: str
    template: Template
    pages: str
    write: str
    read: Callable[[GraphStore, Sequence[Mapping[str, Any]], Defaults], Iterator[Prompt | str]]


@dataclass(frozen=True)
class PartReport:
    """`seen` were looked at: `written` now, `kept` from before; `skipped` and refused ones by reason.

    `more`: the limit ended it; a later run goes on.
    """

    what: What
    seen: int
    written: int
    kept: int
    removed: int
    more: bool
    skipped: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return asdict(self)


@dataclass(frozen=True)
class Estimate:
    """What a run would ask. Tokens out and price are the most there can be without retries, which may double them."""

    what: What
    calls: int
    cached: int
    tokens_in: int
    tokens_out: int
    price: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return asdict(self)


def _items(store: GraphStore, rows: Sequence[Mapping[str, Any]], _: Defaults) -> Iterator[Prompt | str]:
    words = with_attributes(store, rows)
    for row in rows:
        item = words[row["id"]]
        if item.suspicious:
            yield SUSPICIOUS
        elif not item.text and not item.attributes:
            yield NOTHING
        else:
            yield TEMPLATES["item-summary"].ask(item.fields())


def _users(store: GraphStore, rows: Sequence[Mapping[str, Any]], defaults: Defaults) -> Iterator[Prompt | str]:
    for row in rows:
        if not defaults.agrees(row["id"], RECOMMENDATION, row["consent"]):
            yield WITHHELD
            continue
        liked = [one.named() for one in liked_by(store, row["id"], LIKED) if not one.suspicious]
        yield TEMPLATES["user-profile"].ask({"liked": liked}) if liked else NOTHING


KINDS: Mapping[What, Kind] = {
    "summaries": Kind(
        "summaries", ITEM, "summary", TEMPLATES["item-summary"], "summary_sources", "set_item_properties", _items
    ),
    "profiles": Kind(
        "profiles", USER, "profile_text", TEMPLATES["user-profile"], "profile_sources", "set_user_properties", _users
    ),
}


def enrich(
    store: GraphStore,
    asker: Asker,
    what: What,
    *,
    home: Path,
    limit: int | None = None,
    progress: Progress | None = None,
    defaults: Defaults = SILENCE_AGREES,
) -> PartReport:
    """Asks for what is missing or out of date, at most `limit` times, and writes page by page.

    `defaults`: what the silence of users means, of whom the graph holds what they said.

    Raises what `Provider.complete` does; the pages before are written and answers are in the cache.
    """
    kind, counts, skipped, more = KINDS[what], Counter[str](), Counter[str](), False
    total = int(store.query("item_count" if kind.label == ITEM else "user_count").rows[0][0])
    changes.prepare(store)
    for subjects in _pages(store, asker, kind, defaults):
        wanted = [one for one in subjects if one.prompt is not None]
        room = len(wanted) if limit is None else max(0, limit - counts["asked"])
        asked = wanted[:room]
        rows = _answered(asker, kind, asked, skipped)
        counts["written"] += len(rows)
        gone = [
            one for one in subjects if one.prompt is None and one.there and one.why in {SUSPICIOUS, NOTHING, WITHHELD}
        ]
        answered = {row["id"] for row in rows}
        gone += [one for one in asked if one.there and one.id not in answered]
        rows += [{"id": one.id, "properties": _nothing(kind)} for one in gone]
        if rows:
            ids = [row["id"] for row in rows]
            changes.write_nodes(store, home, kind.write, {"rows": rows}, {kind.label: ids})
        skipped.update(one.why for one in subjects if one.prompt is None and one.why)
        counts += Counter(
            seen=len(subjects),
            asked=len(asked),
            removed=len(gone),
            kept=sum(one.prompt is None and not one.why for one in subjects),
        )
        if progress is not None:
            progress(what, counts["seen"], max(total, counts["seen"]))
        if more := len(asked) < len(wanted):
            break
    numbers = {name: counts[name] for name in ("seen", "written", "kept", "removed")}
    return PartReport(what, **numbers, more=more, skipped=dict(skipped))


def estimate(
    store: GraphStore,
    asker: Asker,
    what: What,
    *,
    prices: Prices,
    limit: int | None = None,
    progress: Progress | None = None,
    defaults: Defaults = SILENCE_AGREES,
) -> Estimate:
    """What `enrich` would ask, without asking or writing anything."""
    kind, calls, cached, tokens_in, tokens_out, seen = KINDS[what], 0, 0, 0, 0, 0
    total = int(store.query("item_count" if kind.label == ITEM else "user_count").rows[0][0])
    for subjects in _pages(store, asker, kind, defaults):
        wanted = [one.prompt for one in subjects if one.prompt is not None]
        wanted = wanted if limit is None else wanted[: max(0, limit - calls - cached)]
        keys = [answer_key(asker.provider.name, prompt) for prompt in wanted]
        known = asker.cache.get(keys)
        new = [prompt for key, prompt in zip(keys, wanted, strict=True) if key not in known]
        calls += len(new)
        cached += len(wanted) - len(new)
        tokens_in += sum(asker.provider.count_tokens(prompt) for prompt in new)
        tokens_out += sum(prompt.max_tokens for prompt in new)
        seen += len(subjects)
        if progress is not None:
            progress(what, seen, max(total, seen))
        if limit is not None and calls + cached >= limit:
            break
    return Estimate(what, calls, cached, tokens_in, tokens_out, round(prices.of(tokens_in, tokens_out), 6))


def _pages(store: GraphStore, asker: Asker, kind: Kind, defaults: Defaults) -> Iterator[list[Subject]]:
    after = ""
    while rows := store.query(kind.pages, {"after": after, "limit": PAGE}).dicts():
        prompts = kind.read(store, rows, defaults)
        yield [_subject(asker, row, prompt) for row, prompt in zip(rows, prompts, strict=True)]
        after = rows[-1]["id"]


def _subject(asker: Asker, row: Mapping[str, Any], prompt: Prompt | str) -> Subject:
    identity, ours = str(row["id"]), bool(row["there"] and row["by"])
    if row["there"] and not ours:
        return Subject(identity, None, THEIRS)
    if isinstance(prompt, str):
        return Subject(identity, None, prompt, ours)
    source = answer_key(asker.provider.name, prompt).hex()[:32]
    if ours and row["source"] == source:
        return Subject(identity, None)
    return Subject(identity, prompt, "", ours, source)


def _answered(asker: Asker, kind: Kind, asked: Sequence[Subject], skipped: Counter[str]) -> list[dict[str, Any]]:
    """Properties to set of those whose answer passed; the others are counted."""
    prompts = [one.prompt for one in asked if one.prompt is not None]
    rows: list[dict[str, Any]] = []
    for one, answer in zip(asked, asker.ask(kind.template.field, prompts), strict=True):
        if answer.refused:
            skipped[f"refused: {answer.refused}"] += 1
            continue
        values = (answer.text, asker.provider.name, kind.template.label, one.source)
        rows.append({"id": one.id, "properties": dict(zip(_nothing(kind), values, strict=True))})
    return rows


def _nothing(kind: Kind) -> dict[str, None]:
    return dict.fromkeys((kind.property, *(f"{kind.property}_{mark}" for mark in ("by", "prompt", "source"))))
