"""Content KNN: items that read alike, look alike, sound alike or share rare attributes.

Lops et al. 2011. Vectors of a modality are centred (what all items share says nothing) and compared by cosine; `graph`
compares items' neighbours in the knowledge graph by TF-IDF cosine; `fused` is the mean over the modalities that both
items have. score(u, j) = sum of the similarities of j's k nearest items that are in u's history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from graph.snapshot import EmbeddingTable
from training.data import SideInformation, TrainingData
from training.neighbours import NeighbourModel, Similarities, nearest
from training.recommender import SILENT, Monitor
from training.space import Int, Space


@dataclass(frozen=True)
class ContentKNNConfig:
    """`modality`: one embedding table, the knowledge graph, or all of them; `neighbours` kept an item."""

    modality: Literal["text", "image", "audio", "graph", "fused"] = "fused"
    neighbours: int = 100


GRID = (ContentKNNConfig(neighbours=20), ContentKNNConfig(neighbours=100), ContentKNNConfig(neighbours=400))

SPACE: Space = {"neighbours": Int(5, 1000, log=True)}


class ContentKNN(NeighbourModel):
    """`weights` CSR (num_items, num_items): row = item in the history, column = candidate."""

    name = "content-fused"

    def __init__(self, config: ContentKNNConfig) -> None:
        self.config = config
        self.weights = csr_matrix((0, 0), dtype=np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor
        vectors = _vectors(data.side, self.config.modality, data.num_items)
        self.weights = nearest(_mean_cosine(vectors), data.num_items, self.config.neighbours)
        return self


def _vectors(side: SideInformation, modality: str, num_items: int) -> list[csr_matrix | NDArray[np.float32]]:
    """One (num_items, dim) matrix of unit rows a modality; rows of items that lack it are zero."""
    names = [name for name in side.embeddings if modality in {name, "fused"}]
    found: list[csr_matrix | NDArray[np.float32]] = [centred(side.embeddings[name]) for name in names]
    if modality in {"graph", "fused"} and len(side.triples):
        found.append(attribute_vectors(side, num_items))
    if not found:
        raise InvalidData(
            f"content model of modality {modality!r} on data without it",
            valid=", ".join([*side.embeddings, "graph"]),
            remedy="encode the items first (interlace encode), or choose another model",
        )
    return found


def centred(table: EmbeddingTable) -> NDArray[np.float32]:
    """Unit rows after the mean of the present rows is taken off; absent rows stay zero."""
    vectors = np.where(table.present[:, None], table.vectors, 0).astype(np.float32)
    vectors[table.present] -= vectors[table.present].mean(0) if table.present.any() else 0
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)


def attribute_vectors(side: SideInformation, num_items: int) -> csr_matrix:
    """(num_items, num_nodes) unit TF-IDF rows over the entities an item is joined with, in either direction."""
    matrix = attributes_of_items(side, num_items)
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel())
    matrix.data /= np.repeat(np.maximum(norms, 1e-12), np.diff(matrix.indptr)).astype(np.float32)
    return matrix


def attributes_of_items(side: SideInformation, num_items: int) -> csr_matrix:
    """(num_items, num_nodes): the rarity log(num_items / items that have it) of each entity an item is joined with."""
    head, tail = side.triples.head, side.triples.tail
    items = np.concatenate([head[head < num_items], tail[tail < num_items]])
    others = np.concatenate([tail[head < num_items], head[tail < num_items]])
    ones = np.ones(len(items), np.float32)
    matrix = csr_matrix((ones, (items, others)), shape=(num_items, side.num_nodes))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    known_by = np.bincount(matrix.indices, minlength=side.num_nodes)
    matrix.data = np.log(num_items / np.maximum(1, known_by)).astype(np.float32)[matrix.indices]
    return csr_matrix(matrix)


def _mean_cosine(vectors: list[csr_matrix | NDArray[np.float32]]) -> Similarities:
    """Mean over the modalities of the cosines; a pair is averaged over those that both items have."""
    has = [np.asarray(abs(one).sum(1)).ravel() > 0 for one in vectors]

    def similarities(rows: slice) -> NDArray[np.float32]:
        total: NDArray[np.float32] = np.float32(0)  # type: ignore[assignment]
        count: NDArray[np.float32] = np.float32(0)  # type: ignore[assignment]
        for one, there in zip(vectors, has, strict=True):
            product = one[rows] @ one.T
            total = total + np.asarray(product.todense() if not isinstance(product, np.ndarray) else product)
            count = count + np.outer(there[rows], there).astype(np.float32)
        return np.asarray(total / np.maximum(count, 1), np.float32)

    return similarities
