"""What each interaction of a user does for an item's score: the score without it, for all of them at once.

Request path, behind reasons. The user is folded in from their history (`serving.rank.score` of
`MISSING`), with all of it and with each item left out in turn; what the score loses is that item's *drop*.
`tests/serving/test_effects.py` holds every form equal to `rank.score` of the shortened history. Members of a blend are
standardised over all items of a catalogue of up to `REFERENCE`, over an evenly spaced sample of so many beyond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.forms import Factors, Form, ItemWeights, StaticScores, Tower
from serving.index import Index
from serving.inherit import inherited
from serving.live import Live
from serving.sequence import SequenceWeights, user_vector

REFERENCE = 4096
LATEST = 400
"""Of a history the latest so many are left out in turn: those before them only weigh in the sums."""
Floats = NDArray[np.float32]
Places = NDArray[np.integer]


@dataclass(frozen=True)
class Effects:
    """`left_out` (h,): positions of the items that were left out, each once. `drops` (h, n): points of score that each
    of the n items asked about loses without each of them; NaN where that cannot be said. `scores` (n,): with all.
    """

    left_out: NDArray[np.int32]
    drops: Floats
    scores: Floats

    def others(self) -> Floats:
        """(h, n): the mean drop of all the other interactions; 0 where there is none."""
        rest = len(self.drops) - 1
        return np.asarray((self.drops.sum(axis=0) - self.drops) / max(1, rest), np.float32) * np.float32(rest > 0)


def effects(live: Live, history: NDArray[np.int32], items: Places) -> Effects:
    """Drops of `items` (positions, new ones too) for a history of the index's items, oldest first, repeats allowed."""
    index = live.index
    some, first = np.unique(history[::-1], return_index=True)
    left_out = some[np.argsort(first)][:LATEST].astype(np.int32)
    columns, at = _columns(index, np.asarray(items)[np.asarray(items) < index.num_items])
    if index.num_items <= REFERENCE:
        table = _all_scores(live, _blend(index, history, left_out, columns, len(columns)))
        found = table[:, items]
    else:
        table = _blend(index, history, left_out, columns, REFERENCE)
        found = np.full((len(table), len(items)), np.nan, np.float32)
        known = np.asarray(items) < index.num_items
        if index.inherit is not None:
            known &= ~np.isin(items, index.inherit.cold)
        places = np.searchsorted(at, np.asarray(items)[known])
        found[:, known] = table[:, REFERENCE + places]
    return Effects(left_out, np.asarray(found[0] - found[1:], np.float32), found[0])


