"""A user's history with each item left out in turn, as every form of a model reads it: scores and their moments.

What `serving.effects` is computed with. A blend standardises its members over all items; for a user that is a mean and
a deviation of scores that nobody asks for. Both have closed forms for scores that are inner products (of the user's
vector with the items' mean and covariance) and for sums of item weights (of one sum, less a row each), so that the
scores themselves are computed of the items asked about alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.forms import Factors, Form, ItemWeights, Member, StaticScores, Tower
from serving.inherit import Floats
from serving.sequence import SequenceWeights, user_vector

Places = NDArray[np.integer]
FILLED = 2_048
"""Items of a catalogue up to which weights may be filled up: 16 MB a member."""
SPARSE = 16
"""Where fewer than one in so many weights is there, they are quicker as they are."""
Doubles = NDArray[np.float64]
Moments = tuple[Floats, Floats]
"""Mean and deviation of each row's scores, (1 + h, 1)."""


@dataclass(frozen=True)
class Known:
    """What is computed once an index, of its members by name.

    `spreads`: mean (d,) and covariance (d, d) of their items' vectors. `rows`: `RowSums` of all their items' weights.
    `filled`: weights that are sparse in the index, dense.
    """

    spreads: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)
    rows: dict[str, RowSums] = field(default_factory=dict)
    filled: dict[str, ItemWeights] = field(default_factory=dict)

    def weights(self, name: str, form: ItemWeights) -> ItemWeights:
        """A member's weights: sparse ones of a small catalogue that are not very sparse, dense."""
        rows = form.rows
        if rows is None or len(rows) > FILLED or len(form.weights) * SPARSE < len(rows) ** 2:
            return form
        if name not in self.filled:
            entries = _entries(form, np.arange(len(rows)))
            self.filled[name] = replace(form, weights=entries.dense(len(rows), len(rows)), rows=None)
        return self.filled[name]


class RowSums(NamedTuple):
    """Of rows of weights (u, c), each (u,): their means, their squared deviations, and their products with what every
    row has besides, less its mean.
    """

    means: Doubles
    squares: Doubles
    with_base: Doubles

    def take(self, rows: Places) -> RowSums:
        """Of some of the rows."""
        return RowSums(*(one[rows] for one in self))


@dataclass(frozen=True)
class Read:
    """`items` (u,) once each; `rows` (h,): where among them each one stands that is left out, which all do once. Of
    1 + h rows, the first has all items, each further one all but one.
    """

    history: NDArray[np.int32]
    left_out: Places
    items: NDArray[np.int32]
    rows: Places

    @classmethod
    def of(cls, history: NDArray[np.int32], left_out: Places) -> Read:
        items = np.unique(history).astype(np.int32)
        return cls(history, left_out, items, np.searchsorted(items, left_out))

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """(1 + h, u): which of the items each row has."""
        return np.concatenate([np.ones((1, len(self.items)), bool), self.items != np.asarray(self.left_out)[:, None]])

    @cached_property
    def ages(self) -> Floats:
        """(1 + h, u): how many steps back each was met last; what is left out makes older things younger."""
        newest = self.history[::-1]
        back = np.unique(newest, return_index=True)[1]
        row_of = np.full(len(self.items), len(self.left_out), np.int64)
        row_of[self.rows] = np.arange(len(self.left_out))
        met = np.zeros((len(self.left_out) + 1, len(newest) + 1), np.float32)  # the last row: what stays in all
        met[row_of[np.searchsorted(self.items, newest)], np.arange(1, len(newest) + 1)] = 1
        younger = np.cumsum(met[:-1], axis=1)[:, back]
        return np.concatenate([back[None].astype(np.float32), back.astype(np.float32) - younger])

    @cached_property
    def counts(self) -> Floats:
        """(1 + h, 1): how many items each row has, at least 1."""
        found = np.full((1 + len(self.rows), 1), max(1, len(self.items) - 1), np.float32)
        found[0] = max(1, len(self.items))
        return found

    def sums(self, vectors: Floats) -> Floats:
        """(1 + h, d): the sum of what each row has of (u, d)."""
        total = vectors.sum(axis=0, dtype=np.float32)
        return np.concatenate([total[None], total - vectors[self.rows]])


