"""Item-item weights from similarities: the part that ItemKNN and the content models share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.topk import top_k

BLOCK_CELLS = 8_000_000

Similarities = Callable[[slice], NDArray[np.float32]]


def nearest(similarities: Similarities, num_items: int, k: int) -> csr_matrix:
    """Keeps each candidate's k most similar other items, of positive similarity alone.

    `similarities(rows)` gives (len(rows), num_items) of candidates to all items. Result (num_items, num_items): row =
    item in a history, column = candidate, so that score = history @ result.
    """
    step = max(1, BLOCK_CELLS // max(1, num_items))
    parts = []
    for start in range(0, num_items, step):
        block = np.array(similarities(slice(start, min(start + step, num_items))), np.float32)
        rows = np.arange(len(block))
        block[rows, start + rows] = -np.inf
        block[block <= 0] = -np.inf
        items, values = top_k(block, None, min(k, num_items - 1))
        row, place = (items >= 0).nonzero()
        shape = (len(block), num_items)
        parts.append(csr_matrix((values[row, place], (row, items[row, place])), shape=shape))
    return _stack(parts, num_items)


def _stack(parts: list[csr_matrix], num_items: int) -> csr_matrix:
    data = np.concatenate([part.data for part in parts])
    indices = np.concatenate([part.indices for part in parts])
    counts = np.concatenate([np.diff(part.indptr) for part in parts])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    by_candidate = csr_matrix((data, indices, indptr), shape=(num_items, num_items))
    weights = by_candidate.T.tocsr()
    weights.sort_indices()
    return csr_matrix(weights.astype(np.float32))


def dense_scores(history: csr_matrix, weights: csr_matrix) -> NDArray[np.float32]:
    """history @ weights as a dense float32 matrix, without the sparse product in between."""
    scores = np.zeros((history.shape[0], weights.shape[1]), np.float32)
    _add_rows(
        history.indptr, history.indices, history.data.astype(np.float32),
        weights.indptr, weights.indices, weights.data, scores,
    )  # fmt: skip
    return scores


@njit(cache=True)
def _add_rows(indptr, indices, data, w_indptr, w_indices, w_data, scores):  # type: ignore[no-untyped-def]  # pragma: no cover
    for row in range(len(scores)):
        line = scores[row]
        for place in range(indptr[row], indptr[row + 1]):
            item, weight = indices[place], data[place]
            for entry in range(w_indptr[item], w_indptr[item + 1]):
                line[w_indices[entry]] += weight * w_data[entry]


def co_occurrence(matrix: csr_matrix) -> NDArray[np.float32]:
    """Dense X^T X of a sparse float32 X (users, items): how often two items meet in a history, weighted."""
    by_item = matrix.tocsc()
    gram = np.zeros((matrix.shape[1], matrix.shape[1]), np.float32)
    _gram(
        matrix.indptr, matrix.indices, matrix.data.astype(np.float32),
        by_item.indptr, by_item.indices, by_item.data.astype(np.float32), gram, 0,
    )  # fmt: skip
    return gram


def co_occurrence_rows(matrix: csr_matrix, by_item: csr_matrix, rows: slice) -> NDArray[np.float32]:
    """The same, for a block of items only; `by_item` is `matrix` as CSC."""
    block = np.zeros((rows.stop - rows.start, matrix.shape[1]), np.float32)
    _gram(matrix.indptr, matrix.indices, matrix.data, by_item.indptr, by_item.indices, by_item.data, block, rows.start)
    return block


@njit(cache=True)
def _gram(indptr, indices, data, c_indptr, c_indices, c_data, gram, first):  # type: ignore[no-untyped-def]  # pragma: no cover
    for place in range(len(gram)):
        line = gram[place]
        for entry in range(c_indptr[first + place], c_indptr[first + place + 1]):
            user, weight = c_indices[entry], c_data[entry]
            for other in range(indptr[user], indptr[user + 1]):
                line[indices[other]] += weight * data[other]
