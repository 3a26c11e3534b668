"""Items like an item: by text, picture or sound (cosine), by the graph (shared attributes), or by the crowd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from graph.errors import NotFound, Unsupported
from serving.candidates import Ranked
from serving.index import Index
from serving.index_files import MISSING
from serving.rank import best

GRAPH = "graph"
CROWD = "crowd"
BLOCK = 65_536


def modalities(index: Index) -> tuple[str, ...]:
    """What `modality` may be on this index."""
    return (*sorted(index.vectors), GRAPH, CROWD)


def similar(index: Index, item: int, modality: str, n: int) -> Ranked:
    """The n most similar other items, best first; fewer when fewer have any similarity.

    Raises `Unsupported` for a modality this index has no embeddings of, `NotFound` when the item itself has none.
    """
    ways: dict[str, Callable[[Index, int], NDArray[np.float32]]] = {GRAPH: _by_graph}
    if modality == CROWD:
        return _by_crowd(index, item, n)
    if modality not in modalities(index):
        raise Unsupported(
            f"no similarity by {modality!r}",
            valid=", ".join(modalities(index)),
            remedy="name one of these, or encode the items first: interlace encode",
        )
    scores = ways[modality](index, item) if modality in ways else _by_vectors(index, item, modality)
    scores[item] = -np.inf
    order = best(scores, n)
    return order, scores[order]


def _by_vectors(index: Index, item: int, modality: str) -> NDArray[np.float32]:
    table = index.vectors[modality]
    if not table.present[item]:
        raise NotFound(
            f"item {index.item_ids[item].decode()!r} has no {modality} embedding",
            valid="an item with one",
            remedy=f"give it a {modality} and run interlace encode, or ask for another modality",
        )
    scores = np.empty(index.num_items, np.float32)
    for start in range(0, index.num_items, BLOCK):
        scores[start : start + BLOCK] = table.unit[start : start + BLOCK] @ table.unit[item]
    scores[~table.present] = -np.inf
    return scores


def _by_graph(index: Index, item: int) -> NDArray[np.float32]:
    """Cosine of attribute vectors, by walking the postings of the item's own attributes alone."""
    vectors = index.attributes
    span = vectors.rows.span(item)
    scores = np.zeros(index.num_items, np.float32)
    for node, weight in zip(vectors.rows.columns[span].tolist(), vectors.weights[span].tolist(), strict=True):
        posting = vectors.items.span(node)
        scores[vectors.items.columns[posting]] += weight * vectors.item_weights[posting]
    scores[scores <= 0] = -np.inf
    return scores


def _by_crowd(index: Index, item: int, n: int) -> Ranked:
    items = index.crowd_items[item]
    length = min(n, int(np.count_nonzero(items != MISSING)))
    return items[:length], index.crowd_scores[item, :length]