Part: TypeAlias = "Sums | Weighted | Vectors"
"""A form, asked for what it gives each row."""


def parts(member: Member, read: Read, known: Known) -> list[Part]:
    """Of a member's forms, those that are inner products as one; what is the same for everybody with a sum of weights,
    where there is one.
    """
    everybody = [form.scores for form in member.forms if isinstance(form, StaticScores)]
    vectors = [vector for vector in (_vectors(form, read) for form in member.forms) if vector is not None]
    weights = [form for form in member.forms if isinstance(form, ItemWeights)]
    if len(weights) == 1 and _is_sum(weights[0]) and len(vectors) == len(everybody):
        return [Sums(known.weights(member.name, weights[0]), read, np.sum(everybody, axis=0) if everybody else None)]
    others: list[Part] = [Sums(form, read) if _is_sum(form) else Weighted(form, read) for form in weights]
    return [*others, Vectors(vectors)] if vectors else others


def standardised(member: Member, read: Read, asked: Places, reference: Places, known: Known) -> Floats:
    """(1 + h, asked): what the member brings to the blend."""
    mine = parts(member, read, known)
    scores = np.asarray(sum(part.at(asked) for part in mine), np.float32)
    if member.weight is None:
        return scores
    mean, deviation = _moments(member.name, mine, reference, known)
    scale = np.float32(member.weight) / np.where(deviation >= 1e-12, deviation, np.float32(np.inf))
    return np.asarray((scores - mean) * scale, np.float32)


def _moments(name: str, mine: Sequence[Part], reference: Places, known: Known) -> Moments:
    if len(mine) > 1:
        return _of_table(np.asarray(sum(part.at(reference) for part in mine), np.float32))
    only = mine[0]
    if isinstance(only, Vectors):
        if name not in known.spreads:
            known.spreads[name] = only.spread(reference)
        return only.moments(*known.spreads[name])
    if isinstance(only, Sums) and only.num_items == len(reference):
        if name not in known.rows:
            known.rows[name] = only.sums_of(np.arange(len(reference)), reference)
        return only.moments(reference, known.rows[name].take(only.read.items))
    return only.moments(reference)


def _of_table(scores: Floats) -> Moments:
    return scores.mean(axis=1, keepdims=True), scores.std(axis=1, keepdims=True)


@dataclass(frozen=True)
class Vectors:
    """Each row a vector (1 + h, d), each item one: their inner product."""

    pairs: Sequence[tuple[Floats, Floats]]

    @cached_property
    def _rows(self) -> Floats:
        return np.concatenate([rows for rows, _ in self.pairs], axis=1)

    def _items(self, columns: Places) -> Floats:
        return np.concatenate([items[columns] for _, items in self.pairs], axis=1)

    def at(self, columns: Places) -> Floats:
        return np.asarray(self._rows @ self._items(columns).T, np.float32)

    def moments(self, mean: Floats, covariance: Floats) -> Moments:
        """By the `spread` of the reference."""
        rows = self._rows
        variance = np.einsum("rd,rd->r", rows @ covariance, rows)[:, None]
        return (rows @ mean)[:, None], np.sqrt(np.maximum(variance, 0))

    def spread(self, reference: Places) -> tuple[Floats, Floats]:
        """Mean and covariance of the items' vectors."""
        items = self._items(reference)
        mean = items.mean(axis=0)
        return mean, (items - mean).T @ (items - mean) / np.float32(len(items))


def _vectors(form: Form, read: Read) -> tuple[Floats, Floats] | None:
    """Of each row and each item; None of a form that has none."""
    if isinstance(form, StaticScores):
        return np.ones((1 + len(read.rows), 1), np.float32), form.scores[:, None]
    if isinstance(form, SequenceWeights):
        return _sequence(form, read), form.items
    if isinstance(form, Tower):
        return _tower(form, read), form.items
    return (_factors(form, read), form.items) if isinstance(form, Factors) else None


