"""A home page: a preset's shelves filled for one user. Scored once, cut many times; no item twice on a page.

Request path. The model scores the catalogue at most once a page, columns give each shelf a mask, and what a shelf shows
is taken out of those that come after it. Shelves with nothing to show are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.live import Live
from serving.observe.record import CANDIDATES, timed
from serving.render import array
from serving.scenarios.columns import Mask
from serving.scenarios.facts import Facts, facts_of
from serving.scenarios.filters import always, passing
from serving.scenarios.preset import Preset, Shelf
from serving.scenarios.rules import chosen, ordered
from serving.scenarios.soon import DAY
from serving.scenarios.sources import SOURCES, Found
from serving.scenarios.visitor import Visitor


@dataclass(frozen=True)
class Row:
    """A shelf with its items (positions, best first), their scores, and what its title speaks of."""

    shelf: Shelf
    title: str
    items: list[int]
    scores: list[float]
    item: int | None
    attribute: tuple[str, str] | None
    facts: list[Facts]


@timed(CANDIDATES)
def home(visitor: Visitor, preset: Preset, language: str) -> list[Row]:
    """The shelves of a page, in the preset's order."""
    allowed = always(visitor) & passing(visitor, preset.filters)
    found = []
    for shelf in preset.shelves:
        row = _row(visitor, shelf, allowed, language)
        if row is not None:
            allowed[row.items] = False
            found.append(row)
    return found


def _row(visitor: Visitor, shelf: Shelf, allowed: Mask, language: str) -> Row | None:
    source = SOURCES[shelf.source](visitor, shelf.options)
    if source is None:
        return None
    mask = allowed & passing(visitor, shelf.filters)
    if not shelf.seen:
        mask &= visitor.unseen
    worth = ordered(visitor, source.scores, mask, shelf.rules)
    items = chosen(visitor, worth, mask, shelf.rules, shelf.n)
    if shelf.options.get("explore"):
        items = _explored(visitor, shelf, worth, mask, items)
    if not items:
        return None
    title, facts = shelf.title(language, source.words), facts_of(visitor, items)
    return Row(shelf, title, items, _scores(source, items), source.item, source.attribute, facts)


def _explored(visitor: Visitor, shelf: Shelf, worth: NDArray[np.float32], mask: Mask, items: list[int]) -> list[int]:
    """The shelf with at most `explore` of its places given by chance to others of the source, the same all day."""
    places = int(shelf.options["explore"] * len(items))
    there = np.isfinite(worth)
    there[items] = False
    others = np.flatnonzero(there)
    if not places or not len(others):
        return items
    draw = Random(f"{visitor.who.name} {int(visitor.now // DAY)}")  # noqa: S311  no secret
    guests = [int(others[draw.randrange(len(others))]) for _ in range(places)]
    return chosen(visitor, worth, mask, shelf.rules, len(items), [*items[: len(items) - places], *guests])


def _scores(source: Found, items: Iterable[int]) -> list[float]:
    """The source's own; 0 for a pinned item that it does not know."""
    return [float(score) if np.isfinite(score := source.scores[item]) else 0.0 for item in items]


def render(live: Live, user: str, preset: Preset, language: str, rows: list[Row]) -> bytes:
    """The answer's JSON."""
    model = {"name": live.index.model.name, "version": live.index.model.version}
    head = {"user": user, "scenario": preset.name, "title": preset.titles[language], "model": model}
    return b'%b,"shelves":%b}' % (orjson.dumps(head)[:-1], array(_shelf(live, row) for row in rows))


def _shelf(live: Live, row: Row) -> bytes:
    label = None if row.attribute is None else {"label": row.attribute[0], "name": row.attribute[1]}
    head = orjson.dumps({"title": row.title, "source": row.shelf.source, "attribute": label})
    item = b"null" if row.item is None else live.card(row.item)
    return b'%b,"item":%b,"items":%b}' % (head[:-1], item, array(_placed(live, row)))


def _placed(live: Live, row: Row) -> Iterator[bytes]:
    for rank, (item, score, facts) in enumerate(zip(row.items, row.scores, row.facts, strict=True), start=1):
        yield b'{"rank":%d,"score":%.6g,"item":%b,"facts":%b}' % (rank, score, live.card(item), orjson.dumps(facts))
