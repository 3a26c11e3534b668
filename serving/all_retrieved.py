"""Many users' best items of a large catalogue at once: `serving.retrieve` in blocks, compiled.

Not part of the request path. The same steps: the dense part's candidates by one search for all, the sparse part as one
sparse product, moments in closed form, and exact scores of candidates alone, of the sparse ones as far as they can
still come in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from serving.all_scores import Askers, sparse_of, vectors_of, weights_of
from serving.approximate import Spread
from serving.forms import ItemWeights, Member
from serving.index import Index
from serving.index_files import MISSING
from serving.inherit import Floats
from serving.live import Live
from serving.retrieve import WIDTH, always, stacked


@dataclass(frozen=True)
class Catalogue:
    """What every block needs, made once: `items` (num_items, d) all dense forms side by side, and the `kept` mask."""

    live: Live
    items: Floats
    kept: NDArray[np.bool_]

    @classmethod
    def of(cls, live: Live, kept: NDArray[np.bool_]) -> Catalogue:
        forms = [stacked(form) for member in live.index.members for form in member.forms if _is_dense(form)]
        if not forms:
            return cls(live, np.zeros((live.index.num_items, 0), np.float32), kept)
        return cls(live, np.ascontiguousarray(np.concatenate(forms, axis=1), np.float32), kept)


@dataclass(frozen=True)
class _Questions:
    """`vectors` (askers, d) and `sparse`, weighed as the blend weighs them; `constant` (askers,); the search's `query`
    with its `offset`, None where no member is dense.
    """

    vectors: Floats
    sparse: csr_matrix
    constant: NDArray[np.float64]
    query: Floats | None
    offset: NDArray[np.float64]


def retrieve_all(catalogue: Catalogue, askers: Askers, n: int) -> tuple[NDArray[np.int32], Floats, NDArray[np.bool_]]:
    """(askers, n) items and scores, best first, and whose row is whole; of the others all must be scored."""
    live, index = catalogue.live, catalogue.live.index
    asked = _questions(index, askers)
    near, bound = _near(index, asked, askers, n)
    items = np.full((len(askers), n), MISSING, np.int32)
    scores = np.full((len(askers), n), -np.inf, np.float32)
    whole = np.zeros(len(askers), np.bool_)
    seen_from = np.concatenate([[0], np.cumsum([len(one) for one in askers.seen])]).astype(np.int64)
    seen = np.concatenate([np.empty(0, np.int32), *askers.seen]).astype(np.int32)
    _fill(
        (asked.vectors, asked.constant.astype(np.float32), bound.astype(np.float32)),
        (asked.sparse.indptr, asked.sparse.indices, asked.sparse.data),
        (near, asked.query is not None), (seen_from, seen), catalogue.items, catalogue.kept,
        _inheritance(live), (items, scores, whole),
    )  # fmt: skip
    return items, scores, whole


def _inheritance(live: Live) -> tuple[NDArray[np.generic], ...]:
    """Landmarks; of each item its row of sources, -1 where it has none to inherit from; sources; weights; stretch; and
    items that are candidates for all.
    """
    index, inherit = live.index, live.index.inherit
    row = np.full(live.num_items, -1, np.int32)
    if inherit is None:
        nothing = np.zeros((0, 1), np.int32), np.zeros((0, 1), np.float32)
        return np.empty(0, np.int64), row, *nothing, np.ones(1, np.float32), np.empty(0, np.int64)
    cold, new = len(inherit.cold), np.arange(index.num_items, live.num_items)
    row[inherit.cold] = np.arange(cold)
    row[new[live.has_source]] = cold + np.flatnonzero(live.has_source)
    both = [one for one in (inherit.cold_from, live.sources) if len(one)] or [inherit.cold_from]
    places, weights = np.concatenate([one.places for one in both]), np.concatenate([one.weights for one in both])
    marks = inherit.landmarks.astype(np.int64)
    places = np.searchsorted(marks, places).astype(np.int32)
    candidates = always(live)
    return marks, row, places, weights, np.array([inherit.stretch], np.float32), candidates[row[candidates] >= 0]


def _is_dense(form: object) -> bool:
    return not isinstance(form, ItemWeights)


def _questions(index: Index, askers: Askers) -> _Questions:
    assert index.approximate.scores is not None
    parts, size = askers.parts(), len(askers)
    vectors, queries, sparse = [], [], csr_matrix((size, index.num_items), dtype=np.float32)
    constant, offset = np.zeros(size), np.zeros(size)
    for member, spread in zip(index.members, index.approximate.scores.spreads, strict=True):
        mine = [vectors_of(form, askers, parts) for form in member.forms if _is_dense(form)]
        dense = np.concatenate(mine, axis=1) if mine else np.zeros((size, 0), np.float32)
        touched = [
            csr_matrix(sparse_of(form, parts, index.num_items) @ weights_of(form))
            for form in member.forms
            if isinstance(form, ItemWeights)
        ]
        weights = sum(touched[1:], touched[0]) if touched else None
        mean, deviation = _moments(index, member, spread, dense, weights)
        factor = np.ones(size)
        if member.weight is not None:
            factor = np.where(deviation >= 1e-12, member.weight / np.maximum(deviation, 1e-12), 0.0)
            constant -= factor * mean
        if weights is not None:
            weights.data *= np.repeat(factor, np.diff(weights.indptr)).astype(np.float32)
            sparse = weights if sparse.nnz == 0 else sparse + weights
        weighed = (dense * factor[:, None]).astype(np.float32)
        vectors.append(weighed)
        if spread is not None:
            queries.append(weighed @ spread.root)
            offset += weighed @ spread.mean
    query = np.concatenate(queries, axis=1) if queries else None
    return _Questions(np.concatenate(vectors, axis=1), csr_matrix(sparse), constant, query, offset)


def _moments(
    index: Index, member: Member, spread: Spread | None, dense: Floats, weights: csr_matrix | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of a member's scores over all items, by asker."""
    size, num_items = len(dense), index.num_items
    mean, variance = np.zeros(size), np.zeros(size)
    if weights is not None:
        values = weights.data.astype(np.float64)
        rows = np.repeat(np.arange(size), np.diff(weights.indptr))
        mean = np.bincount(rows, values, minlength=size) / num_items
        variance = np.bincount(rows, values * values, minlength=size) / num_items - mean**2
    if spread is not None:
        moved = dense.astype(np.float64) @ spread.root
        dense_mean = dense.astype(np.float64) @ spread.mean
        variance = variance + np.einsum("ij,ij->i", moved, moved)
        if weights is not None:
            forms = np.concatenate([stacked(form) for form in member.forms if _is_dense(form)], axis=1)
            there = np.einsum("ij,ij->i", np.asarray(weights @ forms), dense)
            variance = variance + 2 * (there / num_items - mean * dense_mean)
        mean = mean + dense_mean
    return mean, np.sqrt(np.maximum(0, variance))


