"""iALS: implicit matrix factorisation by alternating least squares, with frequency-scaled regularisation.

Hu, Koren and Volinsky 2008; Rendle et al. 2021, «Revisiting the Performance of iALS on Item Recommendation Benchmarks».
With A the observed pairs, minimise over W (users) and H (items)

    sum_(u,i in A) (1 - w_u h_i)^2 + alpha0 sum_(u,i) (w_u h_i)^2
        + regularization (sum_u (|A_u| + alpha0 n_items)^nu |w_u|^2 + sum_i (|A_i| + alpha0 n_users)^nu |h_i|^2).

Each half step is solved by a few conjugate gradient steps from the last solution (Takács et al. 2011), the last one of
the users to float precision, so that folding in a known history gives the user's own vector.

With accounts of one person on several platforms (`training.links`) A has what the others did, too, and every pair
counts in the first sum, and in |A_u|, as much as it is likely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.data import UNKNOWN, TrainingData, UserBatch
from training.recommender import SILENT, Enough, FactorForm, Form, Monitor
from training.space import Float, Int, Space


@dataclass(frozen=True)
class IALSConfig:
    """`unobserved_weight` is alpha0 (above 0), `frequency_power` is nu of the paper.

    With nu = 1/2 one `regularization` serves data sets of any size: 0.3 is best on MovieLens 100K and on 1M.
    """

    embedding_size: int = 64
    epochs: int = 10
    regularization: float = 0.3
    unobserved_weight: float = 0.3
    frequency_power: float = 0.5
    cg_steps: int = 3
    seed: int = 42


GRID = (
    IALSConfig(),
    IALSConfig(unobserved_weight=0.1),
    IALSConfig(regularization=0.6, unobserved_weight=0.1),
    IALSConfig(regularization=0.2, unobserved_weight=0.5),
    IALSConfig(embedding_size=128, epochs=7),
)

SPACE: Space = {
    "embedding_size": Int(32, 256, log=True),
    "regularization": Float(0.03, 3.0, log=True),
    "unobserved_weight": Float(0.03, 1.0, log=True),
    "frequency_power": Float(0.25, 1.0),
}
FOLD_IN_STEPS = 40
"""At most so many conjugate gradient steps from zero for a newcomer: the exact solution to float precision."""

TOLERANCE = 1e-13
"""Squared residual, relative to the right side's, at which a solution is as exact as float32 allows."""


class IALS:
    """`users` (num_users, d) and `items` (num_items, d). `linked`: users learned from more than their own history."""

    name = "ials"

    def __init__(self, config: IALSConfig | None = None) -> None:
        self.config = config or IALSConfig()
        self.users: NDArray[np.float32] = np.empty((0, self.config.embedding_size), np.float32)
        self.items: NDArray[np.float32] = np.empty((0, self.config.embedding_size), np.float32)
        self.linked = False

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        config, matrix = self.config, data.edges
        self.linked = data.side.links is not None
        by_item = matrix.T.tocsr()
        rng = np.random.default_rng(config.seed)
        scale = 0.1 / np.sqrt(config.embedding_size)
        self.users = np.zeros((data.num_users, config.embedding_size), np.float32)
        self.items = (scale * rng.standard_normal((data.num_items, config.embedding_size))).astype(np.float32)
        for epoch in range(config.epochs):
            self._solve(matrix, self.users, self.items, config.cg_steps)
            self._solve(by_item, self.items, self.users, config.cg_steps)
            try:
                monitor.epoch(epoch + 1, config.epochs, {})
            except Enough:
                break
        self._solve(matrix, self.users, self.items, FOLD_IN_STEPS)
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        known = users.index != UNKNOWN
        vectors = np.empty((len(users), self.items.shape[1]), np.float32)
        vectors[known] = self.users[users.index[known]]
        if not known.all():
            vectors[~known] = self.fold_in(users.matrix[~known])
        return np.asarray(vectors @ self.items.T, np.float32)

    def fold_in(self, history: csr_matrix) -> NDArray[np.float32]:
        """Vectors (rows, d) of people the model was not fitted on."""
        vectors = np.zeros((history.shape[0], self.items.shape[1]), np.float32)
        self._solve(history, vectors, self.items, FOLD_IN_STEPS)
        return vectors

    def forms(self) -> Sequence[Form]:
        gram = self.config.unobserved_weight * (self.items.T @ self.items)
        return [
            FactorForm(
                self.users, self.items, gram=gram.astype(np.float32), ridge=self.config.regularization,
                ridge_offset=self.config.unobserved_weight * len(self.items), ridge_power=self.config.frequency_power,
                moves=self.linked,
            )
        ]  # fmt: skip

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {"users": self.users, "items": self.items, "linked": np.array([self.linked])}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.users, self.items = (np.asarray(state[name], np.float32) for name in ("users", "items"))
        self.linked = bool(np.any(state.get("linked", False)))  # a model of a version before has none
        return self

    def _solve(self, matrix: csr_matrix, rows: NDArray[np.float32], fixed: NDArray[np.float32], steps: int) -> None:
        """Improves `rows` in place: row r solves (gram + ridge_r I + sum_i p_i f_i f_i^T) x = sum_i p_i f_i,
        p_i of `matrix`.
        """
        config = self.config
        counts = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
        ridge = config.regularization * (counts + config.unobserved_weight * len(fixed)) ** config.frequency_power
        gram = (config.unobserved_weight * (fixed.T @ fixed)).astype(np.float32)
        near = matrix.indptr, matrix.indices, np.sqrt(matrix.data, dtype=np.float32)
        _conjugate_gradient(near, rows, fixed, gram, ridge.astype(np.float32), steps)


