"""ItemKNN: items that the same people liked.

Sarwar et al. 2001; shrinkage after Bell and Koren 2007; asymmetric cosine after Aiolli 2013. With X the (BM25-weighted)
interactions and c = X^T X,

    s_ij = c_ij / (c_ii^alpha c_jj^(1 - alpha) + shrinkage),
    score(u, j) = sum of s_ij over the i in u's history that are among j's k nearest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.data import TrainingData, UserBatch
from training.neighbours import co_occurrence_rows, dense_scores, nearest
from training.recommender import SILENT, Form, ItemForm, Monitor

K1, B = 1.2, 0.75
"""BM25's usual saturation and length normalisation (Robertson and Zaragoza 2009)."""


@dataclass(frozen=True)
class ItemKNNConfig:
    """`neighbours` kept an item; `alpha` 0.5 is the symmetric cosine."""

    neighbours: int = 100
    shrinkage: float = 10.0
    alpha: float = 0.5
    weighting: Literal["cosine", "bm25"] = "cosine"


GRID = (
    ItemKNNConfig(),
    ItemKNNConfig(shrinkage=0.0),
    ItemKNNConfig(neighbours=200, alpha=0.4),
    ItemKNNConfig(neighbours=50, shrinkage=30.0),
    ItemKNNConfig(neighbours=100, weighting="bm25"),
)


class ItemKNN:
    """`weights` CSR (num_items, num_items): row = item in the history, column = candidate."""

    name = "item-knn"

    def __init__(self, config: ItemKNNConfig) -> None:
        self.config = config
        self.weights = csr_matrix((0, 0), dtype=np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor
        matrix = _bm25(data.matrix) if self.config.weighting == "bm25" else data.matrix
        by_item = matrix.tocsc()
        norms = np.asarray(matrix.multiply(matrix).sum(0), np.float64).ravel()
        history = np.power(np.maximum(norms, 1e-12), self.config.alpha).astype(np.float32)
        candidate = np.power(np.maximum(norms, 1e-12), 1 - self.config.alpha).astype(np.float32)
        shrinkage = np.float32(self.config.shrinkage)

        def similarities(rows: slice) -> NDArray[np.float32]:
            block = co_occurrence_rows(matrix, by_item, rows)
            block /= candidate[rows, None] * history[None, :] + shrinkage
            return block

        self.weights = nearest(similarities, data.num_items, self.config.neighbours)
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        return dense_scores(users.matrix, self.weights)

    def forms(self) -> Sequence[Form]:
        return [ItemForm(self.weights)]

    def state(self) -> dict[str, NDArray[np.generic]]:
        return csr_state(self.weights)

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.weights = csr_from_state(state)
        return self


def csr_state(weights: csr_matrix) -> dict[str, NDArray[np.generic]]:
    """A square CSR matrix as three arrays."""
    return {"data": weights.data, "indices": weights.indices, "indptr": weights.indptr}


def csr_from_state(state: Mapping[str, NDArray[np.generic]]) -> csr_matrix:
    """The matrix back from `csr_state`."""
    size = len(state["indptr"]) - 1
    return csr_matrix((state["data"], state["indices"], state["indptr"]), shape=(size, size), dtype=np.float32)


def _bm25(matrix: csr_matrix) -> csr_matrix:
    """Users as documents, items as words: a rare item and a short history say more."""
    lengths = np.diff(matrix.indptr)
    users = np.maximum(1, np.bincount(matrix.indices, minlength=matrix.shape[1]))
    rarity = np.log1p(matrix.shape[0] / users)
    penalty = 1 - B + B * lengths / max(1e-12, lengths.mean())
    tf = (K1 + 1) / (K1 * np.repeat(penalty, lengths) + 1)
    weighted = matrix.copy()
    weighted.data = (tf * rarity[matrix.indices]).astype(np.float32)
    return weighted
