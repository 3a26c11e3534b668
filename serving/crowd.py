"""Who did what with an item, by item: how many people did something with two items, and how many in that order.

All that leaves here is in steps of `k_anonymity`, downwards: what is made of it is the same with one person more or
less, unless a count passes from one step to the next.

Made from the index's history at the first reason that is asked for; a worker keeps it until another index is published.
Histories of more than `MOST` interactions are left alone: reasons then do without people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.explain_paths import threshold
from graph.explain_tell import FEWEST_PEOPLE, at_least
from graph.explain_words import VERBS
from graph.schema import KIND_TO_TYPE, KINDS
from graph.snapshot import NO_TIME
from serving.index import Index

MOST = 5_000_000
RATED = KINDS.index("rated")
TELLING = np.array([KIND_TO_TYPE[kind] in VERBS for kind in KINDS])


@dataclass(frozen=True)
class Together:
    """Of two items: people who did the same with both, those who did it with the second later, with the first, with the
    second, and all there are; in steps.
    """

    people: int
    after: int
    first: int
    second: int
    everybody: int


@dataclass(frozen=True)
class Crowd:
    """CSR by item, users ascending within a kind: `key` is kind * users + user; `first` and `last`: when. `at_least`:
    from which rating on something was liked. `step`: people are counted in steps of it.
    """

    indptr: NDArray[np.int64]
    key: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    users: int
    at_least: float
    step: int

    def together(self, one: int, other: int, kind: int) -> Together:
        """Of two positions in the index, for one kind of interaction (its code)."""
        a, b = self._span(one, kind), self._span(other, kind)
        first, second = a.stop - a.start, b.stop - b.start
        if min(first, second) == 0:
            return Together(0, 0, 0, 0, 0)
        there = np.searchsorted(self.key[b], self.key[a])  # both ascend
        mine = np.flatnonzero(self.key[b][np.minimum(there, second - 1)] == self.key[a])
        begun, ended = self.first[a][mine], self.last[b][there[mine]]
        after = int(np.count_nonzero((begun != NO_TIME) & (ended != NO_TIME) & (ended > begun)))
        counts = len(mine), after, first, second, self.users
        return Together(*(at_least(count, self.step) for count in counts))

    def _span(self, item: int, kind: int) -> slice:
        if item + 1 >= len(self.indptr):
            return slice(0, 0)
        start, stop = int(self.indptr[item]), int(self.indptr[item + 1])
        low, high = np.searchsorted(self.key[start:stop], (kind * self.users, (kind + 1) * self.users))
        return slice(start + int(low), start + int(high))


def crowd_of(index: Index, step: int = FEWEST_PEOPLE) -> Crowd:
    """Counted anew: some milliseconds for 100,000 interactions."""
    history = index.history
    value, kind = np.asarray(history.value), np.asarray(history.kind).astype(np.int64)
    liked_from = threshold(value[kind == RATED].tolist())
    users = np.repeat(np.arange(index.num_users), np.diff(history.rows.indptr))
    kept = TELLING[kind] & ((kind != RATED) | (value >= liked_from))
    if np.count_nonzero(kept) > MOST:
        kept[:] = False
    item, time = np.asarray(history.rows.columns)[kept].astype(np.int64), np.asarray(history.time)[kept]
    key = kind[kept] * index.num_users + users[kept]
    order = np.lexsort((time, key, item))
    item, key, time = item[order], key[order], time[order]
    new = np.ones(len(key), bool)
    new[1:] = (item[1:] != item[:-1]) | (key[1:] != key[:-1])
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(key))[: len(starts)] - 1
    counts = np.bincount(item[starts], minlength=index.num_items)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Crowd(indptr, key[starts], time[starts], time[ends], index.num_users, liked_from, step)
