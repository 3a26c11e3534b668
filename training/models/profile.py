"""Profile: what people of the same age, place or trade like, for those of whom nothing else is known.

Ridge regression from profile features onto interactions: with P the features of the users that did something, R their
interactions and m the items' mean over them,

    score(u, i) = m_i + p_u (P^T P + regularization I)^-1 P^T (R - 1 m^T)_i.

Every feature moves popularity by what is particular to those who have it; a feature that few have moves it little.
Agarwal & Chen 2009, «Regression-based latent factor models» (KDD), without the latent part. Who has none gets m.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from training.data import TrainingData, UserBatch
from training.factors import Factors, FittedFactors
from training.recommender import SILENT, Monitor
from training.space import Float, Space


@dataclass(frozen=True)
class ProfileConfig:
    """`regularization` (above 0): people that stand against each feature."""

    regularization: float = 30.0

    def __post_init__(self) -> None:
        if self.regularization <= 0:
            raise InvalidData(f"regularization {self.regularization:g} in a profile model", valid="above 0",
                              remedy="see docs/reference/models.md")  # fmt: skip


GRID = tuple(ProfileConfig(value) for value in (30.0, 10.0, 100.0, 300.0))

SPACE: Space = {"regularization": Float(1.0, 3000.0, log=True)}


class Profile(FittedFactors):
    """A user's vector is his features and a one; an item's what each of them adds to it."""

    name = "profile"

    def __init__(self, config: ProfileConfig | None = None) -> None:
        self.config = config or ProfileConfig()

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # a closed form has no epochs
        profiles = data.side.profiles
        if profiles is None or not profiles.shape[1]:
            raise InvalidData("a profile model on users without profiles", valid="users with properties",
                              remedy="give the users file columns beside `user`, or choose another model")  # fmt: skip
        known = np.diff(data.matrix.indptr) > 0
        features, matrix = profiles[known], data.matrix[known]
        mean = np.asarray(matrix.mean(0), np.float64).ravel()
        gram = (features.T @ features).toarray() + self.config.regularization * np.eye(features.shape[1])
        moved = (features.T @ matrix).toarray() - np.asarray(features.sum(0)).T * mean
        items = np.column_stack([np.linalg.solve(gram, moved).T, mean]).astype(np.float32)
        users = np.column_stack([profiles.toarray(), np.ones(len(known))]).astype(np.float32)
        fold_in = np.zeros_like(items)
        fold_in[:, -1] = 1.0  # the mean over a history is one: popularity, where there is no profile
        self._factors = Factors(users, items, fold_in, power=1.0)
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        return super().score(UserBatch(users.people, users.histories))
