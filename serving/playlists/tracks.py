"""What lists need to know of items: how long they are, who made them, and which of them may be shown to whom."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from graph.errors import InvalidData, NotFound
from graph.schema import KINDS
from serving.index_files import MISSING
from serving.scenarios.columns import Columns, Mask, Numbers, Words
from serving.scenarios.filters import always
from serving.scenarios.visitor import Visitor
from serving.search import Wanted

DURATIONS: Mapping[str, float] = MappingProxyType({
    "duration": 1 / 60, "duration_seconds": 1 / 60, "duration_ms": 1 / 60_000, "duration_minutes": 1.0, "runtime": 1.0,
})  # fmt: skip
"""Numeric properties of items that say how long one is, and minutes a unit. An item's first one counts."""
ARTISTS = ("Artist", "Performer", "Band", "Channel", "Creator", "Director", "Author")
"""Labels that say who made an item: of these, the first that the catalogue has."""
HIDDEN = KINDS.index("hidden")
SHOWN = 8


def minutes_of(columns: Columns) -> Numbers:
    """(items,) how long each item is; NaN where nothing says so, or something that is not above 0."""
    found = np.full(columns.size, np.nan)
    for name, unit in DURATIONS.items():
        if name in columns.numbers:
            found = np.where(np.isnan(found), columns.numbers[name] * unit, found)
    return np.where(found > 0, found, np.nan)


def artist_label(columns: Columns) -> str | None:
    """The label that tells who made an item; None where the catalogue has none."""
    return next((label for label in ARTISTS if label in columns.words), None)


def by_artist(columns: Columns, name: str) -> list[int]:
    """Positions of what an artist made. Raises `InvalidData` where no item tells artists, `NotFound` for a stranger."""
    label = artist_label(columns)
    if label is None:
        raise InvalidData(f"artist {name!r}: no item tells who made it", valid=f"a catalogue with {', '.join(ARTISTS)}",
                          remedy="start from items or attributes")  # fmt: skip
    return np.flatnonzero(with_name(columns, label, name)).tolist()


def with_name(columns: Columns, label: str, name: str) -> Mask:
    """(items,): which have this name of a label or text property. Raises `InvalidData` for a label that no item has,
    `NotFound` for a name.
    """
    words = known_label(columns, label)
    mask = columns.with_one_of(label, (name,))
    if not mask.any():
        some = ", ".join(sorted(words.names)[:SHOWN])
        raise NotFound(f"no item has {label} {name!r}", valid=f"a {label} of the catalogue: {some}, …",
                       remedy="name another one")  # fmt: skip
    return mask


def known_label(columns: Columns, label: str) -> Words:
    """Words of a label; raises `InvalidData` for one that no item has."""
    words = columns.label(label)
    if words is None:
        raise InvalidData(f"no item has a {label!r}", valid=", ".join(sorted(columns.words)) or "none: no item has any",
                          remedy="name one of these")  # fmt: skip
    return words


def showable(visitor: Visitor, *, seen: bool) -> Mask:
    """(items,): what this visitor may be shown at all: nothing that is deleted, expired, blocked, of an interest that
    they removed, or hidden by them; nothing they have seen, unless `seen`.
    """
    mask = always(visitor)
    mask[hidden_by(visitor)] = False
    return mask if seen else mask & visitor.unseen


def hidden_by(visitor: Visitor) -> list[int]:
    """Positions of what the visitor hid, by the index and by events since."""
    live, who = visitor.live, visitor.who
    found = [place for one in who.events if one.kind == HIDDEN and (place := live.find(one.item)) != MISSING]
    if who.place != MISSING:
        span = live.index.history.rows.span(who.place)
        found += live.index.history.rows.columns[span][live.index.history.kind[span] == HIDDEN].tolist()
    return found


def passing(visitor: Visitor, wanted: Wanted) -> Mask:
    """(items,): which are as a request's filter says (`serving.search.Wanted`), by columns."""
    live, columns = visitor.live, visitor.columns
    mask = np.ones(live.num_items, np.bool_)
    if wanted.kind is not None:
        mask &= np.array([name == wanted.kind for name in live.kinds], np.bool_)[live.item_kind]
    if wanted.platform is not None:
        prefix = f"{wanted.platform}:"
        mask &= np.fromiter((live.id(place).startswith(prefix) for place in range(live.num_items)), np.bool_)
    if wanted.years is not None:
        years = columns.number("year")
        mask &= (years >= wanted.years[0]) & (years <= wanted.years[1])
    for label, name in wanted.attributes.items():
        mask &= columns.with_one_of(label, (name,))
    return mask
