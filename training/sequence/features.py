"""What is known of items besides who met them, as vectors: embeddings by modality, and their entities in the graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.components import COMPONENTS, main_directions, principal_components
from training.data import SideInformation
from training.models.content_knn import attribute_vectors

GRAPH = "graph"


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


def _graph_features(side: SideInformation, num_items: int) -> Features | None:
    rows = attribute_vectors(side, num_items).astype(np.float64)
    directions = main_directions(rows, min(COMPONENTS, *rows.shape))
    if not directions.shape[1]:
        return None
    vectors, present = rows @ directions, np.diff(rows.indptr) > 0
    scale = max(1, present.sum()) ** 0.5 / np.linalg.norm(vectors)
    return Features((vectors * scale).astype(np.float32), (directions * scale).astype(np.float32))
