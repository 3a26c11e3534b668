"""BPR-MF: matrix factorisation that learns to put what somebody met above what they did not, by stochastic descent.

Rendle, Freudenthaler, Gantner, Schmidt-Thieme 2009, «BPR: Bayesian Personalized Ranking from Implicit Feedback», UAI.
For each pair (u, i) that was met and an item j that was not, one step down

    -log sigmoid(x_ui - x_uj) + regularization / 2 (|p_u|^2 + |q_i|^2 + |q_j|^2 + b_i^2 + b_j^2),
    x_ui = p_u q_i + b_i.

j is drawn uniformly (drawn by popularity it ranked worse on MovieLens); the steps shorten linearly to nothing. A
newcomer's p is a linear map of the mean of its items' factors, the map that fits the known users best (least squares).
What other accounts of a person did (`training.links`) is met by them too: in an epoch as often as it is likely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.data import TrainingData
from training.factors import Factors, FittedFactors, mean_fold_in
from training.recommender import SILENT, Enough, Monitor
from training.space import Categorical, Float, Int, Space

BLOCK = 64
"""Pairs fetched at once; a multiple of `TOLD`."""
CHANCE = np.float32(2.0**-24)
"""Of 24 bits, a number from 0 to 1."""
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
        config, matrix = self.config, data.edges
        rng = np.random.default_rng([config.seed, data.seed])
        size, spread = config.embedding_size, 0.1 * config.embedding_size**-0.5
        users = (spread * rng.standard_normal((data.num_users, size))).astype(np.float32)
        items = (spread * rng.standard_normal((data.num_items, size))).astype(np.float32)
        bias, triples = np.zeros(data.num_items, np.float32), _triples(matrix)
        for epoch in range(config.epochs if matrix.nnz else 0):
            _draw(matrix.indptr, matrix.data, triples, data.num_items, rng.integers(1, 2**63, dtype=np.uint64))
            rate = np.float32(config.learning_rate * (1 - epoch / config.epochs))
            ridge = np.float32(config.regularization)
            loss = _epoch(rng.permutation(matrix.nnz), triples, users, items, bias, rate, ridge)
            try:
                monitor.epoch(epoch + 1, config.epochs, {"loss": float(loss)})
            except Enough:
                break
        users[np.diff(matrix.indptr) == 0] = 0.0  # nobody has learned anything of them
        users = np.column_stack([users, np.ones(data.num_users, np.float32)])
        inputs = np.column_stack([items, np.ones(data.num_items, np.float32)])
        fold_in = mean_fold_in(matrix, users, inputs)
        fold_in[:, size] = 1.0  # whose mean is one: the bias counts in full
        self._factors = Factors(users, np.column_stack([items, bias]), fold_in, power=1.0)
        return self


def _triples(matrix: csr_matrix) -> NDArray[np.int32]:
    """(pairs, 4): user, item, a place for what was drawn against it, nothing: a pair is one read of the memory."""
    triples = np.full((matrix.nnz, 4), -1, np.int32)
    triples[:, 0] = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
    triples[:, 1] = matrix.indices
    return triples


@njit(cache=True)
def _draw(indptr, sure, triples, num_items, state):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """An item that the user did not meet for every pair; none, by chance, where the pair is not `sure`. User by user,
    so that what was met is a mark in the cache.
    """
    met, count, one = np.zeros(num_items, np.bool_), np.uint64(num_items), np.float32(1.0)
    for user in range(len(indptr) - 1):
        mine = triples[indptr[user] : indptr[user + 1]]
        if len(mine) == num_items:
            continue
        for place in range(len(mine)):
            met[mine[place, 1]] = True
        for place in range(len(mine)):
            bad = np.int64(0)
            while True:
                state = _next(state)
                bad = np.int64(((state >> np.uint64(33)) * count) >> np.uint64(31))
                if not met[bad]:
                    break
            mine[place, 2] = bad
            if sure[indptr[user] + place] < one:
                state = _next(state)
                if np.float32(state >> np.uint64(40)) * CHANCE >= sure[indptr[user] + place]:
                    mine[place, 2] = -1
        for place in range(len(mine)):
            met[mine[place, 1]] = False


@njit(cache=True, fastmath=True)
def _epoch(order, triples, users, items, bias, rate, regularization):  # type: ignore[no-untyped-def]  # pragma: no cover
    """One step for each pair, in `order`, in place; returns the mean loss of one in `TOLD` of them.

    The pairs of `BLOCK` steps are fetched together, so that their waits for memory pass side by side.
    """
    near, total, one = np.empty((BLOCK, 3), np.int32), np.float32(0.0), np.float32(1.0)
    shrink = one - rate * regularization
    for first in range(0, len(order), BLOCK):
        count = min(BLOCK, len(order) - first)
        for place in range(count):
            for part in range(3):
                near[place, part] = triples[order[first + place], part]
        for place in range(count):
            user, good, bad = near[place, 0], near[place, 1], near[place, 2]
            if bad < 0:
                continue
            mine, liked, other = users[user], items[good], items[bad]
            apart = bias[good] - bias[bad]
            for k in range(len(mine)):
                apart += mine[k] * (liked[k] - other[k])
            pull = one / (one + np.exp(apart))
            if place % TOLD == 0:
                total -= np.log(max(one - pull, np.float32(1e-30)))
            pull *= rate
            for k in range(len(mine)):
                a, b, c = mine[k], liked[k], other[k]
                mine[k] = shrink * a + pull * (b - c)
                liked[k] = shrink * b + pull * a
                other[k] = shrink * c - pull * a
            bias[good] = shrink * bias[good] + pull
            bias[bad] = shrink * bias[bad] - pull
    return total / max(1, len(order) // TOLD)


@njit(cache=True)
def _next(state):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The next of a xorshift generator (Marsaglia 2003): numba's own costs as much as the step."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    return state ^ (state << np.uint64(17))
