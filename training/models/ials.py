"""iALS: implicit matrix factorisation by alternating least squares, with frequency-scaled regularisation.

Hu, Koren and Volinsky 2008; Rendle et al. 2021, «Revisiting the Performance of iALS on Item Recommendation Benchmarks».
With A the observed pairs, minimise over W (users) and H (items)

    sum_(u,i in A) (1 - w_u h_i)^2 + alpha0 sum_(u,i) (w_u h_i)^2
        + regularization (sum_u (|A_u| + alpha0 n_items)^nu |w_u|^2 + sum_i (|A_i| + alpha0 n_users)^nu |h_i|^2).

Each half step is solved by a few conjugate gradient steps from the last solution (Takács et al. 2011).
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
from training.recommender import SILENT, FactorForm, Form, Monitor


@dataclass(frozen=True)
class IALSConfig:
    """`unobserved_weight` is alpha0, `frequency_power` is nu of the paper."""

    embedding_size: int = 64
    epochs: int = 10
    regularization: float = 0.003
    unobserved_weight: float = 0.1
    frequency_power: float = 1.0
    cg_steps: int = 3
    seed: int = 42


GRID = tuple(
    IALSConfig(regularization=regularization, unobserved_weight=weight)
    for weight in (0.1, 0.3)
    for regularization in (0.003, 0.01, 0.03)
)
FOLD_IN_STEPS = 40
"""Conjugate gradient steps from zero for a newcomer: the exact solution to float precision."""


class IALS:
    """`users` (num_users, d) and `items` (num_items, d)."""

    name = "ials"

    def __init__(self, config: IALSConfig) -> None:
        self.config = config
        self.users: NDArray[np.float32] = np.empty((0, config.embedding_size), np.float32)
        self.items: NDArray[np.float32] = np.empty((0, config.embedding_size), np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        config, matrix = self.config, data.matrix
        by_item = matrix.T.tocsr()
        rng = np.random.default_rng(config.seed)
        scale = 0.1 / np.sqrt(config.embedding_size)
        self.users = np.zeros((data.num_users, config.embedding_size), np.float32)
        self.items = (scale * rng.standard_normal((data.num_items, config.embedding_size))).astype(np.float32)
        for epoch in range(config.epochs):
            self._solve(matrix, self.users, self.items, config.cg_steps)
            self._solve(by_item, self.items, self.users, config.cg_steps)
            monitor.epoch(epoch + 1, config.epochs, {})
        self._solve(matrix, self.users, self.items, config.cg_steps)
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        vectors = self.users[np.maximum(users.index, 0)] if len(self.users) else np.zeros((len(users), 1), np.float32)
        new = np.flatnonzero(users.index == UNKNOWN)
        if len(new):
            vectors[new] = self.fold_in(users.matrix[new])
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
            )
        ]  # fmt: skip

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {"users": self.users, "items": self.items}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.users, self.items = (np.asarray(state[name], np.float32) for name in ("users", "items"))
        return self

    def _solve(self, matrix: csr_matrix, rows: NDArray[np.float32], fixed: NDArray[np.float32], steps: int) -> None:
        """Improves `rows` in place: row r solves (gram + ridge_r I + sum_i f_i f_i^T) x = sum_i f_i."""
        config = self.config
        counts = np.diff(matrix.indptr)
        ridge = config.regularization * (counts + config.unobserved_weight * len(fixed)) ** config.frequency_power
        gram = (config.unobserved_weight * (fixed.T @ fixed)).astype(np.float32)
        _conjugate_gradient(matrix.indptr, matrix.indices, rows, fixed, gram, ridge.astype(np.float32), steps)


@njit(cache=True, fastmath=True)
def _apply(vector, gram, ridge, members, fixed, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """out = (gram + ridge I + sum f f^T) vector."""
    size = len(vector)
    for row in range(size):
        line, total = gram[row], np.float32(0)
        for column in range(size):
            total += line[column] * vector[column]
        out[row] = total + ridge * vector[row]
    for item in members:
        other, total = fixed[item], np.float32(0)
        for column in range(size):
            total += other[column] * vector[column]
        for column in range(size):
            out[column] += total * other[column]


@njit(cache=True, fastmath=True)
def _conjugate_gradient(indptr, indices, rows, fixed, gram, ridge, steps):  # type: ignore[no-untyped-def]  # pragma: no cover
    size = rows.shape[1]
    residual, product = np.empty(size, np.float32), np.empty(size, np.float32)
    for row in range(len(rows)):
        members, solution = indices[indptr[row] : indptr[row + 1]], rows[row]
        if len(members) == 0:
            solution[:] = 0
            continue
        _apply(solution, gram, ridge[row], members, fixed, product)
        residual[:] = -product
        for item in members:
            residual += fixed[item]
        direction = residual.copy()
        norm = np.dot(residual, residual)
        for _step in range(steps):
            if norm < 1e-14:
                break
            _apply(direction, gram, ridge[row], members, fixed, product)
            length = norm / np.dot(direction, product)
            solution += length * direction
            residual -= length * product
            after = np.dot(residual, residual)
            direction *= after / norm
            direction += residual
            norm = after
