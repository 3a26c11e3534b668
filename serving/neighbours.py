"""What «similar» needs, computed once when an index is published: attribute vectors and the crowd's neighbours."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from graph.schema import ENTITY
from graph.snapshot import EmbeddingTable, Snapshot
from serving.index_files import MISSING
from training.neighbours import select

NAMED = 2.0
CODED = f"{ENTITY}:"


def unit(table: EmbeddingTable) -> NDArray[np.float32]:
    """Rows of unit length; absent rows stay zero."""
    norms = np.linalg.norm(table.vectors, axis=1, keepdims=True)
    rows: NDArray[np.float32] = np.zeros(table.vectors.shape, np.float32)
    np.divide(table.vectors, norms, out=rows, where=norms > 0)
    rows[~table.present] = 0
    return rows


def joined(snapshot: Snapshot) -> csr_matrix:
    """(items, entities) float32: how many triples join an item with an attribute node, in either direction."""
    items = len(snapshot.items)
    head, tail = snapshot.triples.head, snapshot.triples.tail
    forward, backward = (head < items) & (tail >= items), (tail < items) & (head >= items)
    row = np.concatenate([head[forward], tail[backward]])
    column = np.concatenate([tail[forward], head[backward]]) - items
    matrix = csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=(items, len(snapshot.entities)))
    matrix.sum_duplicates()
    return matrix


def attribute_vectors(snapshot: Snapshot) -> tuple[csr_matrix, NDArray[np.float32], float]:
    """(items, entities) float32, the weight of each entity, and the mean squared length that the rows are damped by:
    inverse item frequency of each attribute the item touches, rows of length at most 1.

    log(n / df), as in text retrieval: sharing a rare director says more than sharing a language. A node that people
    know by name counts `NAMED` times a bare code. Attributes of one item alone are left out: nothing shares them. Rows
    are divided by the root of their squared length plus the mean squared length, so that an item of which little is
    known is not the nearest to everything that shares this little.
    """
    items, matrix = len(snapshot.items), joined(snapshot)
    frequency = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weight = np.where(frequency > 1, np.log(max(1, items) / np.maximum(1, frequency)), 0.0)
    weight *= [1.0 if name.startswith(CODED) else NAMED for name in snapshot.entities.ids]
    matrix.data = weight[matrix.indices].astype(np.float32)
    matrix.eliminate_zeros()
    squares = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    known = squares[squares > 0]
    damping = float(known.mean()) if len(known) else 1.0
    lengths = np.sqrt(squares + damping)
    return csr_matrix(diags(1.0 / lengths) @ matrix, dtype=np.float32), weight.astype(np.float32), damping


def crowd(history: csr_matrix, k: int, fewest: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Each item's k nearest by cosine of who liked them: (items, k) positions (`MISSING` padded) and scores.

    Items that fewer than `fewest` people like both are not near, and people are counted in steps of it, downwards: so
    one person more or less shows in nothing here, unless a count passes from one step to the next.

    `history` (users, items) is binary. Memory is the result's: no item by item matrix is made, however popular some
    items are.
    """
    num_items = history.shape[1]
    k = min(k, max(1, num_items - 1))
    by_item = history.tocsc()
    counts = np.maximum(fewest, np.diff(by_item.indptr) // fewest * fewest).astype(np.float32)
    items = np.full((num_items, k), MISSING, np.int32)
    scores = np.zeros((num_items, k), np.float32)
    scale = 1 / np.sqrt(counts)
    _crowd(history.indptr, history.indices, by_item.indptr, by_item.indices, scale, fewest, items, scores)
    order = np.argsort(-scores, axis=1, kind="stable")  # Found in order of position, which decides between equals.
    return np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1)


@njit(cache=True)
def _crowd(indptr, indices, item_indptr, users, scale, fewest, items, scores):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fills each item's row with its nearest, in order of position: counts shared users by walking their histories."""
    num_items = len(scale)
    shared = np.zeros(num_items, np.int32)
    met, near = np.empty(num_items, np.int32), np.empty(num_items, np.float32)
    for item in range(num_items):
        size = 0
        for place in range(item_indptr[item], item_indptr[item + 1]):
            user = users[place]
            for other in indices[indptr[user] : indptr[user + 1]]:
                if shared[other] == 0 and other != item:
                    met[size] = other
                    size += 1
                shared[other] += 1
        found = np.sort(met[:size])
        told = 0
        for place in range(size):
            people = shared[found[place]] // fewest * fewest
            if people > 0:
                near[told] = people * (scale[found[place]] * scale[item])
                found[told] = found[place]
                told += 1
        shared[met[:size]] = 0
        shared[item] = 0
        select(found, near, told, items[item], scores[item])
