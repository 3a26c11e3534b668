"""Exact top-k of score rows with excluded items: the one place that turns scores into a ranking.

Each row keeps a heap of its k best, so a row costs one pass and no sort of the catalogue. Equal scores stand in order
of item index, so a ranking never depends on the machine.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import InvalidData


def top_k(
    scores: NDArray[np.float32], excluded: csr_matrix | None, k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k best items a row, best first: indices (rows, k) int32 and their scores.

    `scores` (rows, items) float32; `excluded` (rows, items): a stored entry may not be ranked. An item of score -inf is
    never ranked. Rows with fewer than k items end in -1 with score -inf. Raises `InvalidData` for NaN.
    """
    if excluded is None:
        indptr, indices = np.zeros(len(scores) + 1, np.int32), np.empty(0, np.int32)
    else:
        indptr, indices = excluded.indptr.astype(np.int32), excluded.indices.astype(np.int32)
    items = np.full((len(scores), k), -1, np.int32)
    values = np.full((len(scores), k), -np.inf, np.float32)
    if k > 0 and not _fill(np.ascontiguousarray(scores, np.float32), indptr, indices, items, values):
        raise InvalidData("scores hold NaN", valid="finite scores or -inf", remedy="fit the model again")
    return items, values


@njit(cache=True)
def _worse(score, item, other_score, other_item):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    return score < other_score or (score == other_score and item > other_item)


@njit(cache=True)
def _sift_down(items, values, start, size):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Restores the heap (worst entry on top) below `start`."""
    item, value = items[start], values[start]
    place = start
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and _worse(values[child + 1], items[child + 1], values[child], items[child]):
            child += 1
        if not _worse(values[child], items[child], value, item):
            break
        items[place], values[place] = items[child], values[child]
        place = child
    items[place], values[place] = item, value


@njit(cache=True)
def _offer(items, values, size, item, score):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Puts an item that belongs into the heap; returns the heap's size. It is a heap only once it is full."""
    if size == len(items):
        items[0], values[0] = item, score
        _sift_down(items, values, 0, size)
        return size
    items[size], values[size] = item, score
    if size + 1 == len(items):
        _heapify(items, values, size + 1)
    return size + 1


@njit(cache=True)
def _heapify(items, values, size):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for start in range(size // 2 - 1, -1, -1):
        _sift_down(items, values, start, size)


@njit(cache=True)
def _best_first(items, values, size):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Heap sort: the worst goes to the end, again and again."""
    for end in range(size - 1, 0, -1):
        items[0], items[end] = items[end], items[0]
        values[0], values[end] = values[end], values[0]
        _sift_down(items, values, 0, end)


@njit(cache=True)
def _fill(scores, indptr, indices, items, values):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Fills `items` and `values` in place; False when a NaN was met."""
    k = items.shape[1]
    blocked = np.zeros(scores.shape[1], np.bool_)
    for row in range(len(scores)):
        skip = indices[indptr[row] : indptr[row + 1]]
        blocked[skip] = True
        size, floor = 0, -np.inf
        line = scores[row]
        for item in range(len(line)):
            score = line[item]
            if score > floor:
                if not blocked[item]:
                    size = _offer(items[row], values[row], size, item, score)
                    floor = values[row, 0] if size == k else -np.inf
            elif np.isnan(score):
                return False
        if size < k:
            _heapify(items[row], values[row], size)
        _best_first(items[row], values[row], size)
        blocked[skip] = False
    return True
