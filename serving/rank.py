"""Scores of all items for one user, from the index alone, and the exact best k of them.

NumPy's version of each model's `score`: `tests/serving/test_rank.py` holds both equal for every form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.index import Factors, Form, Index, ItemWeights, StaticScores, Tower
from serving.index_files import MISSING
from serving.observe.record import SCORE, timed
from serving.sequence import SequenceWeights, user_vector


@timed(SCORE)
def score(index: Index, user: int, history: NDArray[np.int32]) -> NDArray[np.float32]:
    """(num_items,) scores; `user` is a position, or `MISSING` for somebody the model was not fitted on (fold-in).

    `history`: the items that the model may read, oldest first, repeats allowed.
    """
    items, back = np.unique(history[::-1], return_index=True)
    ages = back.astype(np.float32)
    total = np.zeros(index.num_items, np.float32)
    for member in index.members:
        parts = (_form_scores(form, user, items, ages, history) for form in member.forms)
        scores = sum(parts, np.zeros(index.num_items, np.float32))
        total += scores if member.weight is None else np.float32(member.weight) * standardise(scores)
    return total


def standardise(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Less the mean over all items, over the standard deviation: as `training.blend` does before it weighs."""
    centred = scores - scores.mean()
    spread = float(np.sqrt(np.dot(centred, centred) / max(1, len(centred))))
    return centred / np.float32(spread) if spread >= 1e-12 else np.zeros_like(centred)


def best(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Positions of the k highest finite scores, best first; equal scores by position. -inf marks what is excluded."""
    allowed = np.flatnonzero(scores > -np.inf)
    if k < len(allowed):
        values = scores[allowed]
        threshold = np.partition(values, len(values) - k)[len(values) - k]
        above, equal = allowed[values > threshold], allowed[values == threshold]
        allowed = np.concatenate([above, equal[: k - len(above)]])
    return allowed[np.lexsort((allowed, -scores[allowed]))]


def _form_scores(
    form: Form, user: int, items: NDArray[np.int32], ages: NDArray[np.float32], history: NDArray[np.int32]
) -> NDArray[np.float32]:
    """`items`: those of `history` once each; `ages`: how many steps back each was met last, the newest is 0."""
    if isinstance(form, StaticScores):
        return form.scores
    if isinstance(form, ItemWeights):
        return _item_scores(form, items, ages)
    if isinstance(form, SequenceWeights):
        return np.asarray(form.items @ user_vector(form, history), np.float32)
    if isinstance(form, Tower):
        return np.asarray(form.items @ _tower_vector(form, user, items), np.float32)
    vector = form.users[user] if user != MISSING else _newcomer(form, items)
    return np.asarray(form.items @ vector, np.float32)


def _item_scores(form: ItemWeights, items: NDArray[np.int32], ages: NDArray[np.float32]) -> NDArray[np.float32]:
    if form.last:
        items, ages = items[ages < form.last], ages[ages < form.last]
    scale = np.float32(1.0 / max(1, len(items)) if form.normalise else 1.0) * np.float32(form.decay) ** ages
    if form.rows is None:
        return np.asarray(scale @ form.weights[items], np.float32)
    num_items = len(form.rows)
    if not len(items):
        return np.zeros(num_items, np.float32)
    spans = [form.rows.span(int(item)) for item in items]
    columns = np.concatenate([form.rows.columns[span] for span in spans])
    weights = np.concatenate([form.weights[span] * factor for span, factor in zip(spans, scale, strict=True)])
    return np.bincount(columns, weights, minlength=num_items).astype(np.float32)


def _newcomer(form: Factors, items: NDArray[np.int32]) -> NDArray[np.float32]:
    if form.gram is not None:
        rows = form.items[items]
        ridge, offset, power = form.ridge
        left = form.gram + rows.T @ rows
        left[np.diag_indices_from(left)] += np.float32(ridge * (len(items) + offset) ** power)
        return np.linalg.solve(left, rows.sum(axis=0)).astype(np.float32)
    if form.fold_in is None:
        return np.zeros(form.items.shape[1], np.float32)
    return np.asarray(form.fold_in[items].sum(axis=0) / max(1, len(items)) ** form.fold_in_power, np.float32)


def _tower_vector(form: Tower, user: int, items: NDArray[np.int32]) -> NDArray[np.float32]:
    x = form.inputs[items].sum(axis=0) / np.float32(max(1, len(items)) ** form.power)
    if user != MISSING:
        x = x + form.users[user]
    for place, (weight, bias) in enumerate(zip(form.weights, form.biases, strict=True)):
        x = weight @ (np.maximum(x, 0) if place else x) + bias
    return np.asarray(x, np.float32)
