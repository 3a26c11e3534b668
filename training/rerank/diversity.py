"""Lists that do not repeat themselves: MMR and a determinantal point process over a first stage's candidates.

After candidates, before the list. NumPy and Numba alone. Candidates are (users, n) item positions with their scores,
best first, -1 (any score) where a user has fewer; `vectors` (items, d) are of unit length, a row of zeros is an item
that nobody knows anything about: it is like none. Scores are brought to 0..1 within each user's candidates, so that
`weight` means the same for every model. An answer is (users, k) item positions, -1 where candidates ended.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import InvalidData


def mmr(
    scores: NDArray[np.float32],
    items: NDArray[np.int32],
    vectors: NDArray[np.float32],
    *,
    weight: float,
    k: int = 10,
) -> NDArray[np.int32]:
    """Maximal marginal relevance: next comes argmax (1 - weight) score(i) - weight max_{j chosen} cos(i, j).

    Carbonell and Goldstein 1998, SIGIR; their lambda is 1 - weight. 0: the first stage's order. O(n k d) a user.
    Raises `InvalidData` for a weight outside 0..1 or arrays that do not fit.
    """
    check(scores, items, vectors, weight)
    found = np.full((len(items), k), -1, np.int32)
    _mmr(unit_range(scores, items), items, np.ascontiguousarray(vectors, np.float32), weight, found)
    return found


def dpp(
    scores: NDArray[np.float32],
    items: NDArray[np.int32],
    vectors: NDArray[np.float32],
    *,
    weight: float,
    k: int = 10,
) -> NDArray[np.int32]:
    """Greedy maximum a posteriori of a DPP: each step adds what raises the objective most.

    (1 - weight) sum_{i in S} score(i) + weight log det S_S, S the cosines: Chen, Zhang and Zhou 2018, «Fast Greedy MAP
    Inference for Determinantal Point Process to Improve Recommendation Diversity», NeurIPS, whose Cholesky row per
    candidate makes a step O(n (k + d)). Once all that is left is a copy of what is chosen (log det -inf), the rest
    stands in the first stage's order. Errors as `mmr`.
    """
    check(scores, items, vectors, weight)
    found = np.full((len(items), k), -1, np.int32)
    _dpp(unit_range(scores, items), items, np.ascontiguousarray(vectors, np.float32), weight, found)
    return found


def unit_range(scores: NDArray[np.float32], items: NDArray[np.int32]) -> NDArray[np.float64]:
    """(users, n) scores from 0 (worst candidate) to 1 (best); all 1 where they are equal."""
    there = items >= 0
    low = np.where(there, scores, np.inf).min(1, initial=np.inf, keepdims=True)
    high = np.where(there, scores, -np.inf).max(1, initial=-np.inf, keepdims=True)
    with np.errstate(invalid="ignore"):
        spread = np.where(high > low, high - low, 1.0)
        return np.where(there & (high > low), (scores - low) / spread, 1.0)


def check(
    scores: NDArray[np.float32], items: NDArray[np.int32], vectors: NDArray[np.floating] | csr_matrix, weight: float
) -> None:
    """Raises `InvalidData` where a re-ranking cannot be made of these."""
    if not 0 <= weight <= 1:
        raise InvalidData(f"a weight of {weight}", valid="0 (the first stage's order) to 1 (its scores say nothing)",
                          remedy="choose one in between, as 0.3")  # fmt: skip
    if scores.shape != items.shape:
        raise InvalidData(f"scores of shape {scores.shape} for candidates of shape {items.shape}",
                          valid="two arrays (users, n)", remedy="give each candidate one score")  # fmt: skip
    if items.size and items.max() >= vectors.shape[0]:
        raise InvalidData(f"candidate {items.max()} with {vectors.shape[0]} rows of item vectors",
                          valid="one row for every item of the catalogue", remedy="pass all rows")  # fmt: skip
    if not np.isfinite(scores[items >= 0]).all():
        raise InvalidData("a candidate without a finite score", valid="finite scores, or item -1 for none",
                          remedy="drop what may not be ranked before re-ranking")  # fmt: skip


@njit(cache=True)
def _cosine(vectors, one, other):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    total = 0.0
    for place in range(vectors.shape[1]):
        total += vectors[one, place] * vectors[other, place]
    return total


@njit(cache=True)
def _mmr(scores, items, vectors, weight, found):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    users, n = items.shape
    nearest, free = np.empty(n), np.empty(n, np.bool_)
    for user in range(users):
        nearest[:] = 0.0
        free[:] = items[user] >= 0
        for step in range(found.shape[1]):
            best, best_value = -1, -np.inf
            for i in range(n):
                value = (1 - weight) * scores[user, i] - weight * nearest[i]
                if free[i] and value > best_value:
                    best, best_value = i, value
            if best < 0:
                break
            free[best] = False
            found[user, step] = items[user, best]
            for i in range(n):
                if free[i]:
                    like = _cosine(vectors, items[user, i], items[user, best])
                    nearest[i] = like if step == 0 else max(nearest[i], like)


@njit(cache=True)
def _dpp(scores, items, vectors, weight, found):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    users, n = items.shape
    rows, left, free = np.empty((n, found.shape[1])), np.empty(n), np.empty(n, np.bool_)
    for user in range(users):
        left[:] = 1.0  # squared length of what a candidate has beside the chosen ones: det's factor
        free[:] = items[user] >= 0
        for step in range(found.shape[1]):
            best, best_value = -1, -np.inf
            for i in range(n):
                if free[i] and (left[i] > 1e-6 or weight == 0):
                    value = (1 - weight) * scores[user, i] + weight * np.log(max(left[i], 1e-300))
                    if value > best_value:
                        best, best_value = i, value
            if best < 0:
                _fill(items[user], free, found[user], step)
                break
            free[best] = False
            found[user, step] = items[user, best]
            if weight > 0:
                _extend(vectors, items[user], rows, left, free, best, step)


@njit(cache=True)
def _extend(vectors, items, rows, left, free, best, step):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """One more column of every free candidate's Cholesky row."""
    pivot = np.sqrt(left[best])
    for i in range(len(items)):
        if free[i]:
            value = _cosine(vectors, items[i], items[best])
            for before in range(step):
                value -= rows[best, before] * rows[i, before]
            rows[i, step] = value / pivot
            left[i] -= rows[i, step] ** 2


@njit(cache=True)
def _fill(items, free, found, step):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for i in range(len(items)):
        if free[i] and step < len(found):
            found[step] = items[i]
            free[i] = False
            step += 1