@njit(cache=True, fastmath=True)
def _add_outer(vector, rows, count, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """out += sum over the first `count` rows f of f (f . vector); four rows a pass, so `out` is written a quarter."""
    size, place = len(vector), 0
    while place + 4 <= count:
        one, two, three, four = rows[place], rows[place + 1], rows[place + 2], rows[place + 3]
        a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for column in range(size):
            value = vector[column]
            a += one[column] * value
            b += two[column] * value
            c += three[column] * value
            d += four[column] * value
        for column in range(size):
            out[column] += (a * one[column] + b * two[column]) + (c * three[column] + d * four[column])
        place += 4
    while place < count:
        one, a = rows[place], np.float32(0)
        for column in range(size):
            a += one[column] * vector[column]
        for column in range(size):
            out[column] += a * one[column]
        place += 1


@njit(cache=True, fastmath=True)
def _apply(vector, gram, ridge, rows, count, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """out = (gram + ridge I + sum f f^T) vector."""
    size = len(vector)
    for column in range(size):
        out[column] = ridge * vector[column]
    for row in range(size):
        line, value = gram[row], vector[row]
        for column in range(size):
            out[column] += value * line[column]
    _add_outer(vector, rows, count, out)


@njit(cache=True, fastmath=True)
def _gather(members, roots, fixed, near, total):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Copies the members' rows side by side, times the roots of what they count (every step reads them again), and
    sums them, times these once more, into `total`.
    """
    total[:] = 0
    for place in range(len(members)):
        source, target, root = fixed[members[place]], near[place], roots[place]
        for column in range(len(total)):
            target[column] = root * source[column]
            total[column] += root * target[column]


@njit(cache=True, fastmath=True)
def _conjugate_gradient(matrix, rows, fixed, gram, ridge, steps):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Row by row: `steps` steps from the present solution. A row without members becomes zero. `matrix`: where its rows
    begin, its columns, and the roots of its entries.
    """
    indptr, indices, roots = matrix
    size, most = rows.shape[1], 0
    for row in range(len(rows)):
        most = max(most, indptr[row + 1] - indptr[row])
    near = np.empty((most, size), np.float32)
    residual, product = np.empty(size, np.float32), np.empty(size, np.float32)
    for row in range(len(rows)):
        members, solution = indices[indptr[row] : indptr[row + 1]], rows[row]
        if len(members) == 0:
            solution[:] = 0
            continue
        _gather(members, roots[indptr[row] : indptr[row + 1]], fixed, near, residual)
        start = np.dot(residual, residual)
        _apply(solution, gram, ridge[row], near, len(members), product)
        residual -= product
        direction = residual.copy()
        norm = np.dot(residual, residual)
        for _step in range(steps):
            if norm <= TOLERANCE * start:
                break
            _apply(direction, gram, ridge[row], near, len(members), product)
            length = norm / np.dot(direction, product)
            solution += length * direction
            residual -= length * product
            after = np.dot(residual, residual)
            direction *= after / norm
            direction += residual
            norm = after
