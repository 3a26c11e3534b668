"""Each candidate's nearest items as sparse item-item weights: the part that ItemKNN and the content models share.

Exact. Among equal similarities the smaller item index is kept, so weights do not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from training.data import UserBatch
from training.recommender import Form, ItemForm
from training.sparse import csr_from_state, csr_state, times_sparse

BLOCK_CELLS = 8_000_000

Similarities = Callable[[slice], NDArray[np.float32]]


def nearest(similarities: Similarities, num_items: int, k: int) -> csr_matrix:
    """Keeps each candidate's k most similar other items, of positive similarity alone.

    `similarities(rows)` gives (len(rows), num_items) of candidates to all items. Result (num_items, num_items): row =
    item in a history, column = candidate, so that score = history @ result.
    """
    kept = _Kept.empty(num_items, k)
    step = max(1, BLOCK_CELLS // max(1, num_items))
    for start in range(0, num_items, step):
        block = np.ascontiguousarray(similarities(slice(start, min(start + step, num_items))), np.float32)
        _select_rows(block, start, kept.items, kept.values, kept.counts)
    return kept.weights()


def nearest_by_users(
    matrix: csr_matrix,
    by_item: csc_matrix,
    *,
    history: NDArray[np.float32],
    candidate: NDArray[np.float32],
    shrinkage: NDArray[np.float32],
    k: int,
) -> csr_matrix:
    """The same, of s_ij = c_ij / (history_i candidate_j + shrinkage_i shrinkage_j) with c = X^T D X, in one pass.

    `matrix` is X; `by_item` is D X as CSC, D a user's weight. No item by item matrix is made: memory is the result's.
    """
    kept = _Kept.empty(matrix.shape[1], k)
    _by_users(
        matrix.indptr, matrix.indices, matrix.data, by_item.indptr, by_item.indices, by_item.data,
        (history, candidate, shrinkage), (kept.items, kept.values, kept.counts),
    )  # fmt: skip
    return kept.weights()


class _Kept:
    """Per candidate the items kept, unordered: the first `counts` entries of a row."""

    def __init__(self, items: NDArray[np.int32], values: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        self.items, self.values, self.counts = items, values, counts

    @classmethod
    def empty(cls, num_items: int, k: int) -> _Kept:
        shape = (num_items, max(0, min(k, num_items - 1)))
        return cls(np.zeros(shape, np.int32), np.zeros(shape, np.float32), np.zeros(num_items, np.int32))

    def weights(self) -> csr_matrix:
        """(num_items, num_items) float32: row = item kept, column = candidate; sorted."""
        num_items, width = self.items.shape
        filled = np.arange(width) < self.counts[:, None]
        indptr = np.concatenate([[0], np.cumsum(self.counts)])
        by_candidate = csr_matrix((self.values[filled], self.items[filled], indptr), shape=(num_items, num_items))
        return csr_matrix(by_candidate.T.tocsr())


@njit(cache=True)
def _largest(values, k):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The k-th largest value (quickselect, in place); numba's own partition takes ten seconds to compile."""
    low, high, wanted = 0, len(values) - 1, k - 1
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] > pivot:
                left += 1
            while values[right] < pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if wanted <= right:
            high = right
        elif wanted >= left:
            low = left
        else:
            break
    return values[wanted]


@njit(cache=True)
def select(found, values, size, items_out, values_out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The best of `size` candidates, whose indices ascend, into the outputs, unordered; returns how many."""
    k = len(items_out)
    if size <= k:
        for place in range(size):
            items_out[place], values_out[place] = found[place], values[place]
        return size
    if k == 0:
        return 0
    least = _largest(values[:size].copy(), k)
    above = 0
    for place in range(size):
        above += values[place] > least
    count, ties = 0, k - above
    for place in range(size):
        tied = values[place] == least and ties > 0
        if values[place] > least or tied:
            items_out[count], values_out[count] = found[place], values[place]
            count += 1
            ties -= tied
    return count


@njit(cache=True)
def _select_rows(block, first, items, values, counts):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    found, near = np.empty(block.shape[1], np.int32), np.empty(block.shape[1], np.float32)
    for row in range(len(block)):
        candidate, size = first + row, 0
        for item in range(block.shape[1]):
            if block[row, item] > 0 and item != candidate:
                found[size], near[size] = item, block[row, item]
                size += 1
        counts[candidate] = select(found, near, size, items[candidate], values[candidate])


@njit(cache=True)
def _by_users(indptr, indices, entries, item_indptr, users, weights, norms, kept):  # type: ignore[no-untyped-def]  # pragma: no cover
    history, candidate, shrinkage = norms
    items, values, counts = kept
    num_items = len(history)
    shared = np.zeros(num_items, np.float32)
    met, near = np.empty(num_items, np.int32), np.empty(num_items, np.float32)
    for item in range(num_items):
        for place in range(item_indptr[item], item_indptr[item + 1]):
            user, weight = users[place], weights[place]
            for other in range(indptr[user], indptr[user + 1]):
                shared[indices[other]] += weight * entries[other]
        shared[item] = 0
        size = 0
        for other in range(num_items):
            common = shared[other]
            if common > 0:
                met[size] = other
                near[size] = common / (history[other] * candidate[item] + shrinkage[other] * shrinkage[item])
                size += 1
        shared[:] = 0
        counts[item] = select(met, near, size, items[item], values[item])


class NeighbourModel:
    """What a model of neighbours is once it is fitted: `weights` CSR (num_items, num_items), which `fit` makes.

    Row = item in the history, column = candidate.
    """

    weights: csr_matrix

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        if users.histories.sure is not None:
            return np.asarray((users.expected @ self.weights).toarray(), np.float32)
        return times_sparse(users.matrix, self.weights)

    def forms(self) -> Sequence[Form]:
        return [ItemForm(self.weights)]

    def state(self) -> dict[str, NDArray[np.generic]]:
        return csr_state(self.weights)

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.weights = csr_from_state(state)
        return self
