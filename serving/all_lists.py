"""Every user's list, block by block: what `serving.recommend.recommend` gives each of them, in bounded memory.

Lists that were made when the index was published stream from its arrays. Who has none, or too short a one under the
filters, is scored together with others of the block; who did nothing gets what is popular.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graph.consent import Defaults
from serving.candidates import FRIENDS, LIST, MODEL, PERSON, POPULAR, appeal
from serving.corrections import Interest, removals
from serving.foldin import personal, told_of
from serving.index import open_index
from serving.index_files import MISSING
from serving.inherit import Floats
from serving.live import Live
from serving.live_holder import LiveHolder
from serving.rank import best
from serving.recommend import Filter, Wish, answered, choose
from serving.retrieve import can_retrieve

if TYPE_CHECKING:
    from serving.all_retrieved import Catalogue
    from serving.all_scores import Askers

BLOCK = 4_096
"""Users a block."""
CELLS = 1 << 25
"""Scores that are held at once where all items are scored."""
RETRIEVED = 1_024
"""Users whose candidates are held at once in a large catalogue."""
SOURCES = (LIST, MODEL, PERSON, FRIENDS, POPULAR)


@dataclass(frozen=True)
class Lists:
    """Lists of users, row by row: (users, n) items, `MISSING` padded, and scores; `source` is a place in `SOURCES`."""

    users: NDArray[np.int64]
    items: NDArray[np.int32]
    scores: Floats
    source: NDArray[np.int8]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.asarray(np.count_nonzero(self.items != MISSING, axis=1), np.int64)


@dataclass(frozen=True)
class Everybody:
    """All lists of n items that `chosen` lets pass, on this state of the catalogue."""

    live: Live
    n: int
    chosen: Filter = field(default_factory=Filter)
    removed: Mapping[str, tuple[Interest, ...]] = field(default_factory=dict)
    """What users took out of their profiles, by user."""

    @cached_property
    def kept(self) -> NDArray[np.bool_]:
        """(num_items,): what may be shown to anybody."""
        return self.chosen.keep(self.live, np.arange(self.live.num_items))

    @cached_property
    def popular(self) -> tuple[NDArray[np.int64], Floats]:
        """What may be shown, the most popular first, with what the score of that source is."""
        if self.live.has_source.any():
            expected = appeal(self.live)
            order = best(expected, self.live.num_items)
            order = order[self.kept[order]]
            return order, np.expm1(expected[order])
        order = np.asarray(self.live.index.popular)
        order = order[self.kept[order]].astype(np.int64)
        return order, self.live.index.popularity[order]

    def of(self, users: NDArray[np.int64]) -> Lists:
        """Lists of these users."""
        index, size = self.live.index, len(users)
        found = Lists(
            users,
            np.full((size, self.n), MISSING, np.int32),
            np.zeros((size, self.n), np.float32),
            self._sources(users),
        )
        self._from_lists(found)
        rows = np.flatnonzero(found.source == SOURCES.index(MODEL))
        self._scored(found, rows, users[rows].tolist(), [index.known[user] for user in users[rows].tolist()])
        rows = np.flatnonzero(np.isin(found.source, (SOURCES.index(PERSON), SOURCES.index(FRIENDS))))
        self._scored(found, rows, [MISSING] * len(rows), [index.borrowed[user] for user in users[rows].tolist()])
        self._popular(found, np.flatnonzero(found.source == SOURCES.index(POPULAR)))
        for row in np.flatnonzero(np.isin(users, self.moved) | self._doubtful(found)).tolist():
            self._as_they_are(found, row)
        return found

    def _doubtful(self, found: Lists) -> NDArray[np.bool_]:
        """Rows of people who may not be who they are linked to."""
        sure = self.live.index.borrowed_sure
        if not len(sure):
            return np.zeros(len(found.users), np.bool_)
        return np.asarray((found.source == SOURCES.index(PERSON)) & (sure[found.users] < 1))

    @cached_property
    def moved(self) -> NDArray[np.int64]:
        """Users who did something that the index does not know, removed an interest, or may withhold a consent: each is
        answered alone.
        """
        index, consents = self.live.index, self.live.consents
        if consents is not None and consents.defaults.withheld:
            return np.arange(index.num_users)
        said = () if consents is None else consents.users()
        names = (*(() if self.live.log is None else self.live.log.users()), *self.removed, *said)
        places = (index.user_ids.find(name.encode("utf-8", "surrogatepass")) for name in names)
        marked = np.empty(0, np.int64) if index.consent is None else np.flatnonzero(index.consent)
        return np.union1d(marked, np.array([place for place in places if place != MISSING], np.int64))

    def _as_they_are(self, found: Lists, row: int) -> None:
        name = self.live.index.user_ids[int(found.users[row])].decode("utf-8", "surrogatepass")
        wish = Wish(name, self.n, removed=self.removed.get(name, ()))
        one = answered(self.live, personal(self.live, name), wish, self.chosen)
        found.items[row], found.scores[row] = MISSING, 0
        found.items[row, : len(one.items)], found.scores[row, : len(one.items)] = one.items, one.scores
        found.source[row] = SOURCES.index(one.source)

    def _sources(self, users: NDArray[np.int64]) -> NDArray[np.int8]:
        """`serving.candidates.sources_for`, its first name."""
        index = self.live.index
        known = np.diff(index.known.indptr)[users] > 0
        borrowed = np.diff(index.borrowed.indptr)
        lent = borrowed[users] > 0 if len(borrowed) else np.zeros(len(users), np.bool_)
        own = index.borrowed_own[users] if len(borrowed) else lent
        by_model = MODEL if self.live.has_source.any() else LIST
        unknown = np.where(lent, np.where(own, SOURCES.index(PERSON), SOURCES.index(FRIENDS)), SOURCES.index(POPULAR))
        return np.where(known, SOURCES.index(by_model), unknown).astype(np.int8)

    def _from_lists(self, found: Lists) -> None:
        """Rows whose published list is too short become the model's."""
        rows = np.flatnonzero(found.source == SOURCES.index(LIST))
        users, index = found.users[rows], self.live.index
        width = self.n if self.kept.all() else index.list_items.shape[1]
        items, scores = index.list_items[users, :width], index.list_scores[users, :width]
        keep = (items != MISSING) & self.kept[items]
        whole = keep.sum(axis=1) >= self.n
        place = np.argsort(~keep[whole], axis=1, kind="stable")[:, : self.n]
        if whole.any():
            found.items[rows[whole]] = np.take_along_axis(items[whole], place, axis=1)
            found.scores[rows[whole]] = np.take_along_axis(scores[whole], place, axis=1)
        found.source[rows[~whole]] = SOURCES.index(MODEL)

    def _scored(
        self, found: Lists, rows: NDArray[np.int64], who: Sequence[int], histories: Sequence[NDArray[np.int32]]
    ) -> None:
        large, index = can_retrieve(self.live.index), self.live.index
        step = RETRIEVED if large else max(1, CELLS // max(1, index.num_items))
        for start in range(0, len(rows), step):
            from serving.all_scores import Askers  # compiled code, which no list needs that was published

            some = slice(start, start + step)
            seen = [index.seen[user] for user in found.users[rows[some]].tolist()]
            told = [told_of(index, user) for user in who[some]]
            askers = Askers(who[some], histories[some], seen, told)
            left = self._retrieve(found, rows[some], askers) if large else np.arange(len(askers))
            self._score(found, rows[some][left], askers.take(left))

    def _retrieve(self, found: Lists, rows: NDArray[np.int64], askers: Askers) -> NDArray[np.int64]:
        from serving.all_retrieved import retrieve_all

        items, scores, whole = retrieve_all(self.catalogue, askers, self.n)
        found.items[rows[whole]], found.scores[rows[whole]] = items[whole], scores[whole]
        return np.flatnonzero(~whole)

    def _score(self, found: Lists, rows: NDArray[np.int64], askers: Askers) -> None:
        """By the scores of all items."""
        from serving.all_scores import block_scores
        from training.topk import top_k

        step = max(1, CELLS // max(1, self.live.num_items))
        for start in range(0, len(rows), step):
            some = np.arange(start, min(start + step, len(rows)))
            scores = block_scores(self.live, askers.take(some))
            scores[:, ~self.kept] = -np.inf
            items, values = top_k(scores, None, self.n)
            found.items[rows[some]] = items
            found.scores[rows[some]] = np.where(items == MISSING, 0, values)

    @cached_property
    def catalogue(self) -> Catalogue:
        from serving.all_retrieved import Catalogue

        return Catalogue.of(self.live, self.kept)

    def _popular(self, found: Lists, rows: NDArray[np.int64]) -> None:
        order, scores = self.popular
        for row in rows.tolist():
            seen = self.live.index.seen[int(found.users[row])]
            head = order[: self.n + len(seen)]
            kept = np.flatnonzero(~np.isin(head, seen))[: self.n]
            found.items[row, : len(kept)], found.scores[row, : len(kept)] = head[kept], scores[kept]


def blocks(everybody: Everybody, users: NDArray[np.int64]) -> Iterator[Lists]:
    """Lists of these users, some thousand at a time."""
    for start in range(0, len(users), BLOCK):
        yield everybody.of(users[start : start + BLOCK])


def in_processes(
    home: Path, version: str, n: int, kind: str | None, users: NDArray[np.int64], *, workers: int, defaults: Defaults
) -> Iterator[Lists]:
    """The same, made by several processes that share the index's pages; in order, few blocks held at a time."""
    starts = iter(range(0, len(users), BLOCK))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_open, initargs=(home, version, n, kind, defaults)) as pool:
        waiting = deque(pool.submit(_block, users[start : start + BLOCK]) for start in islice(starts, 2 * workers))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(_block, users[start : start + BLOCK]) for start in islice(starts, 1))


_MINE: list[Everybody] = []
"""What a worker process of `in_processes` answers from: its own, made once."""


def _open(home: Path, version: str, n: int, kind: str | None, defaults: Defaults) -> None:
    live = LiveHolder(home, defaults).get(open_index(home, version))
    _MINE[:] = [Everybody(live, n, choose(live, kind, ()), removals(home))]


def _block(users: NDArray[np.int64]) -> Lists:
    return _MINE[0].of(users)