def _columns(index: Index, items: Places) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The items that are scored: the reference, behind it those asked about where they may not be among it."""
    asked = np.unique(items).astype(np.int64)
    if index.num_items <= REFERENCE:
        return np.arange(index.num_items), asked
    reference = np.linspace(0, index.num_items - 1, REFERENCE).astype(np.int64)
    return np.concatenate([reference, asked]), asked


def _all_scores(live: Live, table: Floats) -> Floats:
    """(rows, num_items): with what newcomers among the items inherit."""
    inherit = live.index.inherit
    if inherit is None:
        extra = np.full((len(table), len(live.fresh)), np.nan, np.float32)
        return np.concatenate([table, extra], axis=1)
    if len(inherit.cold):
        table[:, inherit.cold] = inherited(table, inherit.landmarks, inherit.cold_from, inherit.stretch)
    extra = inherited(table, inherit.landmarks, live.sources, inherit.stretch)
    extra[:, ~live.has_source] = np.nan
    return np.concatenate([table, extra], axis=1)


def _blend(index: Index, history: NDArray[np.int32], left_out: Places, columns: Places, reference: int) -> Floats:
    """(1 + h, columns): scores with all, then without each."""
    total = np.zeros((1 + len(left_out), len(columns)), np.float32)
    read = _Read.of(history, left_out)
    for member in index.members:
        scores = np.zeros_like(total)
        for form in member.forms:
            scores += _form(form, read, columns)
        if member.weight is not None:
            scores -= scores[:, :reference].mean(axis=1, keepdims=True)
            spread = np.sqrt(np.square(scores[:, :reference]).mean(axis=1, keepdims=True))
            scores *= np.float32(member.weight) / np.where(spread >= 1e-12, spread, np.float32(np.inf))
        total += scores
    return total


@dataclass(frozen=True)
class _Read:
    """`items` (u,) once each; `there` (1 + h, u): which of them each row has, the first row all; `ages` (1 + h, u): how
    many steps back each was met last.
    """

    history: NDArray[np.int32]
    left_out: Places
    items: NDArray[np.int32]
    there: NDArray[np.bool_]
    ages: Floats

    @classmethod
    def of(cls, history: NDArray[np.int32], left_out: Places) -> _Read:
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


def _form(form: Form, read: _Read, columns: Places) -> Floats:
    if isinstance(form, StaticScores):
        return np.asarray(form.scores[columns][None])
    if isinstance(form, ItemWeights):
        return _item_weights(form, read, columns)
    if isinstance(form, SequenceWeights):
        return np.asarray(_sequence(form, read) @ form.items[columns].T, np.float32)
    if isinstance(form, Tower):
        return np.asarray(_tower(form, read) @ form.items[columns].T, np.float32)
    return np.asarray(_factors(form, read) @ form.items[columns].T, np.float32)


def _item_weights(form: ItemWeights, read: _Read, columns: Places) -> Floats:
    there = read.there & (read.ages < form.last) if form.last else read.there
    scale = np.where(there, np.float32(form.decay) ** read.ages, 0).astype(np.float32)
    if form.normalise:
        scale /= np.maximum(1, there.sum(axis=1, keepdims=True)).astype(np.float32)
    if form.rows is None:
        return np.asarray(scale @ form.weights[np.ix_(read.items, columns)], np.float32)
    order = np.argsort(columns, kind="stable")
    ordered = np.asarray(columns)[order]
    weights = np.zeros((len(read.items), len(columns)), np.float32)
    for row, item in enumerate(read.items.tolist()):
        span = form.rows.span(item)
        for side in ("left", "right"):  # a column may stand among the reference and among those asked about
            at = np.searchsorted(ordered, form.rows.columns[span], side=side) - (side == "right")
            hit = (at >= 0) & (at < len(ordered))
            hit[hit] = ordered[at[hit]] == form.rows.columns[span][hit]
            weights[row, order[at[hit]]] = form.weights[span][hit]
    return np.asarray(scale @ weights, np.float32)


def _factors(form: Factors, read: _Read) -> Floats:
    """(1 + h, d)."""
    if form.gram is not None:
        return np.concatenate([_solved(form, read, whole=True), _solved(form, read, whole=False)])
    if form.fold_in is None:
        return np.zeros((len(read.there), form.items.shape[1]), np.float32)
    return read.sums(form.fold_in[read.items]) / read.counts**form.fold_in_power


def _solved(form: Factors, read: _Read, *, whole: bool) -> Floats:
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


def _tower(form: Tower, read: _Read) -> Floats:
    """(1 + h, d)."""
    x = read.sums(form.inputs[read.items]) / read.counts ** np.float32(form.power)
    for place, (weight, bias) in enumerate(zip(form.weights, form.biases, strict=True)):
        x = (np.maximum(x, 0) if place else x) @ weight.T + bias
    return np.asarray(x, np.float32)


def _sequence(form: SequenceWeights, read: _Read) -> Floats:
    """(1 + h, d); what is older than the window changes nothing, so it is not computed."""
    whole = user_vector(form, read.history)
    found = np.repeat(whole[None], len(read.there), axis=0)
    window = set(read.history[-form.last :].tolist())
    for row, item in enumerate(read.left_out.tolist(), start=1):
        if item in window:
            found[row] = user_vector(form, read.history[read.history != item])
    return found
