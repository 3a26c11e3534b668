"""What «similar» needs, computed once when an index is published: attribute vectors and the crowd's neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from graph.schema import ENTITY
from graph.snapshot import EmbeddingTable, Snapshot
from serving.index_files import MISSING

BLOCK = 1024
NAMED = 2.0
CODED = f"{ENTITY}:"


def unit(table: EmbeddingTable) -> NDArray[np.float32]:
    """Rows of unit length; absent rows stay zero."""
    norms = np.linalg.norm(table.vectors, axis=1, keepdims=True)
    rows: NDArray[np.float32] = np.zeros(table.vectors.shape, np.float32)
    np.divide(table.vectors, norms, out=rows, where=norms > 0)
    rows[~table.present] = 0
    return rows


def attribute_vectors(snapshot: Snapshot) -> csr_matrix:
    """(items, entities) float32: inverse item frequency of each attribute the item touches, rows of length at most 1.

    log(n / df), as in text retrieval: sharing a rare director says more than sharing a language. A node that people
    know by name counts `NAMED` times a bare code. Attributes of one item alone are left out: nothing shares them. Rows
    are divided by the root of their squared length plus the mean squared length, so that an item of which little is
    known is not the nearest to everything that shares this little.
    """
    items = len(snapshot.items)
    head, tail = snapshot.triples.head, snapshot.triples.tail
    forward, backward = (head < items) & (tail >= items), (tail < items) & (head >= items)
    row = np.concatenate([head[forward], tail[backward]])
    column = np.concatenate([tail[forward], head[backward]]) - items
    matrix = csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=(items, len(snapshot.entities)))
    matrix.sum_duplicates()
    frequency = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weight = np.where(frequency > 1, np.log(max(1, items) / np.maximum(1, frequency)), 0.0)
    weight *= [1.0 if name.startswith(CODED) else NAMED for name in snapshot.entities.ids]
    matrix.data = weight[matrix.indices].astype(np.float32)
    matrix.eliminate_zeros()
    squares = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    known = squares[squares > 0]
    lengths = np.sqrt(squares + (known.mean() if len(known) else 1.0))
    return csr_matrix(diags(1.0 / lengths) @ matrix, dtype=np.float32)


def crowd(history: csr_matrix, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Each item's k nearest by cosine of who liked them: (items, k) positions (`MISSING` padded) and scores."""
    counts = np.asarray(history.sum(axis=0)).ravel()
    scaled = csr_matrix(history @ diags(1.0 / np.sqrt(np.maximum(1.0, counts))), dtype=np.float32)
    columns = scaled.T.tocsr()
    num_items = history.shape[1]
    k = min(k, max(1, num_items - 1))
    items = np.full((num_items, k), MISSING, np.int32)
    scores = np.zeros((num_items, k), np.float32)
    for start in range(0, num_items, BLOCK):
        block = csr_matrix(columns[start : start + BLOCK] @ scaled)
        for row in range(block.shape[0]):
            span = slice(block.indptr[row], block.indptr[row + 1])
            place = start + row
            items[place], scores[place] = _nearest(block.indices[span], block.data[span], place, k)
    return items, scores


def _nearest(
    columns: NDArray[np.int32], values: NDArray[np.float32], own: int, k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    others = columns != own
    columns, values = columns[others], values[others]
    order = np.lexsort((columns, -values))[:k]
    items, scores = np.full(k, MISSING, np.int32), np.zeros(k, np.float32)
    items[: len(order)], scores[: len(order)] = columns[order], values[order]
    return items, scores
