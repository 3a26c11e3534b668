"""A user's history with each item left out in turn, as every form of a model reads it: scores and their moments.

What `serving.effects` is computed with. A blend standardises its members over all items; for a user that is a mean and
a deviation of scores that nobody asks for. Both have closed forms for scores that are inner products (of the user's
vector with the items' mean and covariance) and for sums of item weights (of one sum, less a row each), so that the
scores themselves are computed of the items asked about alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.forms import Factors, Form, ItemWeights, Member, StaticScores, Tower
from serving.inherit import Floats
from serving.sequence import SequenceWeights, user_vector

Places = NDArray[np.integer]
Moments = tuple[Floats, Floats]
"""Mean and deviation of each row's scores, (1 + h, 1)."""
Covariances = dict[str, tuple[Floats, Floats]]
"""Of an index's members by name: mean (d,) and covariance (d, d) of their items' vectors, computed once."""


@dataclass(frozen=True)
class Read:
    """`items` (u,) once each; `there` (1 + h, u): which of them each row has, the first row all; `ages` (1 + h, u): how
    many steps back each was met last.
    """

    history: NDArray[np.int32]
    left_out: Places
    items: NDArray[np.int32]
    there: NDArray[np.bool_]
    ages: Floats

    @classmethod
    def of(cls, history: NDArray[np.int32], left_out: Places) -> Read:
        items, back = np.unique(history[::-1], return_index=True)
        there = np.concatenate([np.ones((1, len(items)), bool), items != np.asarray(left_out)[:, None]])
        newest = history[::-1]
        ages = np.repeat(back[None].astype(np.float32), 1 + len(left_out), axis=0)
        for row, item in enumerate(left_out.tolist(), start=1):  # what is left out makes older things younger
            ages[row] -= np.searchsorted(np.flatnonzero(newest == item), back)
        return cls(history, left_out, items.astype(np.int32), there, ages)

    @property
    def counts(self) -> Floats:
        """(1 + h, 1): how many items each row has."""
        return np.asarray(np.maximum(1, self.there.sum(axis=1, keepdims=True)), np.float32)

    def sums(self, vectors: Floats) -> Floats:
        """(1 + h, d): the sum of what each row has of (u, d)."""
        return np.asarray(self.there.astype(np.float32) @ vectors, np.float32)


Part: TypeAlias = "Sums | Weighted | Vectors"
"""A form, asked for what it gives each row."""


def parts(member: Member, read: Read) -> list[Part]:
    """Of a member's forms, those that are inner products as one."""
    vectors = [vector for vector in (_vectors(form, read) for form in member.forms) if vector is not None]
    others: list[Part] = [_weighted(form, read) for form in member.forms if isinstance(form, ItemWeights)]
    return [*others, Vectors(vectors)] if vectors else others


def standardised(member: Member, read: Read, asked: Places, reference: Places, known: Covariances) -> Floats:
    """(1 + h, asked): what the member brings to the blend."""
    mine = parts(member, read)
    scores = np.asarray(sum(part.at(asked) for part in mine), np.float32)
    if member.weight is None:
        return scores
    mean, deviation = _moments(member.name, mine, reference, known)
    scale = np.float32(member.weight) / np.where(deviation >= 1e-12, deviation, np.float32(np.inf))
    return np.asarray((scores - mean) * scale, np.float32)


def _moments(name: str, mine: Sequence[Part], reference: Places, known: Covariances) -> Moments:
    if len(mine) > 1:
        return _of_table(np.asarray(sum(part.at(reference) for part in mine), np.float32))
    only = mine[0]
    if not isinstance(only, Vectors):
        return only.moments(reference)
    if name not in known:
        known[name] = only.spread(reference)
    return only.moments(*known[name])


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
        return np.ones((len(read.there), 1), np.float32), form.scores[:, None]
    if isinstance(form, SequenceWeights):
        return _sequence(form, read), form.items
    if isinstance(form, Tower):
        return _tower(form, read), form.items
    return (_factors(form, read), form.items) if isinstance(form, Factors) else None


def _weighted(form: ItemWeights, read: Read) -> Part:
    return Weighted(form, read) if form.last or form.decay != 1 else Sums(form, read)


@dataclass(frozen=True)
class Sums:
    """Item weights that all count alike: leaving one out takes its row from the sum."""

    form: ItemWeights
    read: Read

    @property
    def _scale(self) -> Floats:
        """(1 + h, 1)."""
        counts = self.read.counts
        return np.asarray(1 / counts, np.float32) if self.form.normalise else np.ones_like(counts)

    @property
    def _rows(self) -> Places:
        """Where among the history's items each one stands that is left out."""
        return np.searchsorted(self.read.items, self.read.left_out)

    def at(self, columns: Places) -> Floats:
        weights = _columns_of(self.form, self.read.items, columns)
        total = weights.sum(axis=0)
        return np.concatenate([total[None], total - weights[self._rows]]) * self._scale

    def moments(self, reference: Places) -> Moments:
        weights = _columns_of(self.form, self.read.items, reference)
        means = weights.mean(axis=1)
        total = weights.sum(axis=0) - means.sum()
        squares = np.einsum("uc,uc->u", weights, weights) - len(reference) * means**2
        some = self._rows
        left = total @ total - 2 * (weights @ total)[some] + squares[some]
        variance = np.maximum(0, np.concatenate([[total @ total], left])) / len(reference)
        mean = np.concatenate([[means.sum()], means.sum() - means[some]])
        return _column(mean) * self._scale, _column(np.sqrt(variance)) * self._scale


def _column(values: Floats) -> Floats:
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
    """(u, columns): the weights from each of `items` to each of `columns`, which ascend."""
    if form.rows is None:
        return np.asarray(form.weights[np.ix_(items, columns)], np.float32)
    entries, counts = form.rows.spans(items)
    target = form.rows.columns[entries]
    at = np.minimum(np.searchsorted(columns, target), len(columns) - 1)
    hit = columns[at] == target
    found = np.zeros((len(items), len(columns)), np.float32)
    found[np.repeat(np.arange(len(items)), counts)[hit], at[hit]] = form.weights[entries][hit]
    return found


def _factors(form: Factors, read: Read) -> Floats:
    """(1 + h, d)."""
    if form.gram is not None:
        return np.concatenate([_solved(form, read, whole=True), _solved(form, read, whole=False)])
    if form.fold_in is None:
        return np.zeros((len(read.there), form.items.shape[1]), np.float32)
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
    found = np.repeat(whole[None], len(read.there), axis=0)
    window = set(read.history[-form.last :].tolist())
    for row, item in enumerate(read.left_out.tolist(), start=1):
        if item in window:
            found[row] = user_vector(form, read.history[read.history != item])
    return found
