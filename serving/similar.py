"""Items like an item: by text, picture or sound (cosine), by the graph (shared attributes), or by the crowd."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graph.errors import NotFound, Unsupported
from serving.candidates import Ranked
from serving.index import Index
from serving.index_files import MISSING
from serving.live import Live
from serving.observe.record import SEARCH, timed
from serving.rank import best
from serving.search_near import is_large, near, widths

GRAPH = "graph"
CROWD = "crowd"


def modalities(index: Index) -> tuple[str, ...]:
    """What `modality` may be on this index."""
    return (*sorted(index.vectors), GRAPH, CROWD)


@timed(SEARCH)
def similar(live: Live, item: int, modality: str, n: int) -> Ranked:
    """The n most similar other items, best first; fewer when fewer have any similarity.

    Raises `Unsupported` for a modality this index has no embeddings of, `NotFound` when the item itself has none.
    """
    if modality == CROWD:
        return _by_crowd(live, item, n)
    check_modality(live.index, modality)
    found = _near(live, item, modality, n) if modality != GRAPH and is_large(live, [modality]) else None
    if found is not None:
        return found
    scores = _by_graph(live, item) if modality == GRAPH else _by_vectors(live, item, modality)
    scores[item] = -np.inf
    order = best(scores, n)
    return order, scores[order]


def check_modality(index: Index, modality: str) -> None:
    """Raises `Unsupported` for a way of being alike that this index has not."""
    if modality not in modalities(index):
        raise Unsupported(
            f"no similarity by {modality!r}",
            valid=", ".join(modalities(index)),
            remedy="name one of these, or encode the items first: interlace encode",
        )


def _near(live: Live, item: int, modality: str, n: int) -> Ranked | None:
    """The same in a large catalogue, from candidates; None where they are too few."""
    vector = _vector_of(live, item, modality)
    for width in widths(live, n + 1):
        places, scores = near(live, [(modality, vector)], width)
        kept = np.flatnonzero(places != item)[:n]
        if len(kept) == n:
            return places[kept], scores[kept]
    return None


def _by_vectors(live: Live, item: int, modality: str) -> NDArray[np.float32]:
    scores, there = live.cosines(modality, _vector_of(live, item, modality))
    scores[~there] = -np.inf
    return scores


def _vector_of(live: Live, item: int, modality: str) -> NDArray[np.float32]:
    vector = live.vector(item, modality)
    if vector is None:
        raise NotFound(
            f"item {live.id(item)!r} has no {modality} embedding",
            valid="an item with one",
            remedy=f"give it a {modality} and run interlace encode, or ask for another modality",
        )
    return vector


def _by_graph(live: Live, item: int) -> NDArray[np.float32]:
    scores = graph_scores(live, item)
    scores[scores <= 0] = -np.inf
    return scores


def graph_scores(live: Live, item: int) -> NDArray[np.float32]:
    """(num_items,) cosines of attribute vectors, by walking the postings of the item's own attributes alone."""
    table = live.index.attributes
    nodes, weights = live.attributes(item)
    scores = np.zeros(live.num_items, np.float32)
    for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        posting = table.items.span(node)
        scores[table.items.columns[posting]] += weight * table.item_weights[posting]
    ours = dict(zip(nodes.tolist(), weights.tolist(), strict=True))
    for place in live.own:
        theirs = zip(*(one.tolist() for one in live.attributes(place)), strict=True)
        scores[place] = sum(ours.get(node, 0.0) * weight for node, weight in theirs)
    scores[live.gone] = 0
    return scores


def _by_crowd(live: Live, item: int, n: int) -> Ranked:
    """What the index knows of who liked both; of a new item, nothing."""
    if item >= live.index.num_items:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    items = live.index.crowd_items[item]
    kept = np.flatnonzero((items != MISSING) & ~live.hidden(items))[:n]
    return items[kept], live.index.crowd_scores[item, kept]
