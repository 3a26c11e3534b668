"""What is shown, and to whom, over the last while: how much of the catalogue, and how far from what was published.

A request only leaves what it showed in a queue; once a second it is counted (`fold`) into a file of the worker that
those who answer a scrape read with all others' (`report`). Counts fade: they weigh half after `minutes`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.index import Index
from serving.index_files import MISSING
from serving.observe.cells import LATELY, Cells, Key
from serving.observe.metrics import (
    COVERAGE,
    DRIFT,
    GINI,
    HISTORY,
    LENGTHS,
    LIST_DEVIATION,
    LIST_MEAN,
    SHOWN_DEVIATION,
    SHOWN_MEAN,
)

KEPT = 4096
"""Answers that wait to be counted; of more a second the newest are."""
HISTORIES = 64
"""Users a second whose history's length is looked up."""
BINS = 10
TOP = 10
SAMPLE, RUN = 20_000, 500
"""Lists that are read, and how many side by side: single ones all over the file would map nearly all of it."""
ENOUGH = 100
"""Values below which a distribution is not compared."""
SMALLEST = 1e-4
HEAD = 64

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Published:
    """What an index leads to expect: (bins - 1,) edges and (bins,) shares of scores, (lengths,) shares of histories."""

    edges: Floats
    scores: Floats
    lengths: Floats
    mean: float
    deviation: float


