"""Sparse histories times item-item weights, dense or sparse: what scoring a linear model costs.

Compiled, because SciPy's dense product reads and writes the scores once a history item: here four weight rows go into
one pass, over a band of columns that stays in the processor's cache; its sparse product would sort what we want dense.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

BAND = 1024
"""Columns summed at once: 4 KB of scores."""


def times_dense(history: csr_matrix, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """history @ weights, (rows, num_items) float32, for a binary history."""
    scores = np.zeros((history.shape[0], weights.shape[1]), np.float32)
    _add_dense(history.indptr, history.indices, weights, scores, BAND)
    return scores


def times_sparse(history: csr_matrix, weights: csr_matrix) -> NDArray[np.float32]:
    """history @ weights, (rows, num_items) float32 and dense, for a binary history."""
    scores = np.zeros((history.shape[0], weights.shape[1]), np.float32)
    _add_sparse(history.indptr, history.indices, weights.indptr, weights.indices, weights.data, scores)
    return scores


def csr_state(weights: csr_matrix) -> dict[str, NDArray[np.generic]]:
    """A square CSR matrix as three arrays."""
    return {"data": weights.data, "indices": weights.indices, "indptr": weights.indptr}


def csr_from_state(state: Mapping[str, NDArray[np.generic]]) -> csr_matrix:
    """The matrix back from `csr_state`."""
    size = len(state["indptr"]) - 1
    return csr_matrix((state["data"], state["indices"], state["indptr"]), shape=(size, size), dtype=np.float32)


@njit(cache=True)
def _add_dense(indptr, indices, weights, scores, band):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for left in range(0, weights.shape[1], band):
        right = min(weights.shape[1], left + band)
        for row in range(len(indptr) - 1):
            line = scores[row, left:right]
            place, end = indptr[row], indptr[row + 1]
            while place + 4 <= end:
                one, two = weights[indices[place], left:right], weights[indices[place + 1], left:right]
                three, four = weights[indices[place + 2], left:right], weights[indices[place + 3], left:right]
                for column in range(len(line)):
                    line[column] += (one[column] + two[column]) + (three[column] + four[column])
                place += 4
            while place < end:
                one = weights[indices[place], left:right]
                for column in range(len(line)):
                    line[column] += one[column]
                place += 1


@njit(cache=True)
def _add_sparse(indptr, indices, w_indptr, w_indices, w_data, scores):  # type: ignore[no-untyped-def]  # pragma: no cover
    for row in range(len(scores)):
        line = scores[row]
        for place in range(indptr[row], indptr[row + 1]):
            item = indices[place]
            for entry in range(w_indptr[item], w_indptr[item + 1]):
                line[w_indices[entry]] += w_data[entry]
