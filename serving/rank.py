"""Scores of all items for one user, from the index alone, and the exact best k of them.

NumPy's version of each model's `score`: `tests/serving/test_rank.py` holds both equal for every form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.index import Factors, Form, Index, ItemWeights, StaticScores
from serving.index_files import MISSING


def score(index: Index, user: int, history: NDArray[np.int32]) -> NDArray[np.float32]:
    """(num_items,) scores; `user` is a position, or `MISSING` for somebody the model was not fitted on (fold-in).

    `history`: the items that the model may read, repeats allowed.
    """
    items = np.unique(history)
    total = np.zeros(index.num_items, np.float32)
    for member in index.members:
        scores = sum((_form_scores(form, user, items) for form in member.forms), np.zeros(index.num_items, np.float32))
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


def _form_scores(form: Form, user: int, items: NDArray[np.int32]) -> NDArray[np.float32]:
    if isinstance(form, StaticScores):
        return form.scores
    if isinstance(form, ItemWeights):
        return _item_scores(form, items)
    vector = form.users[user] if user != MISSING else _newcomer(form, items)
    return np.asarray(form.items @ vector, np.float32)


def _item_scores(form: ItemWeights, items: NDArray[np.int32]) -> NDArray[np.float32]:
    scale = 1.0 / max(1, len(items)) if form.normalise else 1.0
    if form.rows is None:
        return np.asarray(form.weights[items].sum(axis=0) * np.float32(scale), np.float32)
    spans = [form.rows.span(int(item)) for item in items]
    num_items = len(form.rows)
    if not spans:
        return np.zeros(num_items, np.float32)
    columns = np.concatenate([form.rows.columns[span] for span in spans])
    weights = np.concatenate([form.weights[span] for span in spans])
    return (np.bincount(columns, weights, minlength=num_items) * scale).astype(np.float32)


def _newcomer(form: Factors, items: NDArray[np.int32]) -> NDArray[np.float32]:
    if form.gram is not None:
        rows = form.items[items]
        left = form.gram + np.float32(form.confidence) * (rows.T @ rows)
        return np.linalg.solve(left, (1.0 + form.confidence) * rows.sum(axis=0)).astype(np.float32)
    if form.fold_in is None:
        return np.zeros(form.items.shape[1], np.float32)
    return np.asarray(form.fold_in[items].sum(axis=0) / max(1, len(items)) ** form.fold_in_power, np.float32)
