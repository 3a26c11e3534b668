"""Items that nobody has met inherit the scores of items like them: a picture, a text and attributes are enough.

Kernel ridge regression from content onto the scores of the model in use, whichever it is. With K the likeness of the
landmarks (items that many met), k that of a new item to each of them, and S(u, .) a user's scores,

    score(u, new) = m + stretch sum_j w_j (S(u, j) - m),   w = (K + regularization I)^-1 k,

m the user's mean over the landmarks. Only the `KEPT` largest of w are used. The weights belong to the item alone: they
are made once, in milliseconds, so an item is in everybody's ranking in the second it arrives, and no model is trained.
What everybody likes goes over together with taste, since S holds both. `stretch` undoes what a regression always does,
drawing all towards the mean: predictions for landmarks, each left out of its own, are spread as wide as true scores.

Request path. `serving.publish_inherit` makes the arrays; likeness is that of `training.models.content_ridge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.index_files import MISSING, Blobs, Rows

KEPT = 64

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Inherited:
    """What each of n items inherits from: (n, `KEPT`) positions of landmarks in the catalogue, and their weights."""

    places: NDArray[np.int32]
    weights: Floats

    def __len__(self) -> int:
        return len(self.places)


def nothing_inherited(items: int, size: int) -> Inherited:
    """For items of which nothing is known."""
    return Inherited(np.zeros((items, size), np.int32), np.zeros((items, size), np.float32))


@dataclass(frozen=True)
class Inheritance:
    """`landmarks` (m,): positions of items. `solver` (m, m): (K + regularization I)^-1.

    `means` and `vectors` by modality: what is taken off a unit vector before it is compared, and the landmarks' rows
    (m, dim), already centred and scaled. `share`: length of an embedding beside the attributes. `postings`: node ->
    landmarks that have it, `posting_weights` beside. `rarity` (nodes,): weight of a node in a new item, 0 where no
    landmark has it. Nodes are items, then `entities` (`Label:id`, sorted). `bias`: likeness that all items share.
    `cold`: items of the index that nobody met, and what they inherit from.
    """

    landmarks: NDArray[np.int32]
    solver: Floats
    means: Mapping[str, Floats]
    vectors: Mapping[str, Floats]
    share: float
    postings: Rows
    posting_weights: Floats
    rarity: Floats
    entities: Blobs
    num_items: int
    bias: float
    stretch: float
    cold: NDArray[np.int32]
    cold_from: Inherited

    def node(self, entity: str) -> int:
        """Place of `Label:id` among the nodes; `MISSING` for one that the index does not know."""
        found = self.entities.find(entity.encode("utf-8", "surrogatepass"))
        return MISSING if found == MISSING else self.num_items + found

    def likeness(self, vectors: Mapping[str, Floats], nodes: Iterable[int]) -> Floats:
        """(m,) of an item with these vectors (any length) and these neighbours in the graph to the landmarks."""
        found = np.full(len(self.landmarks), self.bias**2, np.float32)
        for name, vector in vectors.items():
            if name in self.vectors:
                found += np.float32(self.share) * (self.vectors[name] @ centred(vector, self.means[name]))
        for node in nodes:
            span = self.postings.span(node)
            found[self.postings.columns[span]] += self.rarity[node] * self.posting_weights[span]
        return found

    def knows(self, vectors: Mapping[str, Floats], nodes: Iterable[int]) -> bool:
        """Is there anything by which the item could be compared."""
        return any(name in self.vectors for name in vectors) or any(self.rarity[node] > 0 for node in nodes)

    def of(self, likeness: Floats) -> Inherited:
        """What items inherit from, by their (n, m) likeness to the landmarks."""
        return strongest(np.asarray(likeness @ self.solver, np.float32), self.landmarks)

    def scores(self, scores: Floats, items: Inherited) -> Floats:
        """(n,) scores of `items` for a user with these (num_items,) scores of the model, seen items not yet marked."""
        return inherited(scores, self.landmarks, items, self.stretch)

    def fill(self, scores: Floats) -> None:
        """Gives the index's own newcomers what they inherit, in place."""
        if len(self.cold):
            scores[self.cold] = self.scores(scores, self.cold_from)


def inherited(scores: Floats, landmarks: NDArray[np.int32], items: Inherited, stretch: float) -> Floats:
    """The equation above, for scores (..., num_items) -> (..., n)."""
    mean = scores[..., landmarks].mean(axis=-1, keepdims=True, dtype=np.float64).astype(np.float32)
    found = np.empty((*scores.shape[:-1], len(items)), np.float32)
    for place, (landmark, weights) in enumerate(zip(items.places, items.weights, strict=True)):
        found[..., place] = (scores[..., landmark] - mean) @ weights
    return np.asarray(mean + np.float32(stretch) * found, np.float32)


def strongest(weights: Floats, landmarks: NDArray[np.int32]) -> Inherited:
    """The `KEPT` weights that are farthest from nought, of each row."""
    size = min(KEPT, len(landmarks))
    chosen = np.sort(np.argpartition(-np.abs(weights), size - 1, axis=1)[:, :size], axis=1)
    return Inherited(landmarks[chosen], np.take_along_axis(weights, chosen, axis=1))


def centred(vector: Floats, mean: Floats) -> Floats:
    """A unit vector (or rows of them) less the mean, of unit length again."""
    found = vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12) - mean
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=-1, keepdims=True), 1e-12), np.float32)
