"""EASE: a linear autoencoder over items in closed form.

Steck 2019, «Embarrassingly Shallow Autoencoders for Sparse Data». With G = X^T X and P = (G + regularization I)^-1,

    B_ij = -P_ij / P_jj (i != j),  B_jj = 0,  score(u) = x_u B.

One Cholesky factor in float32: the ridge keeps it well conditioned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from graph.errors import InvalidData
from training.data import TrainingData, UserBatch
from training.neighbours import co_occurrence
from training.recommender import SILENT, Form, ItemForm, Monitor


@dataclass(frozen=True)
class EASEConfig:
    """`regularization`: the ridge; larger for more users."""

    regularization: float = 300.0


GRID = tuple(EASEConfig(value) for value in (100.0, 300.0, 1000.0, 3000.0))


class EASE:
    """`weights` (num_items, num_items), zero diagonal."""

    name = "ease"

    def __init__(self, config: EASEConfig) -> None:
        self.config = config
        self.weights: NDArray[np.float32] = np.empty((0, 0), np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor
        inverse = _inverse(co_occurrence(data.matrix), self.config.regularization)
        diagonal = np.diag(inverse).copy()
        inverse /= -diagonal
        np.fill_diagonal(inverse, 0.0)
        self.weights = inverse
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        return np.asarray(users.matrix @ self.weights, np.float32)

    def forms(self) -> Sequence[Form]:
        return [ItemForm(self.weights)]

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {"weights": self.weights}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.weights = np.asarray(state["weights"], np.float32)
        return self


def _inverse(gram: NDArray[np.float32], regularization: float) -> NDArray[np.float32]:
    """(gram + regularization I)^-1 in place. Half of the symmetric matrix is computed, then mirrored."""
    gram[np.diag_indices_from(gram)] += np.float32(regularization)
    factor, failed = lapack.spotrf(gram.T, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise InvalidData(f"EASE cannot invert its matrix with regularization {regularization}",
                          valid="a positive number", remedy="raise it")  # fmt: skip
    inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    lower = np.tril(inverse, -1)
    mirrored = lower + lower.T
    np.fill_diagonal(mirrored, np.diag(inverse))
    return np.ascontiguousarray(mirrored, np.float32)
