"""Linear sequence model: what comes next, in closed form.

After SLIST (Choi et al. 2021, «Session-aware Linear Item-Item Models for Session-based Recommendation») and EASE. Every
place t of every history is one regression row: x_t holds the items up to t, weighted `history_decay` ** age; y_t the
items after t, weighted `target_decay` ** (distance - 1). With G = X^T X and C = X^T Y,

    B = (G + regularization I)^-1 C,    score(u) = x_u B,

x_u being the whole history of u. Repeats keep their newest weight. Cost: one Cholesky factor of items x items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix

from training.data import Histories, TrainingData, UserBatch
from training.dense_items import DenseItemModel
from training.recommender import SILENT, Form, ItemForm, Monitor
from training.space import Float, Int, Space

TARGETS = 10
"""Items after a place that count as what came next; with decays below 1 the rest weighs nothing."""


@dataclass(frozen=True)
class LinearSequenceConfig:
    """`last`: how many of the newest items of a history are read."""

    history_decay: float = 0.7
    target_decay: float = 0.5
    regularization: float = 30.0
    last: int = 50


GRID = (
    LinearSequenceConfig(),
    LinearSequenceConfig(history_decay=0.9, target_decay=0.8),
    LinearSequenceConfig(history_decay=0.5, target_decay=0.3),
)

SPACE: Space = {
    "history_decay": Float(0.3, 1.0),
    "target_decay": Float(0.1, 0.9),
    "regularization": Float(1.0, 3_000.0, log=True),
    "last": Int(5, 200, log=True),
}


class LinearSequence(DenseItemModel):
    """`weights` (num_items, num_items): row = item in the history, column = item that may follow."""

    name = "linear-sequence"

    def __init__(self, config: LinearSequenceConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # a closed form has no epochs
        config, history = self.config, data.histories
        shape = (history.num_items, history.num_items)
        gram, cross = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        ages = np.float32(config.history_decay) ** np.arange(config.last, dtype=np.float32)
        distances = np.float32(config.target_decay) ** np.arange(TARGETS, dtype=np.float32)
        _accumulate(history.indptr, history.items, ages, distances, gram, cross)
        gram[np.diag_indices_from(gram)] += np.float32(config.regularization)
        # gram is symmetric: its C order is its own transpose, so LAPACK may work in place without a copy.
        factor = cho_factor(gram.T, lower=True, overwrite_a=True, check_finite=False)
        self.weights = np.ascontiguousarray(cho_solve(factor, cross, check_finite=False), dtype=np.float32)
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        weighted = decayed(users.histories, self.config.history_decay, self.config.last)
        return np.asarray(weighted @ self.weights, np.float32)

    def forms(self) -> Sequence[Form]:
        return [ItemForm(self.weights, decay=self.config.history_decay, last=self.config.last)]


def decayed(histories: Histories, decay: float, last: int) -> csr_matrix:
    """(rows, num_items): `decay` ** age of the newest `last` items, age 0 the newest; a repeat counts as its newest."""
    lengths = np.diff(histories.indptr)
    age = np.repeat(histories.indptr[1:], lengths) - 1 - np.arange(len(histories.items))
    rows = np.repeat(np.arange(len(histories)), lengths)
    kept = np.flatnonzero(age < last)[::-1]
    pair = rows[kept].astype(np.int64) * histories.num_items + histories.items[kept]
    newest = kept[np.unique(pair, return_index=True)[1]]
    values = (np.float32(decay) ** age[newest]).astype(np.float32)
    return csr_matrix((values, (rows[newest], histories.items[newest])), shape=(len(histories), histories.num_items))


@njit(cache=True)
def _accumulate(indptr, items, ages, distances, gram, cross):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Adds every place's x x^T to `gram` and x y^T to `cross`."""
    weight = np.zeros(gram.shape[0], np.float32)
    members = np.empty(len(ages), np.int64)
    for user in range(len(indptr) - 1):
        start, end = indptr[user], indptr[user + 1]
        for place in range(start, end - 1):
            count = 0
            for age in range(min(len(ages), place - start + 1)):
                item = items[place - age]
                if weight[item] == 0:
                    weight[item] = ages[age]
                    members[count] = item
                    count += 1
            for first in range(count):
                one = members[first]
                for second in range(count):
                    gram[one, members[second]] += weight[one] * weight[members[second]]
                for distance in range(min(len(distances), end - 1 - place)):
                    cross[one, items[place + 1 + distance]] += weight[one] * distances[distance]
            for first in range(count):
                weight[members[first]] = 0
