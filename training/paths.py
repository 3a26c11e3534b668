"""Paths between items in the knowledge graph by type: over one shared entity, or over two steps to one.

Between `SideInformation.triples` and the models that weigh paths. A path type is a relation r, item -r- entity -r- item
(relations between items count too: an item reaches itself), or two, item -r1- e -r2- entity -r2- e -r1- item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array, eye_array, hstack

from training.data import SideInformation

LONGER = 4
"""A type of two steps that has more than so many times the entries of all types of one step says little of any item."""


@dataclass(frozen=True)
class Paths:
    """`items` (num_items, entities) float32: rows of TF-IDF weights of unit length, zero for an item without triples.

    A column is one entity by one path type: `kinds` (entities,) is the type's place among `names`. Only entities of two
    items or more are there: others join nothing.
    """

    names: tuple[str, ...]
    kinds: NDArray[np.int64]
    items: csr_matrix


def paths(side: SideInformation, num_items: int) -> Paths:
    """All path types of the triples; a type that repeats another (its inverse under a second name) is left out."""
    joins = _joins(side)
    direct = {name: _shared(_item_entities(join, num_items)) for name, join in joins.items()}
    room = LONGER * sum(matrix.nnz for matrix in direct.values())
    longer = {f"{first}/{second}": two for first in joins for second, two in _longer(joins, first, num_items, room)}
    found = _distinct({**direct, **longer})
    if not found:
        return Paths((), np.empty(0, np.int64), csr_matrix((num_items, 0), dtype=np.float32))
    kinds = np.repeat(np.arange(len(found)), [matrix.shape[1] for matrix in found.values()])
    return Paths(tuple(found), kinds, _tf_idf(csr_matrix(hstack(list(found.values()), format="csr"))))


def _joins(side: SideInformation) -> dict[str, csr_matrix]:
    """Relation -> symmetric binary (num_nodes, num_nodes)."""
    triples, size = side.triples, side.num_nodes
    found = {}
    for number, name in enumerate(side.relations):
        rows = triples.relation == number
        if rows.any():
            ends = triples.head[rows], triples.tail[rows]
            matrix = csr_matrix((np.ones(len(ends[0]), np.float32), ends), shape=(size, size))
            found[name] = _binary(csr_matrix(matrix + matrix.T))
    return found


def _item_entities(join: csr_matrix, num_items: int) -> csr_matrix:
    """(num_items, num_nodes): what each item is joined with; an item that is joined with items, itself too."""
    matrix = csr_matrix(join[:num_items])
    among = np.diff(csr_matrix(matrix[:, :num_items]).indptr) > 0
    own = csr_matrix(eye_array(num_items, join.shape[1], dtype=np.float32))
    return _binary(csr_matrix(matrix + diags_array(among.astype(np.float32)) @ own))


def _longer(joins: dict[str, csr_matrix], first: str, num_items: int, room: int) -> list[tuple[str, csr_matrix]]:
    """A second relation, and the entities that items reach over `first` and it, where they are not too many."""
    steps = csr_matrix(joins[first][:num_items, num_items:])
    found = []
    for second, join in joins.items():
        between = csr_matrix(join[num_items:, num_items:])
        if between.nnz and np.diff(between.indptr)[steps.indices].sum() <= room:
            found.append((second, _shared(_binary(csr_matrix(steps @ between)))))
    return found


def _binary(matrix: csr_matrix) -> csr_matrix:
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def _shared(matrix: csr_matrix) -> csr_matrix:
    """Its columns of two items or more."""
    matrix = csr_matrix(matrix[:, np.flatnonzero(np.bincount(matrix.indices, minlength=matrix.shape[1]) > 1)])
    matrix.sort_indices()
    return matrix


def _distinct(matrices: dict[str, csr_matrix]) -> dict[str, csr_matrix]:
    kept: dict[bytes, tuple[str, csr_matrix]] = {}
    for name, matrix in matrices.items():
        if matrix.nnz:
            kept.setdefault(matrix.indptr.tobytes() + matrix.indices.tobytes(), (name, matrix))
    return dict(kept.values())


def _tf_idf(matrix: csr_matrix) -> csr_matrix:
    """Rows of unit length; an entity weighs log(num_items / items that have it)."""
    known_by = np.bincount(matrix.indices, minlength=matrix.shape[1])
    matrix.data = np.log((matrix.shape[0] + 1) / known_by).astype(np.float32)[matrix.indices]
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel())
    matrix.data /= np.repeat(np.maximum(norms, 1e-12), np.diff(matrix.indptr)).astype(np.float32)
    return matrix
