"""EASE for large catalogues: each item is predicted from its nearest items alone, in memory linear in the catalogue.

Steck 2019, «Markov Random Fields for Collaborative Filtering», NeurIPS 2019 (its sparse approximation); the choice of
neighbours before the regression is that of fsSLIM: Ning and Karypis 2011, «SLIM: Sparse Linear Methods for Top-N
Recommender Systems», ICDM 2011. With C = X^T X and S(j) the `neighbours` items of the largest cosine to j,

    B_Sj = (C_SS + regularization I)^-1 C_Sj, zero elsewhere,    score(u) = x_u B:

EASE's own solution (Steck, WWW 2019) where S(j) holds all other items. Each C_SS is counted from the users of S, and no
item by item matrix is made: memory is num_items * neighbours, beside the interactions; time is
num_items * neighbours^3 / 3 flops and the counting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from scipy.sparse import csc_matrix, csr_matrix

from graph.errors import InvalidData
from training.data import TrainingData
from training.neighbours import NeighbourModel, nearest_by_users
from training.recommender import SILENT, Monitor
from training.space import Float, Int, Space


@dataclass(frozen=True)
class SparseEASEConfig:
    """`regularization` (above 0) draws weights to zero. `neighbours`: how many items an item is predicted from."""

    regularization: float = 300.0
    neighbours: int = 300


GRID = (SparseEASEConfig(), SparseEASEConfig(100.0), SparseEASEConfig(1000.0))

SPACE: Space = {"regularization": Float(1.0, 20_000.0, log=True), "neighbours": Int(50, 800, log=True)}


class SparseEASE(NeighbourModel):
    """`weights` CSR (num_items, num_items): row = item in the history, column = candidate."""

    name = "ease-sparse"

    def __init__(self, config: SparseEASEConfig | None = None) -> None:
        self.config = config or SparseEASEConfig()
        self.weights = csr_matrix((0, 0), dtype=np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # a closed form has no epochs
        regularization, by_item = self.config.regularization, data.matrix.tocsc()
        near = _nearest(data.matrix, by_item, self.config.neighbours)
        try:
            if not regularization > 0:
                raise np.linalg.LinAlgError
            _regress((near.indptr, near.indices, near.data), (by_item.indptr, by_item.indices), data.num_users,
                     np.float32(regularization))  # fmt: skip
        except np.linalg.LinAlgError as error:
            raise InvalidData(
                f"EASE cannot be solved with regularization {regularization:g}",
                valid="a positive number, larger for more data (100 to 2000)",
                remedy="raise regularization",
            ) from error
        self.weights = near.tocsr()
        return self


def _nearest(matrix: csr_matrix, by_item: csc_matrix, neighbours: int) -> csc_matrix:
    """(num_items, num_items): column j holds the cosines of the items of S(j), in order of their numbers."""
    norms = np.sqrt(np.maximum(1, np.diff(by_item.indptr))).astype(np.float32)
    near = nearest_by_users(
        matrix, by_item, history=norms, candidate=norms, shrinkage=np.zeros_like(norms), k=neighbours
    ).tocsc()
    near.sort_indices()
    return csc_matrix(near)


@njit(cache=True)
def _regress(near, by_item, num_users, regularization):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Turns cosines into weights, in place."""
    indptr, neighbours, cosines = near
    counts = np.diff(by_item[0]).astype(np.float32)
    members = np.zeros((num_users, 3), np.int64)
    for item in range(len(counts)):
        span = slice(indptr[item], indptr[item + 1])
        items = neighbours[span]
        if len(items) > 0:
            system = _count(items, by_item, members)
            for one in range(len(items)):
                system[one, one] = counts[items[one]] + regularization
            together = np.round(cosines[span] * np.sqrt(counts[items] * counts[item])).astype(np.float32)
            cosines[span] = _solve(np.linalg.cholesky(system), together)


@njit(cache=True)
def _count(items, by_item, members):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """C_SS below its diagonal. `members` (num_users, 3), zero before and after: how many items of S a user met, how
    many of them are in the user's list, and where that begins.
    """
    indptr, users = by_item
    total = 0
    for item in items:
        for user in users[indptr[item] : indptr[item + 1]]:
            members[user, 0] += 1
            total += 1
    lists, end = np.empty(total, np.int32), 0
    system = np.zeros((len(items), len(items)), np.float32)
    for one in range(len(items)):
        line = system[one]
        for user in users[indptr[items[one]] : indptr[items[one] + 1]]:
            size, filled, begin = members[user]
            if filled == 0:
                begin, end = end, end + size
                members[user, 2] = begin
            for earlier in lists[begin : begin + filled]:
                line[earlier] += np.float32(1)
            lists[begin + filled] = one
            members[user, 1] = filled + 1
            if filled + 1 == size:
                members[user] = 0
    return system


@njit(cache=True)
def _solve(factor, target):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """x of factor factor^T x = target, factor lower triangular; both sweeps walk along rows."""
    solution = target.copy()
    for row in range(len(target)):
        solution[row] = (solution[row] - np.dot(factor[row, :row], solution[:row])) / factor[row, row]
    for row in range(len(target) - 1, -1, -1):
        solution[row] /= factor[row, row]
        solution[:row] -= factor[row, :row] * solution[row]
    return solution
