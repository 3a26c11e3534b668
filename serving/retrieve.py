"""A user's best items of a large catalogue without scoring all of it: candidates first, then their exact scores.

Request path. score(j) = q . x_j + s_j + constant: q . x_j is the dense part of all members at once (factors, towers,
transformers, static scores), each over its deviation and times its weight; s_j the sparse part, item-to-item weights,
zero for all but the neighbours of the history. So the best items are those of the largest s (walked exactly) and
those of the largest q . x (`serving.approximate`, found with measured recall). A blend standardises each member over
all items: mean and deviation come in closed form, from the items' mean and covariance and from the touched columns.
`serving.rank` is the exact answer that this must agree with, and what is done where too few items pass the filters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.approximate import Spread
from serving.index import Factors, Form, Index, ItemWeights, Member, StaticScores, Tower
from serving.index_files import MISSING
from serving.live import Live
from serving.rank import best, dense_vector, history_scale
from serving.sequence import SequenceWeights

WIDTH = 500
"""Candidates of the dense part, beside as many as are seen and four for each that is asked for."""
TOUCHED = 2_000
"""Candidates of the sparse part."""
WIDER = 8
"""How much farther is looked when filters leave too few, before all is scored."""
COLD = 4_096
"""Items without interactions up to which all of them are candidates."""

Floats: TypeAlias = NDArray[np.float32]
Places: TypeAlias = NDArray[np.int64]
Keep: TypeAlias = Callable[[Places], NDArray[np.bool_]]


@dataclass(frozen=True)
class Dense:
    """One form's part of q: score(j) = vector . items_j; of static scores the vector is (1,)."""

    items: Floats
    vector: Floats

    def of(self, places: Places) -> Floats:
        return np.asarray(self.items[places] @ self.vector, np.float32)


@dataclass(frozen=True)
class Sparse:
    """Scores that are zero but at `columns` (distinct, ascending)."""

    columns: NDArray[np.int32]
    values: Floats

    def of(self, places: Places) -> Floats:
        if not len(self.columns):
            return np.zeros(len(places), np.float32)
        at = np.minimum(np.searchsorted(self.columns, places), len(self.columns) - 1)
        return np.where(self.columns[at] == places, self.values[at], np.float32(0))


@dataclass(frozen=True)
class Asked:
    """A user's question to a model: score(j) = sum dense(j) + sparse(j) + `constant`; `query` is that of the search."""

    dense: tuple[Dense, ...]
    sparse: Sparse
    constant: np.float32
    query: Floats | None

    def scores(self, places: Places) -> Floats:
        """(n,) exact scores of the model."""
        found = self.sparse.of(places) + self.constant
        for one in self.dense:
            found += one.of(places)
        return found


def can_retrieve(index: Index) -> bool:
    """Was the index published with what this needs; small catalogues are not."""
    return index.approximate.scores is not None


def asked(index: Index, user: int, history: NDArray[np.int32]) -> Asked:
    """`user` and `history` as for `serving.rank.score`."""
    assert index.approximate.scores is not None
    items, back = np.unique(history[::-1], return_index=True)
    ages = back.astype(np.float32)
    dense: list[Dense] = []
    sparse: list[Sparse] = []
    query: list[Floats] = []
    constant = 0.0
    for member, spread in zip(index.members, index.approximate.scores.spreads, strict=True):
        vectors = [dense_vector(form, user, items, history) for form in member.forms if not _is_sparse(form)]
        touched = _sum([_touched(form, items, ages) for form in member.forms if isinstance(form, ItemWeights)])
        mean, deviation = _moments(index, member, spread, vectors, touched)
        factor = np.float32(1.0 if member.weight is None else member.weight / deviation if deviation >= 1e-12 else 0.0)
        constant -= 0.0 if member.weight is None else float(factor) * mean
        sparse.append(Sparse(touched.columns, touched.values * factor))
        forms = (form for form in member.forms if not _is_sparse(form))
        dense += [Dense(stacked(form), vector * factor) for form, vector in zip(forms, vectors, strict=True)]
        if spread is not None:
            query.append(spread.root @ (np.concatenate(vectors) * factor))
    return Asked(
        tuple(dense), _sum(sparse), np.float32(constant), np.concatenate(query, dtype=np.float32) if query else None
    )


def retrieve(
    live: Live, user: int, history: NDArray[np.int32], n: int, *, seen: NDArray[np.int32], keep: Keep | None = None
) -> tuple[Places, Floats] | None:
    """The n best unseen items that `keep` lets pass, best first, with their scores; None where too few are found and
    all must be scored.
    """
    question = asked(live.index, user, history)
    for widen in (1, WIDER):
        places, enough = candidates(live, question, WIDTH * widen + len(seen) + 4 * n, widen)
        places = places[~np.isin(places, seen)]
        if keep is not None:
            places = places[keep(places)]
        if len(places) < n or not enough(places, n):
            continue
        scores = score_some(live, question, places)
        order = best(scores, n)
        return places[order], scores[order]
    return None


