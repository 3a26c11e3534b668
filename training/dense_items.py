"""What a linear model with a dense weight for every pair of items is once it is fitted: it scores, serves and saves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.data import UserBatch
from training.recommender import Form, ItemForm
from training.sparse import times_dense


class DenseItemModel:
    """`fit` leaves `weights` (num_items, num_items) float32: row = item in the history, column = item scored."""

    weights: NDArray[np.float32] = np.empty((0, 0), np.float32)

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        if users.histories.sure is not None:
            return np.asarray(users.expected @ self.weights, np.float32)
        return times_dense(users.matrix, self.weights)

    def forms(self) -> Sequence[Form]:
        return [ItemForm(self.weights)]

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {"weights": self.weights}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.weights = np.asarray(state["weights"], np.float32)
        return self