def published(index: Index) -> Published:
    """Of the first `TOP` of at most `SAMPLE` lists, and of all users' histories."""
    step = max(RUN, index.num_users // (SAMPLE // RUN))
    runs = [slice(start, start + RUN) for start in range(0, index.num_users, step)]
    top, given = (np.concatenate([array[some, :TOP] for some in runs]) if runs else array[:, :TOP]
                  for array in (index.list_items, index.list_scores))  # fmt: skip
    scores = np.asarray(given[top != MISSING], np.float64)
    scores = scores if len(scores) else np.zeros(1)
    edges = np.quantile(scores, np.linspace(0, 1, BINS + 1)[1:-1])
    lengths = np.bincount(np.searchsorted(LENGTHS, np.diff(index.known.indptr)), minlength=len(LENGTHS) + 1)
    counted = np.bincount(np.searchsorted(edges, scores), minlength=BINS)
    return Published(edges, counted / len(scores), lengths / max(1, lengths.sum()), scores.mean(), scores.std())


@dataclass(frozen=True)
class Counted:
    """A worker's counts on one index. `head`: number, sum and sum of squares of scores, their bins, histories' bins."""

    head: Floats
    minute: NDArray[np.uint32]
    shows: NDArray[np.float32]

    @classmethod
    def map(cls, buffer: Any, num_items: int) -> Counted:
        """The parts of a file's bytes."""
        head = np.frombuffer(buffer, np.float64, HEAD)
        minute = np.frombuffer(buffer, np.uint32, num_items, 8 * HEAD)
        return cls(head, minute, np.frombuffer(buffer, np.float32, num_items, 8 * HEAD + 4 * num_items))

    @property
    def scores(self) -> Floats:
        return self.head[3 : 3 + BINS]

    @property
    def lengths(self) -> Floats:
        return self.head[3 + BINS : 4 + BINS + len(LENGTHS)]


class Shown:
    """One a worker. `add` is called by requests, everything else beside them."""

    def __init__(self, cells: Cells, minutes: float, *, clock: Callable[[], float] = time.time) -> None:
        self._cells, self._minutes, self._clock = cells, minutes, clock
        self._waiting: deque[tuple[Index, str, Sequence[int], Sequence[float]]] = deque(maxlen=KEPT)
        self._lock = Lock()
        self._index: Index | None = None
        self._path: Path | None = None
        self._faded = 0

    def add(self, index: Index, user: str, items: Sequence[int], scores: Sequence[float]) -> None:
        """An answer: positions and scores; `user` '' for a newcomer."""
        self._waiting.append((index, user, items, scores))

    def fold(self, index: Index) -> None:
        """Counts what has been shown by this index since the last time."""
        with self._lock:
            if self._index is not index:
                self._begin(index)
            self._fade()
            found = [self._waiting.popleft() for _ in range(len(self._waiting))]
            found = [one for one in found if one[0] is index]
            if found:
                self._count(index, found)

    def report(self, index: Index) -> dict[Key, float]:
        """What the scrape says of all workers that serve this index."""
        self.fold(index)
        workers = self._all(index)
        head = np.sum([one.head for one in workers], axis=0)
        total = Counted(
            head, np.max([one.minute for one in workers], axis=0), np.sum([w.shows for w in workers], axis=0)
        )
        since = self._now() - self._minutes
        number = max(head[0], 1e-9)
        mean = head[1] / number
        known = self._published
        drifts = {"score": (total.scores, known.scores), "history_length": (total.lengths, known.lengths)}
        return {
            (COVERAGE.name, ()): float(np.mean(total.minute > max(0.0, since))) if index.num_items else 0.0,
            (GINI.name, ()): gini(total.shows),
            (SHOWN_MEAN.name, ()): float(mean),
            (SHOWN_DEVIATION.name, ()): float(np.sqrt(max(0.0, head[2] / number - mean**2))),
            (LIST_MEAN.name, ()): float(known.mean),
            (LIST_DEVIATION.name, ()): float(known.deviation),
            **{(DRIFT.name, (of,)): psi(*pair) for of, pair in drifts.items() if pair[0].sum() >= ENOUGH},
        }

    def close(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _now(self) -> float:
        return self._clock() / 60

    def _begin(self, index: Index) -> None:
        self.close()
        size = 8 * HEAD + 8 * index.num_items
        buffer: Any = bytearray(size)
        if self._cells.folder is not None:
            self._path = self._cells.folder / f"{self._cells.name}{LATELY}{index.version}"
            buffer = np.memmap(self._path, np.uint8, "w+", shape=(size,))
        self._mine = Counted.map(buffer, index.num_items)
        self._published = published(index)
        self._index = index

    def _fade(self) -> None:
        minute = int(self._now())
        if self._faded and minute > self._faded:
            factor = 0.5 ** ((minute - self._faded) / self._minutes)
            self._mine.head[:] *= factor
            self._mine.shows[:] *= np.float32(factor)
        self._faded = minute

    def _count(self, index: Index, found: Sequence[tuple[Index, str, Sequence[int], Sequence[float]]]) -> None:
        items = np.concatenate([np.asarray(items, np.int64) for _, _, items, _ in found])
        scores = np.concatenate([np.asarray(scores, np.float64) for _, _, _, scores in found])
        mine, old = self._mine, items < index.num_items
        mine.minute[items[old]] = int(self._now()) + 1
        np.add.at(mine.shows, items[old], np.float32(1))
        mine.head[:3] += len(scores), scores.sum(), np.square(scores).sum()
        mine.scores[:] += np.bincount(np.searchsorted(self._published.edges, scores), minlength=BINS)
        for _, user, _, _ in found[-HISTORIES:]:
            place = index.user_ids.find(user.encode("utf-8", "surrogatepass")) if user else MISSING
            length = len(index.known[place]) if place != MISSING else 0
            self._cells.observe(HISTORY, length)
            mine.lengths[np.searchsorted(LENGTHS, length)] += 1

    def _all(self, index: Index) -> list[Counted]:
        """Of every worker that has begun to serve this index."""
        if self._cells.folder is None:
            return [self._mine]
        found = [np.fromfile(path, np.uint8) for path in self._cells.folder.glob(f"*{LATELY}{index.version}")]
        whole = [one for one in found if len(one) == 8 * HEAD + 8 * index.num_items]
        return [Counted.map(one, index.num_items) for one in whole] or [self._mine]


def psi(found: Floats, expected: Floats) -> float:
    """Population stability index: sum of (p - q) ln(p / q) over the bins. 0: alike; beyond 0.25 by custom a shift."""
    p = np.maximum(found / found.sum(), SMALLEST)
    q = np.maximum(expected, SMALLEST)
    return float(np.sum((p - q) * np.log(p / q)))


def gini(shows: NDArray[np.floating[Any]]) -> float:
    """Gini coefficient of how often items were shown; 0 where nothing was."""
    ordered = np.sort(shows).astype(np.float64)
    total = ordered.sum()
    if total <= 0:
        return 0.0
    ranks = np.arange(1, len(ordered) + 1)
    return float(2 * np.sum(ranks * ordered) / (len(ordered) * total) - (len(ordered) + 1) / len(ordered))
