"""BPR-MF: matrix factorisation that learns to put what somebody met above what they did not, by stochastic descent.

Rendle, Freudenthaler, Gantner, Schmidt-Thieme 2009, «BPR: Bayesian Personalized Ranking from Implicit Feedback», UAI.
For each pair (u, i) that was met and an item j that was not, one step down

    -log sigmoid(x_ui - x_uj) + regularization / 2 (|p_u|^2 + |q_i|^2 + |q_j|^2 + b_i^2 + b_j^2),
    x_ui = p_u q_i + b_i.

j is drawn uniformly (drawn by popularity it ranked worse on MovieLens); the steps shorten linearly to nothing. A
newcomer's p is a linear map of the mean of its items' factors, the map that fits the known users best (least squares).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit

from training.data import TrainingData
from training.factors import Factors, FittedFactors, mean_fold_in
from training.recommender import SILENT, Enough, Monitor
from training.space import Categorical, Float, Int, Space

TOLD = 16
"""The loss is told from one pair in so many."""


@dataclass(frozen=True)
class BPRConfig:
    """`epochs`: passes over all pairs."""

    embedding_size: int = 64
    epochs: int = 60
    learning_rate: float = 0.2
    regularization: float = 0.01
    seed: int = 42


GRID = (BPRConfig(), BPRConfig(regularization=0.02), BPRConfig(embedding_size=128, epochs=100))

SPACE: Space = {
    "embedding_size": Categorical((32, 64, 128, 256)),
    "epochs": Int(20, 200, log=True),
    "learning_rate": Float(0.01, 0.3, log=True),
    "regularization": Float(5e-4, 0.1, log=True),
}


class BPR(FittedFactors):
    """See the module's docstring. The last column of the factors is the bias: of a user one, of an item b."""

    name = "bpr"

    def __init__(self, config: BPRConfig | None = None) -> None:
        self.config = config or BPRConfig()

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        config, matrix = self.config, data.matrix
        rng = np.random.default_rng([config.seed, data.seed])
        size, spread = config.embedding_size, config.embedding_size**-0.5
        users = (0.1 * spread * rng.standard_normal((data.num_users, size + 1))).astype(np.float32)
        items = (0.1 * spread * rng.standard_normal((data.num_items, size + 1))).astype(np.float32)
        users[:, size], items[:, size] = 1.0, 0.0
        of_pair = np.repeat(np.arange(data.num_users, dtype=np.int32), np.diff(matrix.indptr))
        for epoch in range(config.epochs if matrix.nnz else 0):
            order = rng.permutation(matrix.nnz)
            rate = np.float32(config.learning_rate * (1 - epoch / config.epochs))
            loss = _epoch(
                order, of_pair, matrix.indptr, matrix.indices, users, items, rate, np.float32(config.regularization),
                rng.integers(1, 2**63, dtype=np.uint64),
            )  # fmt: skip
            try:
                monitor.epoch(epoch + 1, config.epochs, {"loss": float(loss)})
            except Enough:
                break
        users[np.diff(matrix.indptr) == 0, :size] = 0.0  # nobody has learned anything of them
        inputs = np.column_stack([items[:, :size], np.ones(data.num_items, np.float32)])
        fold_in = mean_fold_in(matrix, users, inputs)
        fold_in[:, size] = 1.0  # whose mean is one: the bias counts in full
        self._factors = Factors(users, items, fold_in, power=1.0)
        return self


@njit(cache=True, fastmath=True)
def _epoch(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    order, of_pair, indptr, indices, users, items, rate, regularization, state
):
    """One step for each pair, in `order`, in place; returns the mean loss of one in `TOLD` of them."""
    size, num_items, total = users.shape[1] - 1, np.uint64(len(items)), np.float32(0.0)
    one, shrink = np.float32(1.0), np.float32(1.0) - rate * regularization
    for step in range(len(order)):
        user, good = of_pair[order[step]], indices[order[step]]
        start, end = indptr[user], indptr[user + 1]
        if end - start == num_items:
            continue
        while True:
            state = _next(state)
            bad = np.int32(((state >> np.uint64(33)) * num_items) >> np.uint64(31))
            if not _holds(indices, start, end, bad):
                break
        apart = items[good, size] - items[bad, size]
        for k in range(size):
            apart += users[user, k] * (items[good, k] - items[bad, k])
        pull = one / (one + np.exp(apart))
        if step % TOLD == 0:
            total -= np.log(max(one - pull, np.float32(1e-30)))
        pull *= rate
        for k in range(size):
            mine, liked, other = users[user, k], items[good, k], items[bad, k]
            users[user, k] = shrink * mine + pull * (liked - other)
            items[good, k] = shrink * liked + pull * mine
            items[bad, k] = shrink * other - pull * mine
        items[good, size] = shrink * items[good, size] + pull
        items[bad, size] = shrink * items[bad, size] - pull
    return total / max(1, len(order) // TOLD)


@njit(cache=True)
def _holds(indices, start, end, item):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Is `item` among the sorted `indices[start:end]`; without a branch to guess wrong at each halving."""
    length = end - start
    while length > 1:
        half = length // 2
        start += half * (indices[start + half] <= item)
        length -= half
    return indices[start] == item


@njit(cache=True)
def _next(state):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The next of a xorshift generator (Marsaglia 2003): numba's own costs as much as the step."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    return state ^ (state << np.uint64(17))
