"""What is known of items besides who met them, as vectors: embeddings by modality, and their entities in the graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

from training.components import COMPONENTS, main_directions, principal_components
from training.data import Histories, SideInformation
from training.models.content_knn import attribute_vectors

GRAPH = "graph"
SPECTRAL, NOISE = 0.5, 0.7
USERS = 100_000
"""Beyond it a sample of them says where items begin."""


@dataclass(frozen=True)
class Features:
    """`vectors` (num_items, k): zero where an item lacks this part, else 1 long on average. `basis` (width, k)."""

    vectors: NDArray[np.float32]
    basis: NDArray[np.float32]


def item_features(side: SideInformation, num_items: int) -> dict[str, Features]:
    """One entry a part that is there: modalities, and the graph as TF-IDF over the entities that items are joined with.

    Each in its at most 128 principal directions.
    """
    found = {
        name: Features(*principal_components(table, COMPONENTS))
        for name, table in sorted(side.embeddings.items())
        if table.present.any()
    }
    graph = _graph_features(side, num_items) if len(side.triples) else None
    return found if graph is None else {**found, GRAPH: graph}


def spectral_start(histories: Histories, size: int, *, seed: int = 0) -> NDArray[np.float32]:
    """(num_items, size): where items' own vectors begin, those met by the same people near each other.

    The main directions of D_u^-1/2 X D_i^-1/2, X the binary users x items, times the root of their singular values,
    turned at random; each row 0.5 long, and on top of it noise of length 0.7, all there is of items nobody met. A
    network comes to its best sooner from here; from directions with less noise sooner still, but to a lesser best.
    """
    rng = np.random.default_rng(seed)
    noise = NOISE * rng.standard_normal((histories.num_items, size)) * size**-0.5
    matrix = histories.matrix
    if len(histories) > USERS:
        matrix = matrix[np.sort(rng.choice(len(histories), USERS, replace=False))]
    sums = [np.maximum(1, np.asarray(matrix.sum(axis)).ravel()) ** -0.5 for axis in (1, 0)]
    rows = csr_matrix(diags_array(sums[0]) @ matrix.astype(np.float64) @ diags_array(sums[1]))
    directions = main_directions(rows, min(size, *rows.shape))
    vectors = directions * np.linalg.norm(rows @ directions, axis=0) ** 0.5
    turned = vectors @ np.linalg.qr(rng.standard_normal((size, size)))[0][: vectors.shape[1]]
    lengths = np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
    return np.asarray(SPECTRAL * turned / lengths * (lengths > 1e-6) + noise, np.float32)


def _graph_features(side: SideInformation, num_items: int) -> Features | None:
    rows = attribute_vectors(side, num_items).astype(np.float64)
    directions = main_directions(rows, min(COMPONENTS, *rows.shape))
    if not directions.shape[1]:
        return None
    vectors, present = rows @ directions, np.diff(rows.indptr) > 0
    scale = max(1, present.sum()) ** 0.5 / np.linalg.norm(vectors)
    return Features((vectors * scale).astype(np.float32), (directions * scale).astype(np.float32))
