"""What people go on to after an item: pairs that lie close together in histories, counted once an index.

Only pairs that at least `fewest` people share count, in steps of it, downwards, as the crowd's neighbours do
(`serving.neighbours.crowd`): no list tells what one person did.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from serving.index import Index
from serving.index_files import Rows

REACH = 3
"""How many places later an item may stand."""
LAST = 100
"""Newest items of a history that are read."""
MOST = 5_000_000
"""Items of histories that are read; of larger data, those of every k-th user."""


@dataclass(frozen=True)
class Transitions:
    """Of item i the items at `rows[i]` followed; `weights` beside: people over the root of both items' popularity."""

    rows: Rows
    weights: NDArray[np.float32]

    def after(self, item: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """What followed an item, and its weights; nothing for an item that the index does not know."""
        if item >= len(self.rows):
            return np.empty(0, np.int32), np.empty(0, np.float32)
        span = self.rows.span(item)
        return self.rows.columns[span], self.weights[span]


class TransitionsHolder:
    """Those of the index that a worker answers from, counted when first asked for. `fewest`: people a pair needs."""

    def __init__(self, fewest: int) -> None:
        self._fewest = fewest
        self._lock = Lock()
        self._made: tuple[Index, Transitions] | None = None

    def get(self, index: Index) -> Transitions:
        """Cheap until an index is published."""
        with self._lock:
            if self._made is None or self._made[0] is not index:
                self._made = index, count(index.known, index.num_items, self._fewest)
            return self._made[1]


def count(known: Rows, num_items: int, fewest: int) -> Transitions:
    """Transitions in histories, oldest first."""
    users = np.arange(0, len(known), max(1, -(-len(known.columns) // MOST)))
    places, counts = known.spans(users, LAST)
    items, owner = known.columns[places].astype(np.int64), np.repeat(np.arange(len(users)), counts)
    pairs = []
    for step in range(1, REACH + 1):
        same = owner[:-step] == owner[step:]
        one, other = items[:-step][same], items[step:][same]
        pairs.append(np.stack([(one * num_items + other)[one != other], owner[step:][same][one != other]]))
    by_user = np.unique(np.concatenate(pairs, axis=1), axis=1)
    keys, people = np.unique(by_user[0], return_counts=True)
    people = people // fewest * fewest
    keys, people = keys[people > 0], people[people > 0]
    first, then = keys // max(1, num_items), keys % max(1, num_items)
    popularity = np.maximum(fewest, np.bincount(items, minlength=num_items))
    weights = people / np.sqrt(popularity[first] * popularity[then])
    indptr = np.concatenate([[0], np.cumsum(np.bincount(first, minlength=num_items))]).astype(np.int64)
    return Transitions(Rows(indptr, then.astype(np.int32)), weights.astype(np.float32))
