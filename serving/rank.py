"""Scores of all items for one user, from the index alone, and the exact best k of them.

NumPy's version of each model's `score`: `tests/serving/test_rank.py` holds both equal for every form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.forms import Factors, Form, ItemWeights, StaticScores, Told, Tower
from serving.index import Index
from serving.index_files import MISSING
from serving.observe.record import SCORE, timed
from serving.sequence import SequenceWeights, user_vector


@dataclass(frozen=True)
class Read:
    """Of a history: its `items` once each, how many steps back each was met last (`ages`, the newest is 0), and the
    items it had when the model learned the user (`old`). `told`: all that the user did, None where only that is known.
    """

    items: NDArray[np.int32]
    ages: NDArray[np.float32]
    old: NDArray[np.int32] | None = None
    told: Told | None = None


@timed(SCORE)
def score(
    index: Index,
    user: int,
    history: NDArray[np.int32],
    before: NDArray[np.int32] | None = None,
    told: Told | None = None,
) -> NDArray[np.float32]:
    """(num_items,) scores; `user` is a position, or `MISSING` for somebody the model was not fitted on (fold-in).

    `history`: the items that the model may read, oldest first, repeats allowed. `before`: what it was when the model
    learned the user, where that is another; what was learned then is moved by what fold-in says of the difference.
    `told`: all that they did, for models that weigh what is no liking too.
    """
    read = read_of(history, before, told)
    total = np.zeros(index.num_items, np.float32)
    for member in index.members:
        parts = (_form_scores(form, user, read, history) for form in member.forms)
        scores = sum(parts, np.zeros(index.num_items, np.float32))
        total += scores if member.weight is None else np.float32(member.weight) * standardise(scores)
    return total


def read_of(history: NDArray[np.int32], before: NDArray[np.int32] | None = None, told: Told | None = None) -> Read:
    """What models read of a history, arguments as for `score`."""
    items, back = np.unique(history[::-1], return_index=True)
    return Read(items, back.astype(np.float32), None if before is None else np.unique(before), told)


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


def _form_scores(form: Form, user: int, read: Read, history: NDArray[np.int32]) -> NDArray[np.float32]:
    if isinstance(form, StaticScores):
        return form.scores
    if isinstance(form, ItemWeights):
        return item_scores(form, read)
    return np.asarray(form.items @ dense_vector(form, user, read, history), np.float32)


def dense_vector(form: Form, user: int, read: Read, history: NDArray[np.int32]) -> NDArray[np.float32]:
    """(d,) by which the items' vectors of a form are multiplied, arguments as above; of static scores (1,), one."""
    if isinstance(form, StaticScores):
        return np.ones(1, np.float32)
    if isinstance(form, SequenceWeights):
        return user_vector(form, history)
    if isinstance(form, Tower):
        return _tower_vector(form, user, read.items)
    assert isinstance(form, Factors), "item weights have no vector"
    return _factor(form, user, read.items, read.old)


def _factor(form: Factors, user: int, items: NDArray[np.int32], old: NDArray[np.int32] | None) -> NDArray[np.float32]:
    """(d,): the user's own vector; moved where their history is another by now, made where they have none.

    What implicit ALS solves for the new history is what it would have learned, unless it read other accounts of theirs
    too; other models learn users apart from what fold-in makes of their items, so only the difference is taken.
    """
    if user == MISSING or form.users is None or (old is not None and form.gram is not None and not form.moves):
        return _newcomer(form, items)
    if old is None or (form.fold_in is None and form.gram is None):
        return np.asarray(form.users[user])
    return np.asarray(form.users[user] + _newcomer(form, items) - _newcomer(form, old), np.float32)


def history_scale(form: ItemWeights, read: Read) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The items of a history that the form reads, and what each counts."""
    if form.said is not None and read.told is not None:
        return read.told.weighed(form.said)
    items, ages = read.items, read.ages
    if form.last:
        items, ages = items[ages < form.last], ages[ages < form.last]
    return items, np.float32(1.0 / max(1, len(items)) if form.normalise else 1.0) * np.float32(form.decay) ** ages


def item_scores(form: ItemWeights, read: Read) -> NDArray[np.float32]:
    """(num_items,) of what was read of a history."""
    items, scale = history_scale(form, read)
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