def _is_sum(form: ItemWeights) -> bool:
    return not form.last and form.decay == 1


@dataclass(frozen=True)
class Sums:
    """Item weights that all count alike: leaving one out takes its row from the sum.

    `base` (items,): what every row has besides.
    """

    form: ItemWeights
    read: Read
    base: Floats | None = None

    @cached_property
    def _scale(self) -> Floats:
        """(1 + h, 1)."""
        counts = self.read.counts
        return np.asarray(1 / counts, np.float32) if self.form.normalise else np.ones_like(counts)

    @property
    def num_items(self) -> int:
        return len(self.form.weights if self.form.rows is None else self.form.rows)

    @cached_property
    def _entries(self) -> Entries:
        return _entries(self.form, self.read.items)

    def at(self, columns: Places) -> Floats:
        if self.form.rows is None:
            weights = _columns_of(self.form, self.read.items, columns)
        else:
            weights = self._entries.to(columns, len(self.form.rows)).dense(len(self.read.items), len(columns))
        found = self.read.sums(weights) * self._scale
        return found if self.base is None else found + self.base[columns]

    def moments(self, reference: Places, sums: RowSums | None = None) -> Moments:
        """`sums`: what is known of the rows, where the reference is all items."""
        of = sums or self.sums_of(self.read.items, reference)
        total, along = self._total(reference, whole=sums is not None)
        some, c, mean = self.read.rows, len(reference), of.means.sum()
        total = total - mean
        along = along - c * of.means * mean  # products of rows with the centred total
        left = total @ total - 2 * along[some] + of.squares[some]
        variance = np.concatenate([[total @ total], left]) / c
        scale = self._scale[:, 0].astype(np.float64)
        means = np.concatenate([[mean], mean - of.means[some]]) * scale
        variance *= scale**2
        if self.base is not None:
            base = self.base[reference].astype(np.float64)
            with_base = of.with_base.sum()
            shared = np.concatenate([[with_base], with_base - of.with_base[some]]) / c
            means, variance = means + base.mean(), variance + 2 * scale * shared + base.var()
        return _column(means), _column(np.sqrt(np.maximum(0, variance)))

    def sums_of(self, items: Places, reference: Places) -> RowSums:
        """Of these items' rows; sparse ones are never made dense."""
        u, c = len(items), len(reference)
        base = np.zeros(c) if self.base is None else self.base[reference] - self.base[reference].mean(dtype=np.float64)
        if self.form.rows is None:
            weights = _columns_of(self.form, items, reference).astype(np.float64)
            means = weights.mean(axis=1)
            return RowSums(means, np.einsum("uc,uc->u", weights, weights) - c * means**2, weights @ base)
        row, column, weight = _entries(self.form, items).to(reference, len(self.form.rows))
        means = np.bincount(row, weight, u) / c
        squares = np.bincount(row, weight.astype(np.float64) ** 2, u) - c * means**2
        return RowSums(means, squares, np.bincount(row, weight * base[column], u).astype(np.float64))

    def _total(self, reference: Places, *, whole: bool) -> tuple[Doubles, Doubles]:
        """(c,) the sum of the rows, and (u,) their products with it. `whole`: the reference is all items."""
        items, c = self.read.items, len(reference)
        if self.form.rows is None:
            weights = self.form.weights[items] if whole else _columns_of(self.form, items, reference)
            total = weights.sum(axis=0)
            return total.astype(np.float64), (weights @ total).astype(np.float64)
        row, column, weight = self._entries if whole else self._entries.to(reference, len(self.form.rows))
        total = np.asarray(np.bincount(column, weight, c), np.float64)
        return total, np.asarray(np.bincount(row, weight * total[column], len(items)), np.float64)


def _column(values: Doubles) -> Floats:
    return np.asarray(values, np.float32)[:, None]


