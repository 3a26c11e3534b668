"""The training graph as PyG's `HeteroData`: what graph models and exporters read in place of bare arrays.

Node types user, item, entity; edge types (user, liked, item), (user, friend, user) both ways, and for every relation
of the knowledge graph (item, RELATION, entity), (entity, RELATION, item) and so on, as far as they occur.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from training.data import SideInformation, TrainingData
from training.pyg import HeteroData

LIKED = ("user", "liked", "item")
FRIEND = ("user", "friend", "user")


def hetero_graph(data: TrainingData) -> HeteroData:
    """Edges as `edge_index` (2, m), positions within each node type; node features are left to the models."""
    graph = HeteroData()
    graph["user"].num_nodes = data.num_users
    graph["item"].num_nodes = data.num_items
    graph["entity"].num_nodes = max(0, data.side.num_nodes - data.num_items)
    liked = data.matrix.tocoo()
    graph[LIKED].edge_index = _edges(liked.row, liked.col)
    friends = data.side.friendships
    if len(friends):
        graph[FRIEND].edge_index = _edges(
            np.concatenate([friends[:, 0], friends[:, 1]]), np.concatenate([friends[:, 1], friends[:, 0]])
        )
    _add_triples(graph, data.side, data.num_items)
    return graph


def _add_triples(graph: HeteroData, side: SideInformation, num_items: int) -> None:
    triples = side.triples
    kinds = ("item", "entity")
    for number in np.unique(triples.relation):
        rows = triples.relation == number
        head, tail = triples.head[rows], triples.tail[rows]
        for place in np.unique(_kind(head, num_items) * 2 + _kind(tail, num_items)):
            here = _kind(head, num_items) * 2 + _kind(tail, num_items) == place
            source, target = divmod(int(place), 2)
            edge = (kinds[source], side.relations[number], kinds[target])
            graph[edge].edge_index = _edges(head[here] - source * num_items, tail[here] - target * num_items)


def _kind(nodes: NDArray[np.int32], num_items: int) -> NDArray[np.int64]:
    """0 for items, 1 for entities."""
    return (nodes >= num_items).astype(np.int64)


def _edges(source: NDArray[np.integer], target: NDArray[np.integer]) -> torch.Tensor:
    return torch.from_numpy(np.stack([source, target]).astype(np.int64))
