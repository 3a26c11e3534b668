"""What a fitted embedding model leaves behind: factors of users and items, and how a newcomer is folded in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import Conflict
from training.data import UNKNOWN, UserBatch
from training.recommender import FactorForm
from training.warm import WarmStarted

RIDGE = 1e-3
"""Of `mean_fold_in`, relative to the mean square of its inputs."""


@dataclass(frozen=True)
class Factors:
    """`users` (num_users, d), `items` and `fold_in` (num_items, d), all float32.

    A newcomer's vector is history @ fold_in / max(1, n) ** power, n the number of items in the history.
    """

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    fold_in: NDArray[np.float32]
    power: float = 0.5

    def score(self, batch: UserBatch) -> NDArray[np.float32]:
        """(len(batch), num_items): known users by their factors, newcomers by their history."""
        vectors = np.zeros((len(batch), self.items.shape[1]), np.float32)
        known = batch.index != UNKNOWN
        vectors[known] = self.users[batch.index[known]]
        if not known.all():
            vectors[~known] = self.fold(batch)[~known]
        return np.asarray(vectors @ self.items.T)

    def fold(self, batch: UserBatch) -> NDArray[np.float32]:
        """Vectors (len(batch), d) from the histories alone."""
        counts = np.maximum(1, np.diff(batch.matrix.indptr)).astype(np.float32)
        return np.asarray(batch.matrix @ self.fold_in / counts[:, None] ** self.power, np.float32)

    def form(self) -> FactorForm:
        return FactorForm(self.users, self.items, self.fold_in, self.power)

    def state(self) -> dict[str, NDArray[np.generic]]:
        power = np.array([self.power], np.float32)
        return {"users": self.users, "items": self.items, "fold_in": self.fold_in, "fold_in_power": power}

    @classmethod
    def of_state(cls, state: Mapping[str, NDArray[np.generic]]) -> Factors:
        users, items, fold_in = (np.asarray(state[name], np.float32) for name in ("users", "items", "fold_in"))
        return cls(users, items, fold_in, float(state["fold_in_power"][0]))


def mean_fold_in(matrix: csr_matrix, users: NDArray[np.float32], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(num_items, d) = `inputs` @ M for a `fold_in_power` of 1: M is such that the mean of the rows of a history is
    nearest to its user (ridge regression over the users of `matrix` who have one).
    """
    counts = np.diff(matrix.indptr)
    known = counts > 0
    means = (matrix[known] @ inputs / counts[known, None]).astype(np.float64)
    gram = means.T @ means
    gram += max(RIDGE * np.trace(gram) / len(gram), 1e-12) * np.eye(len(gram))
    return np.asarray(inputs @ np.linalg.solve(gram, means.T @ users[known]), np.float32)


def fitted(factors: Factors | None, name: str) -> Factors:
    """The factors of a model, or `Conflict` when it was asked before it was fitted."""
    if factors is None:
        raise Conflict(
            f"model {name!r} has not been fitted",
            valid="a model after fit or load_state",
            remedy="call fit(data) or load_state(state) first",
        )
    return factors


class FittedFactors:
    """What a model of two towers is once it is fitted: `fit` leaves `_factors`, and they score, serve and save it."""

    name: str
    _factors: Factors | None = None

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        return fitted(self._factors, self.name).score(users)

    def forms(self) -> Sequence[FactorForm]:
        return (fitted(self._factors, self.name).form(),)

    def state(self) -> dict[str, NDArray[np.generic]]:
        return fitted(self._factors, self.name).state()

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self._factors = Factors.of_state(state)
        return self


class FactorModel(FittedFactors, WarmStarted):
    """The same, trained by gradient."""
