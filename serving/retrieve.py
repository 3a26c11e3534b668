"""A user's best items of a large catalogue without scoring all of it: candidates first, then their exact scores.

Request path. score(j) = q . x_j + s_j + constant: q . x_j is the dense part of all members at once (factors, towers,
transformers, static scores), each over its deviation and times its weight; s_j the sparse part, item-to-item weights,
zero for all but the neighbours of the history. So the best items are those of the largest s (walked exactly) and
those of the largest q . x (`serving.approximate`, found with measured recall); of the former only such are scored as
can still come in among the n, as no item outside the latter exceeds the last of them. A blend standardises each member
over all items: mean and deviation come in closed form, from the items' mean and covariance and the touched columns.
`serving.rank` is the exact answer that this must agree with, and what is done where too few items pass the filters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.approximate import Spread
from serving.foldin import Viewer
from serving.forms import Factors, Form, ItemWeights, Member, StaticScores, Tower
from serving.index import Index
from serving.live import Live
from serving.members import among
from serving.rank import Read, best, dense_vector, history_scale, read_of
from serving.sequence import SequenceWeights

WIDTH = 500
"""Candidates of the dense part, beside as many as are seen and four for each that is asked for."""
WIDER = 8
"""How much farther is looked when filters leave too few, before all is scored."""
COLD = 512
"""Items that nobody met up to which all of them are candidates; of more, those that the dense part finds."""

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
    """A user's question to a model: score(j) = sum dense(j) + sparse(j) + `constant`.

    `query` is that of the search, whose inner products are the dense scores less `offset`.
    """

    dense: tuple[Dense, ...]
    sparse: Sparse
    constant: np.float32
    query: Floats | None
    offset: float

    def scores(self, places: Places) -> Floats:
        """(n,) exact scores of the model."""
        found = self.sparse.of(places) + self.constant
        for one in self.dense:
            found += one.of(places)
        return found


def can_retrieve(index: Index) -> bool:
    """Was the index published with what this needs; small catalogues are not."""
    return index.approximate.scores is not None


def asked(index: Index, user: Viewer) -> Asked:
    """What the models are asked of a user."""
    assert index.approximate.scores is not None
    read = read_of(user.history, user.before, user.told)
    dense: list[Dense] = []
    sparse: list[Sparse] = []
    query: list[Floats] = []
    constant = offset = 0.0
    for member, spread in zip(index.members, index.approximate.scores.spreads, strict=True):
        vectors = [dense_vector(form, user.place, read, user.history) for form in member.forms if not _is_sparse(form)]
        touched = _sum([_touched(form, read) for form in member.forms if isinstance(form, ItemWeights)])
        mean, deviation = _moments(index, member, spread, vectors, touched)
        factor = np.float32(1.0 if member.weight is None else member.weight / deviation if deviation >= 1e-12 else 0.0)
        constant -= 0.0 if member.weight is None else float(factor) * mean
        sparse.append(Sparse(touched.columns, touched.values * factor))
        forms = (form for form in member.forms if not _is_sparse(form))
        dense += [Dense(stacked(form), vector * factor) for form, vector in zip(forms, vectors, strict=True)]
        if spread is not None:
            vector = np.concatenate(vectors) * factor
            query.append(spread.root @ vector)
            offset += float(spread.mean @ vector)
    whole = np.concatenate(query, dtype=np.float32) if query else None
    return Asked(tuple(dense), _sum(sparse), np.float32(constant), whole, offset)


def retrieve(
    live: Live, user: Viewer, n: int, *, seen: NDArray[np.integer], keep: Keep | None = None, share: float = 1.0
) -> tuple[Places, Floats] | None:
    """The n best unseen items that `keep` lets pass, best first, with their scores; None where too few are found and
    all must be scored. `share` of the items it can be expected to let pass: of few it is looked farther at once.
    """
    question, seen = asked(live.index, user), np.sort(seen)

    def allowed(places: Places) -> Places:
        places = places[~among(places, seen)]
        return places if keep is None else places[keep(places)]

    for widen in (1, WIDER) if share * (WIDTH + 4 * n) >= n else (WIDER,):
        found = _best(live, question, n, WIDTH * widen + len(seen) + 4 * n, widen, allowed)
        if found is not None:
            return found
    return None


def _best(
    live: Live, question: Asked, n: int, width: int, widen: int, allowed: Callable[[Places], Places]
) -> tuple[Places, Floats] | None:
    near, bound = _near(live.index, question, width, widen)
    kept = allowed(near)
    if question.query is not None and len(kept) < n:
        return None
    first, more = np.sort(kept), always(live)
    if len(more):
        first = np.sort(np.concatenate([first, allowed(more[~among(more, first)])]))
    scores = score_some(live, question, first)
    least = float(np.partition(scores, len(scores) - n)[len(scores) - n]) if len(scores) >= n else -np.inf
    more = _promising(question, first, least - bound)
    if len(more):
        more = allowed(more)
        first, scores = np.concatenate([first, more]), np.concatenate([scores, score_some(live, question, more)])
    if question.query is None and int((question.sparse.of(first) > 0).sum()) < n:
        return None  # the rest are equal: all that no weight leads to
    order = best(scores, n)
    return (first[order], scores[order]) if len(order) == n else None


def _near(index: Index, question: Asked, width: int, widen: int) -> tuple[Places, float]:
    """Candidates of the dense part, and what the dense part and the constant of no other item exceed."""
    search = index.approximate.scores
    if search is None or question.query is None:
        return np.empty(0, np.int64), float(question.constant)
    near, bound = search.near(question.query, width, widen=widen)
    return near, bound + question.offset + float(question.constant)


def always(live: Live) -> Places:
    """Items that are candidates for everybody: new ones, and those that nobody met where they are few."""
    index, dense = live.index, live.index.approximate.scores
    new = np.arange(index.num_items, live.num_items)
    if index.inherit is None or (len(index.inherit.cold) > COLD and dense is not None and dense.cells is not None):
        return new
    return np.concatenate([index.inherit.cold, new]).astype(np.int64)


def _promising(question: Asked, first: Places, missing: float) -> Places:
    """Items of the sparse part that are not among `first` and bring more than `missing`."""
    columns = question.sparse.columns[question.sparse.values > missing]
    return columns[~among(columns, first)].astype(np.int64)


def score_some(live: Live, question: Asked, places: Places) -> Floats:
    """(n,) exact scores of these positions: new items and those that nobody met have what they inherit; gone -inf."""
    index = live.index
    there = places < index.num_items
    scores = np.full(len(places), -np.inf, np.float32)
    scores[there] = question.scores(places[there])
    if index.inherit is not None:
        cold = np.flatnonzero(among(places, index.inherit.cold))
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


def _touched(form: ItemWeights, read: Read) -> Sparse:
    """The form's scores at the neighbours of the history."""
    assert form.rows is not None
    items, scale = history_scale(form, read)
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
