"""EASE: every item is predicted from all others by one ridge regression with a closed form.

Steck 2019, «Embarrassingly Shallow Autoencoders for Sparse Data», WWW 2019. With G = X^T W X and

    P = (G + regularization I + dropout / (1 - dropout) diag G)^-1,
    B_ij = -P_ij / P_jj, B_jj = 0,    score(u) = x_u B.

The third term is what dropping items from the input at random does in expectation (Steck 2020, «Autoencoders that don't
overfit towards the Identity», NeurIPS 2020). W weighs a user with n items by n^-user_power, scaled to a mean of 1 over
the interactions, so that few who have very much do not speak for all.

Cost: n^3 flops (n items) for a Cholesky factor and the inverse of it, both in place in the one matrix that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from training.data import TrainingData
from training.dense_items import DenseItemModel
from training.recommender import SILENT, Monitor
from training.space import Float, Space
from training.unlearn import RANK, downdated, without


@dataclass(frozen=True)
class EASEConfig:
    """`regularization` (above 0): how strongly weights are drawn to zero; grows with the data. `user_power` (0 to 1):
    from each interaction counts the same to each user does. `dropout` (0 to below 1): share of the input that is
    missing in expectation: popular items' weights are drawn to zero more.
    """

    regularization: float = 300.0
    user_power: float = 0.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name, value, fits, valid in (
            ("user_power", self.user_power, 0 <= self.user_power <= 1, "0 to 1"),
            ("dropout", self.dropout, 0 <= self.dropout < 1, "0 to below 1"),
        ):
            if not fits:
                raise InvalidData(f"EASE cannot have {name} {value:g}", valid=valid, remedy=f"for example {name}=0.2")


GRID = (
    *(EASEConfig(value) for value in (300.0, 100.0, 500.0, 1000.0)),
    *(EASEConfig(value, user_power=0.7, dropout=0.2) for value in (200.0, 500.0)),
)

SPACE: Space = {
    "regularization": Float(1.0, 20_000.0, log=True),
    "user_power": Float(0.0, 1.0),
    "dropout": Float(0.0, 0.8),
}


class EASE(DenseItemModel):
    """See the module's docstring."""

    name = "ease"

    def __init__(self, config: EASEConfig | None = None) -> None:
        self.config = config or EASEConfig()
        self.variances: NDArray[np.float32] = np.empty(0, np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # a closed form has no epochs
        self.weights, self.variances = self._solution(data.rows)
        return self

    def unlearn(self, rows: csr_matrix, gone: NDArray[np.int64]) -> Self:
        """See `training.unlearn.Unlearning`. Users' weights and dropout change more than a few ranks: solved anew."""
        config, stay = self.config, without(rows, gone)
        many = len(gone) * RANK > rows.shape[1]
        if config.user_power or config.dropout or many or len(self.variances) != rows.shape[1]:
            self.weights, self.variances = self._solution(stay)
        elif len(gone):
            self.weights, self.variances = downdated(self.weights, self.variances, rows[gone])
        return self

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {**super().state(), "variances": self.variances}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.variances = np.asarray(state.get("variances", np.empty(0)), np.float32)  # older files have none
        return super().load_state(state)

    def solved(self, rows: csr_matrix) -> NDArray[np.float32]:
        """B of rows (anybody, num_items) of what was met, or of how much each counts."""
        return self._solution(rows)[0]

    def _solution(self, rows: csr_matrix) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """B and the diagonal of P."""
        config = self.config
        gram = co_occurrence(rows, user_weights(rows, config.user_power))
        diagonal = np.diag_indices_from(gram)
        gram[diagonal] *= np.float32(1 / (1 - config.dropout))
        gram[diagonal] += np.float32(config.regularization)
        self._invert(gram)
        variances = np.diag(gram).copy()
        _weights_in_place(gram)
        return gram, variances

    def _invert(self, gram: NDArray[np.float32]) -> None:
        """In place, upper triangle: its transpose is LAPACK's column order with the lower triangle filled."""
        factor, failed = lapack.spotrf(gram.T, lower=1, overwrite_a=1, clean=0)
        if failed or not self.config.regularization > 0:  # LAPACK lets NaN pass
            raise InvalidData(
                f"EASE cannot be solved with regularization {self.config.regularization:g}",
                valid="a positive number, larger for more data (100 to 2000)",
                remedy="raise regularization",
            )
        inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
        if not np.shares_memory(inverse, gram):
            gram[:] = inverse.T


def user_weights(matrix: csr_matrix, power: float) -> NDArray[np.float32]:
    """(num_users,): lengths ** -power, scaled so that their mean over the interactions is 1."""
    lengths = np.maximum(np.diff(matrix.indptr), 1).astype(np.float64)
    weights = lengths**-power
    scale = matrix.nnz / max(1.0, float(weights @ np.diff(matrix.indptr)))
    return np.asarray(weights * scale, np.float32)


def co_occurrence(matrix: csr_matrix, weights: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """X^T W X (num_items, num_items): the diagonal and what is above it; the rest stays zero.

    W: `weights` (num_users,) on the diagonal, 1 unless given.

    Several times quicker than SciPy's sparse product, whose result must then be made dense.
    """
    by_item = matrix.tocsc()
    gram = np.zeros((matrix.shape[1], matrix.shape[1]), np.float32)
    if weights is None:
        weights = np.ones(matrix.shape[0], np.float32)
    places = matrix.indptr, matrix.indices, by_item.indptr, by_item.indices
    if (matrix.data == 1).all():
        _count_later(*places, weights, gram)
    else:
        _sum_later(*places, matrix.data, by_item.data, weights, gram)
    return gram


@njit(cache=True)
def _count_later(indptr, indices, item_indptr, users, weights, gram):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Items are taken in order, so each user's cursor stands at the item itself: only later items are visited."""
    cursor = indptr[:-1].copy()
    for item in range(gram.shape[0]):
        line = gram[item]
        for place in range(item_indptr[item], item_indptr[item + 1]):
            user = users[place]
            for other in range(cursor[user], indptr[user + 1]):
                line[indices[other]] += weights[user]
            cursor[user] += 1


@njit(cache=True)
def _sum_later(indptr, indices, item_indptr, users, values, by_item, weights, gram):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The same of entries that are not all one."""
    cursor = indptr[:-1].copy()
    for item in range(gram.shape[0]):
        line = gram[item]
        for place in range(item_indptr[item], item_indptr[item + 1]):
            user = users[place]
            weight = weights[user] * by_item[place]
            for other in range(cursor[user], indptr[user + 1]):
                line[indices[other]] += weight * values[other]
            cursor[user] += 1


@njit(cache=True)
def _weights_in_place(inverse):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Upper triangle of P -> all of B; in tiles, so that both triangles are walked within the cache."""
    count, tile = inverse.shape[0], 64
    scale = np.empty(count, np.float32)
    for item in range(count):
        scale[item] = np.float32(-1) / inverse[item, item]
    for top in range(0, count, tile):
        for left in range(top, count, tile):
            for row in range(top, min(count, top + tile)):
                for column in range(max(left, row + 1), min(count, left + tile)):
                    value = inverse[row, column]
                    inverse[column, row] = value * scale[row]
                    inverse[row, column] = value * scale[column]
    for item in range(count):
        inverse[item, item] = 0
