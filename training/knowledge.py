"""Which items an item reaches over one shared attribute, relation by relation: the knowledge graph as a GNN reads it.

For relation r with item-entity incidence B_r, N_r = D^-1 B_r D^-1 B_r^T is the mean over the item's entities of the
mean over the entity's items: an item-item matrix far too dense to store (every film has a language), so its two factors
are kept. Its diagonal, an item reaching itself, is taken out: otherwise an entity that only one item has would just be
another id of that item, and nothing would be learned that holds for an item never seen. Entities without vectors of
their own generalise: in our trials on ML-100K free entity vectors ranked cold items no better than chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, csr_matrix, diags_array, eye_array, hstack, vstack

from training.graph_ops import row_normalised
from training.pyg import HeteroData

WHOLLY_OWN = 0.999
"""An item whose entities have no other item reaches nobody by that relation."""


@dataclass(frozen=True)
class Neighbours:
    """Mean of x over the others that item i reaches by relation r: row i * R + r of spread @ gather @ x, less own x_i.

    `gather` (sum of entities, num_items), `spread` (num_items * R, sum of entities). `own` (num_items, R): what an item
    would reach of itself, relative to the others, which `spread` is scaled to. `present` (num_items, R): does it reach
    another one.
    """

    relations: tuple[str, ...]
    gather: csr_matrix
    spread: csr_matrix
    own: NDArray[np.float32]
    present: NDArray[np.bool_]


def neighbours(graph: HeteroData, informed: NDArray[np.bool_]) -> Neighbours | None:
    """All relations of items with entities, or None where no two items share anything.

    `informed` (num_items,): items whose vectors say something (they have interactions); only those are reached.
    """
    found = _distinct(_incidences(graph))
    parts = [_factors(name, matrix, informed) for name, matrix in found]
    parts = [part for part in parts if part.present.any()]
    if not parts:
        return None
    return Neighbours(
        tuple(part.relation for part in parts),
        csr_matrix(vstack([part.gather for part in parts])),
        _interleaved([part.spread for part in parts]),
        np.stack([part.own for part in parts], axis=1),
        np.stack([part.present for part in parts], axis=1),
    )


def _interleaved(blocks: list[csr_matrix]) -> csr_matrix:
    """Block diagonal, with the rows of one item together."""
    stacked = csr_matrix(block_diag(blocks, format="csr"))
    order = np.arange(stacked.shape[0]).reshape(len(blocks), -1).T.ravel()
    return csr_matrix(stacked[order])


def _incidences(graph: HeteroData) -> dict[str, csr_matrix]:
    """Relation -> binary (num_items, columns): its entities; for relations between items, the items it joins."""
    items, entities = graph["item"].num_nodes, graph["entity"].num_nodes
    found: dict[str, csr_matrix] = {}
    for source, relation, target in graph.edge_types:
        if "item" not in (source, target) or "user" in (source, target):
            continue
        first, second = graph[source, relation, target].edge_index.numpy()
        if source == "entity":
            first, second = second, first
        matrix = _binary(first, second, (items, entities if "entity" in (source, target) else items))
        if source == target:
            matrix = csr_matrix(matrix.maximum(matrix.T).maximum(csr_matrix(eye_array(items, dtype=np.float32))))
        known = found.get(relation)
        found[relation] = matrix if known is None else csr_matrix(hstack([known, matrix]))
    return found


def _binary(rows: NDArray[np.integer], columns: NDArray[np.integer], shape: tuple[int, int]) -> csr_matrix:
    matrix = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def _distinct(matrices: dict[str, csr_matrix]) -> list[tuple[str, csr_matrix]]:
    """Only columns of two items or more; a relation that repeats another (its inverse under a second name) goes."""
    kept: dict[bytes, tuple[str, csr_matrix]] = {}
    for name in sorted(matrices):
        matrix = matrices[name]
        shared = np.flatnonzero(np.bincount(matrix.indices, minlength=matrix.shape[1]) > 1)
        matrix = csr_matrix(matrix[:, shared])
        matrix.sort_indices()
        key = shared.tobytes() + matrix.indptr.tobytes() + matrix.indices.tobytes()
        if matrix.nnz:
            kept.setdefault(key, (name, matrix))
    return list(kept.values())


@dataclass(frozen=True)
class _Factors:
    """One relation's part of `Neighbours`."""

    relation: str
    gather: csr_matrix
    spread: csr_matrix
    own: NDArray[np.float32]
    present: NDArray[np.bool_]


def _factors(relation: str, matrix: csr_matrix, informed: NDArray[np.bool_]) -> _Factors:
    gather = row_normalised(csr_matrix(matrix.T @ diags_array(informed.astype(np.float32))))
    reaching = np.asarray(gather.sum(axis=1)).ravel() > 0
    spread = row_normalised(csr_matrix(matrix @ diags_array(reaching.astype(np.float32))))
    spread.eliminate_zeros()
    own = np.asarray(spread.multiply(gather.T).sum(axis=1)).ravel().astype(np.float32)
    present = (np.diff(spread.indptr) > 0) & (own < WHOLLY_OWN)
    others = np.where(present, 1 / np.maximum(1 - own, 1 - WHOLLY_OWN), 0).astype(np.float32)
    return _Factors(relation, gather, csr_matrix(diags_array(others) @ spread), own * others, present)