def _near(index: Index, asked: _Questions, askers: Askers, n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(askers, width) candidates, `MISSING` padded, and what dense part and constant of no other item exceed.

    The head is there whole: comparing it is cheaper than choosing from it.
    """
    search = index.approximate.scores
    if search is None or search.cells is None or search.head is None or asked.query is None:
        return np.full((len(askers), 0), MISSING, np.int64), asked.constant
    width = WIDTH + 4 * n + max((len(seen) for seen in askers.seen), default=0)
    found, values = search.cells.nearest(asked.query, width)
    last = np.maximum(0, (found != MISSING).sum(axis=1) - 1)
    bound = np.take_along_axis(values, last[:, None], axis=1)[:, 0] + asked.offset + asked.constant
    head = np.broadcast_to(search.head.astype(np.int64), (len(askers), len(search.head)))
    return np.concatenate([found, head], axis=1), bound


@njit(cache=True, fastmath=True)
def _dot(vector, row):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    total = np.float32(0)
    for place in range(len(vector)):
        total += vector[place] * row[place]
    return total


@njit(cache=True)
def _insert(items, scores, size, item, score):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Keeps the first `len(items)` in order of score, then of position; returns how many there are."""
    last = len(items) - 1
    if size == len(items):
        if score < scores[last] or (score == scores[last] and item > items[last]):
            return size
        place = last
    else:
        place = size
    while place > 0 and (scores[place - 1] < score or (scores[place - 1] == score and items[place - 1] > item)):
        items[place], scores[place] = items[place - 1], scores[place - 1]
        place -= 1
    items[place], scores[place] = item, score
    return min(len(items), size + 1)


@njit(cache=True)
def _marks(person, state, inheritance, mark):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Scores of the landmarks into `mark`; returns their mean."""
    vector, constant, _ = person
    items, _, weight, _ = state
    marks, total = inheritance[0], 0.0
    for place in range(len(marks)):
        mark[place] = _dot(vector, items[marks[place]]) + weight[marks[place]] + constant
        total += mark[place]
    return np.float32(total / len(marks))


@njit(cache=True)
def _inherited(row, inheritance, mark, mean):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    _, _, sources, weights, stretch, _ = inheritance
    total = np.float32(0)
    for step in range(sources.shape[1]):
        total += weights[row, step] * (mark[sources[row, step]] - mean)
    return mean + stretch[0] * total


@njit(cache=True)
def _offer(places, row, person, state, inheritance, mark, best, prune):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Puts what may be recommended of `places` among the best; returns how many it was and how many have a weight.

    `best`: items, scores, and an array that holds how many there are and whether the landmarks were scored.
    `prune`: an item is left out where even the largest dense part would not bring it in.
    """
    vector, constant, bound = person
    items, kept, weight, met = state
    found, scores, size = best
    taken = weighed = 0
    mean = mark[len(mark) - 1]
    for item in places:
        if item < 0 or met[item] == row or not kept[item]:
            continue
        if prune and size[0] == len(found) and weight[item] + bound < scores[len(found) - 1]:
            continue
        met[item] = row
        source = inheritance[1][item]
        if source >= 0:
            if size[1] == 0:
                mean, size[1] = _marks(person, state, inheritance, mark), 1
                mark[len(mark) - 1] = mean
            score = _inherited(source, inheritance, mark, mean)
        elif item < len(items):
            score = _dot(vector, items[item]) + weight[item] + constant
        else:
            continue
        taken, weighed = taken + 1, weighed + (weight[item] > 0)
        size[0] = _insert(found, scores, size[0], item, score)
    return taken, weighed


@njit(cache=True)
def _fill(asked, sparse, near, seen, items, kept, inheritance, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Row by row into `out`; every array as the functions above make it."""
    vectors, constant, bound = asked
    indptr, columns, values = sparse
    candidates, dense = near
    found, scores, whole = out
    weight, met = np.zeros(len(kept), np.float32), np.full(len(kept), -1, np.int32)
    state = (items, kept, weight, met)
    mark = np.empty(len(inheritance[0]) + 1, np.float32)
    for row in range(len(vectors)):
        span = slice(indptr[row], indptr[row + 1])
        touched = columns[span]
        weight[touched] = values[span]
        met[seen[1][seen[0][row] : seen[0][row + 1]]] = row
        person = (vectors[row], constant[row], bound[row])
        size = np.zeros(2, np.int64)
        best = (found[row], scores[row], size)
        taken, weighed = _offer(candidates[row], row, person, state, inheritance, mark, best, False)
        weighed += _offer(inheritance[5], row, person, state, inheritance, mark, best, False)[1]
        weighed += _offer(touched, row, person, state, inheritance, mark, best, True)[1]
        n = len(found[row])
        whole[row] = size[0] == n and (taken if dense else weighed) >= n
        weight[touched] = 0