@dataclass(frozen=True)
class Weighted:
    """Item weights by how long ago an item was met."""

    form: ItemWeights
    read: Read

    def at(self, columns: Places) -> Floats:
        form, read = self.form, self.read
        there = read.there & (read.ages < form.last) if form.last else read.there
        scale = np.where(there, np.float32(form.decay) ** read.ages, 0).astype(np.float32)
        if form.normalise:
            scale /= np.maximum(1, there.sum(axis=1, keepdims=True)).astype(np.float32)
        return np.asarray(scale @ _columns_of(form, read.items, columns), np.float32)

    def moments(self, reference: Places) -> Moments:
        return _of_table(self.at(reference))


def _columns_of(form: ItemWeights, items: Places, columns: Places) -> Floats:
    """(u, columns): the weights from each of `items` to each of `columns`."""
    if form.rows is None:
        return np.asarray(form.weights[np.ix_(items, columns)], np.float32)
    return _entries(form, items).to(columns, len(form.rows)).dense(len(items), len(columns))


class Entries(NamedTuple):
    """Of sparse weights: row, column and weight of what is there."""

    row: Places
    column: Places
    weight: Floats

    def to(self, columns: Places, of: int) -> Entries:
        """Those of these of all `of` columns, which are numbered anew."""
        place = np.full(of, -1, np.int32)
        place[columns] = np.arange(len(columns), dtype=np.int32)
        column = place[self.column]
        there = np.flatnonzero(column >= 0)
        return Entries(self.row[there], column[there], self.weight[there])

    def dense(self, rows: int, columns: int) -> Floats:
        """(rows, columns)."""
        found = np.zeros((rows, columns), np.float32)
        found[self.row, self.column] = self.weight
        return found


def _entries(form: ItemWeights, items: Places) -> Entries:
    assert form.rows is not None
    entries, counts = form.rows.spans(items)
    return Entries(np.repeat(np.arange(len(items)), counts), form.rows.columns[entries], form.weights[entries])


def _factors(form: Factors, read: Read) -> Floats:
    """(1 + h, d)."""
    if form.gram is not None:
        return np.concatenate([_solved(form, read, whole=True), _solved(form, read, whole=False)])
    if form.fold_in is None:
        return np.zeros((1 + len(read.rows), form.items.shape[1]), np.float32)
    return read.sums(form.fold_in[read.items]) / read.counts**form.fold_in_power


def _solved(form: Factors, read: Read, *, whole: bool) -> Floats:
    """Implicit ALS, of all (1, d), or without each (h, d): one system less a row each (Sherman-Morrison)."""
    assert form.gram is not None
    rows = form.items[read.items].astype(np.float64)
    ridge, offset, power = form.ridge
    left = form.gram.astype(np.float64) + rows.T @ rows
    left[np.diag_indices_from(left)] += ridge * (len(rows) - (not whole) + offset) ** power
    total = rows.sum(axis=0)
    if whole:
        return np.linalg.solve(left, total)[None].astype(np.float32)
    out = form.items[read.left_out].astype(np.float64)
    inverse = np.linalg.inv(left)
    moved, right = out @ inverse, total - out
    scale = (moved * right).sum(axis=1) / (1 - (moved * out).sum(axis=1))
    return np.asarray(right @ inverse + scale[:, None] * moved, np.float32)


def _tower(form: Tower, read: Read) -> Floats:
    """(1 + h, d)."""
    x = read.sums(form.inputs[read.items]) / read.counts ** np.float32(form.power)
    for place, (weight, bias) in enumerate(zip(form.weights, form.biases, strict=True)):
        x = (np.maximum(x, 0) if place else x) @ weight.T + bias
    return np.asarray(x, np.float32)


def _sequence(form: SequenceWeights, read: Read) -> Floats:
    """(1 + h, d); what is older than the window changes nothing, so it is not computed."""
    whole = user_vector(form, read.history)
    found = np.repeat(whole[None], 1 + len(read.rows), axis=0)
    window = set(read.history[-form.last :].tolist())
    for row, item in enumerate(read.left_out.tolist(), start=1):
        if item in window:
            found[row] = user_vector(form, read.history[read.history != item])
    return found
