"""What each interaction of a user does for an item's score: the score without it, for all of them at once.

Request path, behind reasons. The user is folded in from their history (`serving.rank.score` of
`MISSING`), with all of it and with each item left out in turn; what the score loses is that item's *drop*.
`tests/serving/test_effects.py` holds every form equal to `rank.score` of the shortened history. Members of a blend are
standardised over all items of a catalogue of up to `REFERENCE`, over an evenly spaced sample of so many beyond.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from serving.effect_forms import Known, Places, Read, standardised
from serving.index import Index
from serving.inherit import Floats, Inherited, inherited
from serving.live import Live

REFERENCE = 4096
LATEST = 400
"""Of a history the latest so many are left out in turn: those before them only weigh in the sums."""


@dataclass(frozen=True)
class Effects:
    """`left_out` (h,): positions of the items that were left out, each once. `drops` (h, n): points of score that each
    of the n items asked about loses without each of them; NaN where that cannot be said. `scores` (n,): with all.
    """

    left_out: NDArray[np.int32]
    drops: Floats
    scores: Floats

    @cached_property
    def others(self) -> Floats:
        """(h, n): the mean drop of all the other interactions; 0 where there is none."""
        rest = len(self.drops) - 1
        return np.asarray((self.drops.sum(axis=0) - self.drops) / max(1, rest), np.float32) * np.float32(rest > 0)


def effects(live: Live, history: NDArray[np.int32], items: Places, known: Known | None = None) -> Effects:
    """Drops of `items` (positions, new ones too) for a history of the index's items, oldest first, repeats allowed.

    `known`: what is computed once an index, kept by who asks often.
    """
    index = live.index
    some, first = np.unique(history[::-1], return_index=True)
    left_out = some[np.argsort(first)][:LATEST].astype(np.int32)
    places = np.asarray(items, np.int64)
    inherits = places >= index.num_items
    if index.inherit is not None:
        inherits |= np.isin(places, index.inherit.cold)
    asked = np.unique(places[~inherits])
    if index.inherit is not None and inherits.any():
        asked = np.union1d(asked, index.inherit.landmarks).astype(np.int64)
    read, reference, known = Read.of(history, left_out), _reference(index), Known() if known is None else known
    table = np.zeros((1 + len(left_out), len(asked)), np.float32)
    if len(asked):
        for member in index.members:
            table += standardised(member, read, asked, reference, known)
    found = np.full((len(table), len(places)), np.nan, np.float32)
    found[:, ~inherits] = table[:, np.searchsorted(asked, places[~inherits])]
    for place in np.flatnonzero(inherits).tolist():
        found[:, place] = _inherited(live, table, asked, int(places[place]))
    return Effects(left_out, np.asarray(found[0] - found[1:], np.float32), found[0])


def _reference(index: Index) -> Places:
    """The items that members of a blend are standardised over."""
    return np.linspace(0, index.num_items - 1, min(REFERENCE, index.num_items)).astype(np.int64)


def _inherited(live: Live, table: Floats, asked: Places, item: int) -> Floats | float:
    """(rows,): what a newcomer among the items inherits from the landmarks; NaN where that is nothing."""
    inherit = live.index.inherit
    fresh = item - live.index.num_items
    if inherit is None or (fresh >= 0 and not live.has_source[fresh]):
        return np.nan
    sources = live.sources if fresh >= 0 else inherit.cold_from
    row = fresh if fresh >= 0 else int(np.searchsorted(inherit.cold, item))
    landmarks = np.searchsorted(asked, inherit.landmarks).astype(np.int32)
    places = np.searchsorted(asked, sources.places[[row]]).astype(np.int32)
    return inherited(table, landmarks, Inherited(places, sources.weights[[row]]), inherit.stretch)[:, 0]
