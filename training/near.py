"""What comes soon after an item, or beside it, in people's histories: the one place that counts such pairs.

Sessions weigh each time (`training.sessions`); playlists and related items count people, each once a pair
(`serving.publish_related`). Memory is the result's and one row: no item by item matrix is made on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import NO_TIME
from training.data import Histories

ANY_TIME = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Near:
    """`counts` (items, items) float32: row = item met, column = item near it, sorted. `totals` (items,): the sum of
    each row, also of what `counts` leaves out.
    """

    counts: csr_matrix
    totals: NDArray[np.float64]


def near(
    histories: Histories,
    weights: Sequence[float] | NDArray[np.floating],
    *,
    both: bool = False,
    people: bool = False,
    fewest: float = 0,
    within: int = ANY_TIME,
) -> Near:
    """Pairs of different items that stand up to `len(weights)` places apart in one history.

    `weights[d - 1]`: what a pair d places apart counts. `both`: what stands before an item counts as what stands after
    it. `people`: a pair counts once a user, at the first place that it is met. `fewest`: pairs that come to less are
    left out. `within`: most seconds between the two, where both have a time.
    """
    num_items = histories.num_items
    owner = np.repeat(np.arange(len(histories), dtype=np.int64), np.diff(histories.indptr))
    places = np.argsort(histories.items, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(histories.items, minlength=num_items))]).astype(np.int64)
    rows = (histories.items, owner, histories.times, places, starts)
    rules = (np.asarray(weights, np.float32), both, people, np.float32(max(fewest, 1e-9)), within)
    counts, totals = np.zeros(num_items + 1, np.int64), np.zeros(num_items, np.float64)
    _count(rows, rules, totals, counts, np.empty(0, np.int32), np.empty(0, np.float32))
    indptr = np.cumsum(counts)
    columns, values = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    _count(rows, rules, totals, indptr, columns, values)
    return Near(csr_matrix((values, columns, indptr), shape=(num_items, num_items)), totals)


@njit(cache=True)
def _count(rows, rules, totals, indptr, columns, values):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Without room in `columns`: how long each row is into `indptr[1:]`, and `totals`. With it: the rows."""
    num_items, fewest = len(totals), rules[3]
    found, last = np.zeros(num_items, np.float32), np.full(num_items, -1, np.int64)
    met = np.empty(num_items, np.int32)
    for item in range(num_items):
        near_by = np.sort(met[: _row(item, rows, rules, found, last, met)])
        if len(columns) == 0:
            totals[item] = found[near_by].sum()
            indptr[item + 1] = np.sum(found[near_by] >= fewest)
        else:
            kept = near_by[found[near_by] >= fewest]
            columns[indptr[item] : indptr[item + 1]] = kept
            values[indptr[item] : indptr[item + 1]] = found[kept]
        found[near_by] = 0
        last[near_by] = -1


@njit(cache=True)
def _row(item, rows, rules, found, last, met):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Adds up in `found` what stands near an item; the other items into `met`, of which it returns how many."""
    items, owner, times, places, starts = rows
    weights, both, people, _, within = rules
    size = 0
    for at in places[starts[item] : starts[item + 1]]:
        for step in range(-len(weights) if both else 1, len(weights) + 1):
            beside = at + step
            if step == 0 or beside < 0 or beside >= len(items) or owner[beside] != owner[at]:
                continue
            other = items[beside]
            if other == item or (people and last[other] == owner[at]) or _far(times[at], times[beside], within):
                continue
            if found[other] == 0:
                met[size] = other
                size += 1
            found[other] += weights[abs(step) - 1]
            last[other] = owner[at]
    return size


@njit(cache=True)
def _far(one, other, within):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Are two times further apart than that; not where one of them is unknown."""
    return one != NO_TIME and other != NO_TIME and abs(other - one) > within  # noqa: PLR1714  numba has no `not in`
