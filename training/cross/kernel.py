"""EASE over people instead of items: one small ridge regression for catalogues of any size, other platforms weighed in.

Steck 2019 (`training.models.ease`) in its dual form. X (people, the target's items) and Z (people, other items) with
each row over n^user_power and each column over n^item_power, n how many it has,

    K = X X^T / a + source_weight Z Z^T / b,  a, b the means of the diagonals,
    M = (K + regularization I)^-1,
    score(u, j) = (k_u M X)_j / (1 - x_j^T M x_j / a) * n_j^item_power,

k_u the row of K of u's own history and x_j the column of j: for items that u did not meet the same number as from EASE
over both catalogues. Z holds how likely it is that each thing was done by this person, and with it X what of Z is an
item of the target too. With source_weight 0 it is the target's own EASE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_matrix, diags

from training.data import Histories, TrainingData, UserBatch


@dataclass(frozen=True)
class KernelConfig:
    """`regularization` (above 0) in units of the mean diagonal; `source_weight` 0: the target alone."""

    regularization: float = 20.0
    user_power: float = 0.25
    item_power: float = 0.25
    source_weight: float = 0.0


MOST_PEOPLE = 20_000
"""Of whom the matrices are kept dense (3 GB)."""


class Kernel:
    """See the module's docstring. `source`: what people did elsewhere, by their position; `twins`: what of it is an
    item of the target too.
    """

    name = "kernel"

    def __init__(self, config: KernelConfig, source: Histories, twins: Histories | None = None) -> None:
        self.config, self.source = config, source
        self.twins = twins if config.source_weight else None
        if config.source_weight:
            self.name = "shared kernel"

    def fit(self, data: TrainingData) -> Self:
        config = self.config
        self._counts = np.maximum(np.bincount(data.matrix.indices, minlength=data.num_items), 1).astype(np.float32)
        self._x = self._scaled(self._with_twins(data.matrix, np.arange(data.num_users)))
        gram, self._unit = _gram(self._x)
        self._elsewhere: NDArray[np.float32] | None = None
        if config.source_weight:
            there = self.source.expected
            popular = np.maximum(np.bincount(there.indices, minlength=there.shape[1]), 1).astype(np.float32)
            z = _rows(there, config.user_power) @ diags(popular**-config.item_power)
            self._elsewhere, unit = _gram(z.tocsr())
            self._elsewhere *= np.float32(config.source_weight / unit)
        kernel = gram / np.float32(self._unit)
        if self._elsewhere is not None:
            kernel += self._elsewhere
        self._inverse = _inverse(kernel, config.regularization * max(1e-6, float(np.trace(kernel)) / len(kernel)))
        by_item = self._x.T.tocsr()
        leverage = _leverage(by_item.indptr, by_item.indices, by_item.data, self._inverse) / self._unit
        self._over = (self._counts**config.item_power / np.maximum(1 - leverage, 1e-6)).astype(np.float32)
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        """(len(users), num_items); an item that nobody met has 0."""
        known = self._with_twins(users.matrix, users.index)
        near = np.asarray((self._scaled(known) @ self._x.T).toarray(), np.float32) / np.float32(self._unit)
        if self._elsewhere is not None:
            near += np.where(users.index[:, None] >= 0, self._elsewhere[np.maximum(users.index, 0)], 0)
        return np.asarray((self._x.T @ (near @ self._inverse).T).T * self._over, np.float32)

    def _with_twins(self, matrix: csr_matrix, people: NDArray[np.integer]) -> csr_matrix:
        if self.twins is None:
            return matrix
        there = diags((people >= 0).astype(np.float32)) @ self.twins.expected[np.maximum(people, 0)]
        return csr_matrix(matrix.maximum(there))

    def _scaled(self, matrix: csr_matrix) -> csr_matrix:
        scaled = _rows(matrix, self.config.user_power) @ diags(self._counts**-self.config.item_power)
        return scaled.tocsr().astype(np.float32)


def _rows(matrix: csr_matrix, power: float) -> csr_matrix:
    return diags(np.maximum(np.diff(matrix.indptr), 1).astype(np.float32) ** -power) @ matrix


def _gram(x: csr_matrix) -> tuple[NDArray[np.float32], float]:
    gram = np.asarray((x @ x.T).toarray(), np.float32)
    return gram, max(1e-6, float(np.trace(gram)) / max(1, len(gram)))


def _inverse(kernel: NDArray[np.float32], ridge: float) -> NDArray[np.float32]:
    kernel[np.diag_indices_from(kernel)] += np.float32(ridge)
    factor, failed = lapack.spotrf(kernel.T, lower=1, overwrite_a=1)
    assert not failed  # a Gram matrix and a positive ridge
    inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    upper = np.triu(inverse.T)
    upper += np.triu(upper, 1).T
    return np.asarray(upper, np.float32)


@njit(cache=True)
def _leverage(indptr, indices, data, inverse):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(items,) x_j^T M x_j."""
    found = np.zeros(len(indptr) - 1)
    for item in range(len(found)):
        for one in range(indptr[item], indptr[item + 1]):
            for two in range(indptr[item], indptr[item + 1]):
                found[item] += data[one] * data[two] * inverse[indices[one], indices[two]]
    return found
