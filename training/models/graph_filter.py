"""Graph filter: scores are a low-pass filter of a history on the graph of items, in closed form, without training.

Shen et al. 2021, «How Powerful is Graph Convolution for Recommendation?» (GF-CF), CIKM 2021. With D_U and D_I the
lengths of users' and items' lists, R = D_U^-1/2 X D_I^-item_power, and V the `rank` right singular vectors of R with
the largest singular values,

    W = D_I^-item_power (R^T R + low_pass V V^T) D_I^item_power,    score(u) = x_u W.

R^T R is the linear filter of one step over the graph, V V^T the ideal low pass: what many users share, without noise.
The paper has item_power 1/2; below it popular items count more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import svds

from graph.errors import InvalidData
from training.data import TrainingData
from training.dense_items import DenseItemModel
from training.models.ease import co_occurrence
from training.recommender import SILENT, Monitor
from training.space import Float, Int, Space


@dataclass(frozen=True)
class GraphFilterConfig:
    """`item_power` (0 to 1): how far popular items are held back. `rank` (above 0): singular vectors of the low pass.

    `low_pass` (from 0): its weight beside the linear filter.
    """

    item_power: float = 0.3
    rank: int = 128
    low_pass: float = 1.0

    def __post_init__(self) -> None:
        for name, value, fits, valid in (
            ("item_power", self.item_power, 0 <= self.item_power <= 1, "0 to 1"),
            ("rank", self.rank, self.rank >= 1, "1 or more"),
            ("low_pass", self.low_pass, self.low_pass >= 0, "0 or more"),
        ):
            if not fits:
                raise InvalidData(f"a graph filter cannot have {name} {value:g}", valid=valid,
                                  remedy="see docs/reference/models.md")  # fmt: skip


GRID = (
    GraphFilterConfig(),
    GraphFilterConfig(rank=64),
    GraphFilterConfig(item_power=0.5, low_pass=0.3),
    GraphFilterConfig(item_power=0.4, rank=256, low_pass=0.5),
)

SPACE: Space = {"item_power": Float(0.0, 0.8), "rank": Int(16, 512, log=True), "low_pass": Float(0.0, 3.0)}


class GraphFilter(DenseItemModel):
    """See the module's docstring."""

    name = "graph-filter"

    def __init__(self, config: GraphFilterConfig | None = None) -> None:
        self.config = config or GraphFilterConfig()

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # a closed form has no epochs
        matrix = data.matrix
        by_user = 1 / np.maximum(np.diff(matrix.indptr), 1).astype(np.float32)
        popularity = np.maximum(np.bincount(matrix.indices, minlength=matrix.shape[1]), 1)
        held_back = (popularity**-self.config.item_power).astype(np.float32)
        weights = co_occurrence(matrix, by_user)
        weights += np.triu(weights, 1).T
        weights *= held_back[:, None] ** 2  # D^-p R^T R D^p: the right factors of R^T R and D^p cancel
        vectors = self._vectors(matrix, by_user, held_back)
        low = np.float32(self.config.low_pass) * (held_back[:, None] * vectors)
        weights += low @ (vectors / held_back[:, None]).T
        self.weights = weights
        return self

    def _vectors(
        self, matrix: csr_matrix, by_user: NDArray[np.float32], held_back: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """V (num_items, rank); fewer where the data has no more."""
        rank = min(self.config.rank, min(matrix.shape) - 1)
        if rank < 1 or not self.config.low_pass:
            return np.zeros((matrix.shape[1], 1), np.float32)
        normal = diags(np.sqrt(by_user)) @ matrix.astype(np.float64) @ diags(held_back.astype(np.float64))
        start = np.ones(min(matrix.shape))  # a fixed start: the same data gives the same vectors
        _, _, found = svds(normal, k=rank, v0=start, return_singular_vectors="vh")
        return np.ascontiguousarray(found.T, dtype=np.float32)
