"""ItemKNN: items that the same people liked.

Sarwar et al. 2001, «Item-based Collaborative Filtering Recommendation Algorithms»; shrinkage after Bell and Koren 2007;
asymmetric cosine after Aiolli 2013. With X the interactions (binary, or as likely as links are) and c = X^T D X,

    s_ij = c_ij / (c_ii^alpha c_jj^(1 - alpha) + shrinkage),
    score(u, j) = sum of s_ij over the i in u's history that are among j's `neighbours` nearest.

D weighs users: |history|^-user_power (somebody who likes everything says little of any pair), scaled to a mean of one.
With `bm25` it is the square of BM25's length normalisation instead, and items are weighed by their rarity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.data import TrainingData
from training.neighbours import NeighbourModel, nearest_by_users
from training.recommender import SILENT, Monitor
from training.space import Categorical, Float, Int, Space
from training.unlearn import without

K1, B = 1.2, 0.75
"""BM25's usual saturation and length normalisation (Robertson and Zaragoza 2009)."""


@dataclass(frozen=True)
class ItemKNNConfig:
    """`neighbours` kept a candidate; `alpha` 0.5 is the symmetric cosine; `user_power` is for `cosine` alone."""

    neighbours: int = 100
    shrinkage: float = 0.0
    alpha: float = 0.6
    user_power: float = 0.75
    weighting: Literal["cosine", "bm25"] = "cosine"


GRID = (
    ItemKNNConfig(),
    ItemKNNConfig(user_power=0.0, alpha=0.5, shrinkage=10.0),
    ItemKNNConfig(user_power=1.0, alpha=0.5, neighbours=200),
    ItemKNNConfig(user_power=1.0, neighbours=50, shrinkage=5.0),
    ItemKNNConfig(user_power=1.0),
    ItemKNNConfig(weighting="bm25", alpha=0.5, shrinkage=10.0),
)

SPACE: Space = {
    "weighting": Categorical(("cosine", "bm25")),
    "neighbours": Int(10, 1000, log=True),
    "shrinkage": Float(0.0, 500.0),
    "alpha": Float(0.2, 0.8),
    "user_power": Float(0.0, 1.0),
}


class ItemKNN(NeighbourModel):
    """`weights` CSR (num_items, num_items): row = item in the history, column = candidate."""

    name = "item-knn"

    def __init__(self, config: ItemKNNConfig | None = None) -> None:
        self.config = config or ItemKNNConfig()
        self.weights = csr_matrix((0, 0), dtype=np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # nothing is iterated
        return self._counted(data.rows)

    def unlearn(self, rows: csr_matrix, gone: NDArray[np.int64]) -> Self:
        """See `training.unlearn.Unlearning`. A user changes the norms of all pairs: counted again, one pass."""
        return self._counted(without(rows, gone))

    def _counted(self, matrix: csr_matrix) -> Self:
        config = self.config
        users, items = _bm25(matrix) if config.weighting == "bm25" else _lengths(matrix, config.user_power)
        by_item = matrix.tocsc()
        entries, by_item.data = by_item.data, users[by_item.indices] * by_item.data
        squares = np.append(by_item.data * entries, 0)
        norms = np.add.reduceat(squares, by_item.indptr[:-1]) * (np.diff(by_item.indptr) > 0)
        norms = np.maximum(norms * items**2, 1e-12).astype(np.float64)
        self.weights = nearest_by_users(
            matrix,
            by_item,
            history=(norms**config.alpha / items).astype(np.float32),
            candidate=(norms ** (1 - config.alpha) / items).astype(np.float32),
            shrinkage=(np.sqrt(config.shrinkage) / items).astype(np.float32),
            k=config.neighbours,
        )
        return self


def _lengths(matrix: csr_matrix, power: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Weight by user, and by item (one)."""
    weights = np.maximum(1, np.diff(matrix.indptr)).astype(np.float64) ** -power
    return (weights / weights.mean()).astype(np.float32), np.ones(matrix.shape[1])


def _bm25(matrix: csr_matrix) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Users as documents, items as words: squared weight by user, weight by item."""
    lengths = np.diff(matrix.indptr)
    popularity = np.maximum(1, np.bincount(matrix.indices, minlength=matrix.shape[1]))
    penalty = 1 - B + B * lengths / max(1e-12, lengths.mean())
    return (((K1 + 1) / (K1 * penalty + 1)) ** 2).astype(np.float32), np.log1p(matrix.shape[0] / popularity)
