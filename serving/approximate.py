"""Approximate search in an index: which vectors are nearest, read from files that workers map and share.

Request path. `serving.publish_approximate` builds the files where a catalogue is large and measures, on queries that
it drew, how many cells must be looked into; what comes back is always scored exactly by the caller. faiss is imported
at the first search, so a server of a small catalogue never pays for it.

A user's scores: inverted files (Jégou, Douze and Schmid 2011): vectors lie in cells of k-means, and a search
reads the nearest cells alone. Items' own vectors: product quantisation in 4 bits, all of it scanned, 32 vectors at a
time in the processor's registers (André, Kermarrec and Le Scouarnec 2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.index_files import MISSING, map_array

Floats = NDArray[np.float32]
FILE = ".faiss"


def library() -> Any:
    """faiss, imported at the first search; its type stubs lack what is used here."""
    return import_module("faiss")


@dataclass(frozen=True)
class Cells:
    """One inverted file of `size` vectors. `probes`: cells that a search reads; `recall`: what share of the exact
    nearest this gave when it was measured.
    """

    path: Path
    cells: int
    probes: int
    recall: float
    size: int

    @cached_property
    def _index(self) -> Any:
        faiss = library()
        index = faiss.read_index(str(self.path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        faiss.downcast_InvertedLists(index.invlists).prefetch_nthread = 0  # or every search starts 32 threads
        return index

    def nearest(self, queries: Floats, k: int, *, widen: int = 1) -> tuple[NDArray[np.int64], Floats]:
        """(rows, k) positions of the largest inner products, best first, `MISSING` where there are fewer, and these.

        `widen`: so many times the cells that were found to be enough, for more results than were measured.
        """
        parameters = library().SearchParametersIVF(nprobe=min(self.cells, self.probes * widen))
        rows = np.ascontiguousarray(queries, np.float32)
        values, found = self._index.search(rows, min(k, self.size), params=parameters)
        return found, values

    def near(self, query: Floats, k: int, *, widen: int = 1) -> tuple[NDArray[np.int64], Floats]:
        """The same for one query (d,), without gaps."""
        found, values = (rows[0] for rows in self.nearest(query[None], k, widen=widen))
        there = found != MISSING
        return found[there], values[there]


@dataclass(frozen=True)
class Codes:
    """Four bits for each of `parts` pieces of a vector, of `size` vectors. `recall`: what share of the exact nearest
    `search_near.WIDTH` candidates held when it was measured.
    """

    path: Path
    parts: int
    recall: float
    size: int

    @cached_property
    def _index(self) -> Any:
        return library().read_index(str(self.path))

    def near(self, query: Floats, k: int) -> NDArray[np.int64]:
        """Positions of about the k largest inner products with a query (d,), best first."""
        _, found = self._index.search(np.ascontiguousarray(query[None], np.float32), min(k, self.size))
        return np.asarray(found[0][found[0] != MISSING], np.int64)


@dataclass(frozen=True)
class Spread:
    """How a member's dense part spreads over all items: `mean` (d,) and `root` (d, d), the square root of the
    covariance, of its stacked vectors. So |root v| is the deviation of the scores of a vector v.
    """

    mean: Floats
    root: Floats


@dataclass(frozen=True)
class ScoreSearch:
    """The model's scores as one inner product. `spreads` by member, None for one without a dense part.

    Items' vectors are whitened by member: less the mean, times the inverse root. `head` (h,): positions of the longest
    (anybody may want them), and `head_vectors` (h, d); `cells` of the others. None where no member has a dense part.
    """

    spreads: tuple[Spread | None, ...]
    cells: Cells | None = None
    head: NDArray[np.int32] | None = None
    head_vectors: Floats | None = None

    def near(self, query: Floats, width: int, *, widen: int = 1) -> tuple[NDArray[np.int64], float]:
        """Positions of the items of the largest inner products, about `width` of the head and of the others each, and
        what none of those left out exceeds.
        """
        assert self.cells is not None
        assert self.head is not None
        assert self.head_vectors is not None
        scores = np.asarray(self.head_vectors @ query)
        some = np.argpartition(-scores, width)[:width] if width < len(scores) else np.arange(len(scores))
        others, values = self.cells.near(query, width, widen=widen)
        bounds = [-np.inf]
        if len(some) < len(scores):
            bounds.append(float(scores[some].min()))
        if len(others):
            bounds.append(float(values[-1]))
        return np.concatenate([self.head[some], others]), max(bounds)


@dataclass(frozen=True)
class Approximate:
    """What a large index has of this: `scores` where its model can be searched, and `vectors` by modality."""

    scores: ScoreSearch | None = None
    vectors: Mapping[str, Codes] | None = None

    def of(self, modality: str) -> Codes | None:
        """The search of a modality, None where exact search is quick."""
        return (self.vectors or {}).get(modality)


def open_approximate(folder: Path, entry: Mapping[str, Any] | None) -> Approximate:
    """Of what the manifest says; nothing for an index that was published without."""
    if not entry:
        return Approximate()
    scores = entry["scores"]
    vectors = {name: _codes(folder, f"vectors.{name}", one) for name, one in entry["vectors"].items()}
    return Approximate(None if scores is None else _scores(folder, scores), vectors)


def _scores(folder: Path, entry: Mapping[str, Any]) -> ScoreSearch:
    def array(name: str) -> NDArray[Any]:
        return map_array(folder, f"search.{name}")

    spreads = tuple(
        Spread(array(f"mean{place}"), array(f"root{place}")) if dense else None
        for place, dense in enumerate(entry["dense"])
    )
    if entry["cells"] is None:
        return ScoreSearch(spreads)
    return ScoreSearch(spreads, _cells(folder, "scores", entry["cells"]), array("head"), array("head_vectors"))


def _cells(folder: Path, name: str, entry: Mapping[str, Any]) -> Cells:
    path = folder / f"search.{name}{FILE}"
    return Cells(path, entry["cells"], entry["probes"], entry["recall"], entry["size"])


def _codes(folder: Path, name: str, entry: Mapping[str, Any]) -> Codes:
    return Codes(folder / f"search.{name}{FILE}", entry["parts"], entry["recall"], entry["size"])