def candidates(live: Live, question: Asked, width: int, widen: int = 1) -> tuple[Places, Callable[[Places, int], bool]]:
    """Positions, ascending, that may be the best `width`; and whether those that a filter left are enough for n.

    They are enough when n of them came from the dense search, or, without a dense part, n have a positive score.
    """
    index, search = live.index, live.index.approximate.scores
    found = [_strongest(question.sparse, TOUCHED * widen), np.arange(index.num_items, live.num_items)]
    if index.inherit is not None and len(index.inherit.cold) <= COLD:
        found.append(index.inherit.cold)
    if search is None or search.cells is None or question.query is None:

        def positive(kept: Places, n: int) -> bool:
            return int((question.sparse.of(kept) > 0).sum()) >= n

        return np.unique(np.concatenate(found)).astype(np.int64), positive
    near = search.near(question.query, width, widen=widen)

    def enough(kept: Places, n: int) -> bool:
        return int(np.isin(kept, near).sum()) >= n

    return np.unique(np.concatenate([*found, near])).astype(np.int64), enough


def score_some(live: Live, question: Asked, places: Places) -> Floats:
    """(n,) exact scores of these positions: new items and those that nobody met have what they inherit; gone -inf."""
    index = live.index
    there = places < index.num_items
    scores = np.full(len(places), -np.inf, np.float32)
    scores[there] = question.scores(places[there])
    if index.inherit is not None:
        cold = np.flatnonzero(np.isin(places, index.inherit.cold))
        if len(cold) or (not there.all() and live.has_source.any()):
            marks = question.scores(index.inherit.landmarks.astype(np.int64))
            _inherit(live, marks, places, cold, scores)
    if len(live.gone):
        scores[live.hidden(places)] = -np.inf
    return scores


def _inherit(live: Live, marks: Floats, places: Places, cold: Places, scores: Floats) -> None:
    """`marks`: scores of the landmarks."""
    inherit = live.index.inherit
    assert inherit is not None
    whole = _Marks(inherit.landmarks, marks)
    rows = np.searchsorted(inherit.cold, places[cold])
    scores[cold] = whole.inherited(inherit.cold_from.places[rows], inherit.cold_from.weights[rows], inherit.stretch)
    new = np.flatnonzero(places >= live.index.num_items)
    rows = places[new] - live.index.num_items
    fresh = whole.inherited(live.sources.places[rows], live.sources.weights[rows], inherit.stretch)
    scores[new] = np.where(live.has_source[rows], fresh, -np.inf)


@dataclass(frozen=True)
class _Marks:
    landmarks: NDArray[np.int32]
    scores: Floats

    def inherited(self, places: NDArray[np.int32], weights: Floats, stretch: float) -> Floats:
        """`serving.inherit.inherited` from the landmarks' scores alone."""
        mean = np.float32(self.scores.mean(dtype=np.float64))
        rows = np.searchsorted(self.landmarks, places)
        return np.asarray(mean + np.float32(stretch) * ((self.scores[rows] - mean) * weights).sum(axis=1), np.float32)


def stacked(form: Form) -> Floats:
    """(num_items, d): what the form's vector is multiplied with."""
    if isinstance(form, StaticScores):
        return form.scores[:, None]
    assert isinstance(form, Factors | Tower | SequenceWeights)
    return form.items


def _is_sparse(form: Form) -> bool:
    return isinstance(form, ItemWeights)


def _touched(form: ItemWeights, items: NDArray[np.int32], ages: Floats) -> Sparse:
    """The form's scores at the neighbours of the history."""
    assert form.rows is not None
    items, scale = history_scale(form, items, ages)
    spans = [form.rows.span(item) for item in items.tolist()]
    if not spans:
        return Sparse(np.empty(0, np.int32), np.empty(0, np.float32))
    columns = np.concatenate([form.rows.columns[span] for span in spans])
    values = np.concatenate([form.weights[span] * factor for span, factor in zip(spans, scale, strict=True)])
    return _merged(columns, values)


def _merged(columns: NDArray[np.int32], values: Floats) -> Sparse:
    """Equal columns added up."""
    order = np.argsort(columns, kind="stable")
    columns, values = columns[order], values[order]
    first = np.flatnonzero(np.concatenate([[True], columns[1:] != columns[:-1]]))
    return Sparse(columns[first], np.add.reduceat(values, first) if len(first) else values)


def _sum(parts: list[Sparse]) -> Sparse:
    parts = [part for part in parts if len(part.columns)]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Sparse(np.empty(0, np.int32), np.empty(0, np.float32))
    return _merged(np.concatenate([part.columns for part in parts]), np.concatenate([part.values for part in parts]))


def _strongest(sparse: Sparse, most: int) -> NDArray[np.int32]:
    if len(sparse.columns) <= most:
        return sparse.columns
    return sparse.columns[np.argpartition(-sparse.values, most)[:most]]


def _moments(
    index: Index, member: Member, spread: Spread | None, vectors: list[Floats], touched: Sparse
) -> tuple[float, float]:
    """Mean and deviation of a member's scores over all items of the index."""
    if member.weight is None:
        return 0.0, 1.0
    size, values = index.num_items, touched.values.astype(np.float64)
    mean, square = float(values.sum()) / size, float(values @ values) / size
    variance = square - mean**2
    if spread is None:
        return mean, float(max(0.0, variance)) ** 0.5
    vector = np.concatenate(vectors).astype(np.float64)
    moved = spread.root @ vector
    variance += float(moved @ moved)
    dense_mean = float(spread.mean @ vector)
    if len(values):
        forms = [form for form in member.forms if not _is_sparse(form)]
        there = sum(stacked(form)[touched.columns] @ one for form, one in zip(forms, vectors, strict=True))
        variance += 2 * (float(values @ there) / size - mean * dense_mean)
    return mean + dense_mean, float(max(0.0, variance)) ** 0.5


__all__ = ["MISSING", "Asked", "asked", "can_retrieve", "candidates", "retrieve", "score_some", "stacked"]
