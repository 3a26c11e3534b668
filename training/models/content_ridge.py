"""Content ridge: what a user likes as a linear function of what items are, so that items nobody has met can be ranked.

Ridge regression from content onto interactions (Gantner et al. 2010, «Learning Attribute-to-Feature Mappings for
Cold-Start Recommendations», in closed form and for all users at once). With X_w the content of the items that somebody
met and R the interactions with them,

    score(u, j) = r_u X_w (X_w^T X_w + regularization I)^-1 x_j.

A newcomer is folded in exactly: the score is linear in his history. X has rows of mean length one and is not made of
unit rows: an item of which more is known (a film with awards, sequels, a large cast) is longer, and so the model learns
appeal, what everybody likes, together with taste. `graph` are the attributes of the knowledge graph, weighed by rarity;
`counts` how many of each relation an item has; a modality its embeddings; `fused` all of them side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from graph.errors import InvalidData
from training.data import SideInformation, TrainingData
from training.factors import Factors, FittedFactors, fitted
from training.models.content_knn import attributes_of_items, centred
from training.recommender import SILENT, Monitor
from training.space import Categorical, Float, Space

EXACT = 4_000
"""Items up to which the directions of a wide block are found by their Gram matrix, whole."""
BIAS = 0.3
"""A column that all items share: the level from which content moves an item up or down."""


@dataclass(frozen=True)
class ContentRidgeConfig:
    """`modality`: an embedding table, `graph`, `counts`, or all of them. `regularization` (above 0).

    `size`: most directions that are kept of a wide block. `embedding_share`: length of an embedding beside the graph's
    attributes, in `fused`.
    """

    modality: Literal["text", "image", "audio", "graph", "counts", "fused"] = "fused"
    regularization: float = 3.0
    size: int = 1024
    embedding_share: float = 0.3

    def __post_init__(self) -> None:
        if self.regularization <= 0 or self.size < 1 or self.embedding_share < 0:
            raise InvalidData(
                f"a content ridge cannot have {self}",
                valid="regularization above 0, size from 1, embedding_share from 0",
                remedy="see docs/reference/models.md",
            )


GRID = (
    ContentRidgeConfig(),
    ContentRidgeConfig(regularization=10.0),
    ContentRidgeConfig(regularization=1.0),
    ContentRidgeConfig(regularization=30.0),
)

SPACE: Space = {
    "regularization": Float(0.1, 300.0, log=True),
    "size": Categorical((256, 512, 1024)),
    "embedding_share": Float(0.0, 2.0),
}


class ContentRidge(FittedFactors):
    """`items` are contents (num_items, directions), users what they like of each direction."""

    name = "ridge-fused"

    def __init__(self, config: ContentRidgeConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # a closed form has no epochs
        content = contents(data.side, self.config, data.num_items)
        met = np.asarray(data.matrix.sum(0)).ravel() > 0
        known = content[met].astype(np.float64)
        gram = known.T @ known + self.config.regularization * np.eye(content.shape[1])
        fold_in = np.zeros_like(content)
        fold_in[met] = np.linalg.solve(gram, known.T).T
        users = np.asarray(data.matrix @ fold_in, np.float32)
        self._factors = Factors(users, content, fold_in, power=0.0)
        return self

    def appeal(self) -> NDArray[np.float32]:
        """(num_items,): the mean of all users' scores, for items nobody has met too."""
        factors = fitted(self._factors, self.name)
        return np.asarray(factors.items @ factors.users.mean(0), np.float32)


def contents(side: SideInformation, config: ContentRidgeConfig, num_items: int) -> NDArray[np.float32]:
    """(num_items, directions): the blocks of the modality side by side, and what all items share.

    Raises `InvalidData` where the data has none of them.
    """
    names = [name for name in side.embeddings if config.modality in {name, "fused"}]
    share = config.embedding_share if config.modality == "fused" else 1.0
    blocks = [share * centred(side.embeddings[name]) for name in names]
    if config.modality in {"graph", "fused"} and len(side.triples):
        blocks.append(_narrow(mean_length_one(attributes_of_items(side, num_items)), config.size))
    if config.modality == "counts" and len(side.triples):
        blocks.append(_counts(side, num_items))
    if not blocks:
        raise InvalidData(
            f"a content ridge of {config.modality!r} on data without it",
            valid=", ".join([*side.embeddings, *(("graph", "counts") if len(side.triples) else ())]),
            remedy="encode the items first (interlace encode), ingest triples, or choose another model",
        )
    return np.column_stack([*blocks, np.full(num_items, BIAS)]).astype(np.float32)


def mean_length_one(matrix: csr_matrix) -> csr_matrix:
    """Scaled as a whole, so that the mean squared length of the rows that are not empty is one."""
    squares = np.asarray(matrix.multiply(matrix).sum(1)).ravel()
    return csr_matrix(matrix / np.sqrt(max(1e-12, squares[squares > 0].mean() if squares.any() else 1.0)))


def _narrow(matrix: csr_matrix, size: int) -> NDArray[np.float32]:
    """(rows, at most `size`): the rows' coordinates along the directions in which they differ most."""
    size = min(size, min(matrix.shape) - 1)
    if matrix.shape[0] <= EXACT:
        values, vectors = np.linalg.eigh((matrix @ matrix.T).toarray().astype(np.float64))
        strongest = slice(None, -size - 1, -1)
        return np.asarray(vectors[:, strongest] * np.sqrt(np.maximum(values[strongest], 0)), np.float32)
    start = np.ones(min(matrix.shape))  # a fixed start: the same data gives the same vectors
    left, values, _ = svds(matrix.astype(np.float64), k=size, v0=start)
    return np.asarray(left * values, np.float32)


def _counts(side: SideInformation, num_items: int) -> NDArray[np.float32]:
    """(num_items, relations and directions): log(1 + how many), standardised, of mean length about one."""
    triples, relations = side.triples, len(side.relations)
    counts = np.zeros((num_items, 2 * relations), np.float32)
    for ends, way in ((triples.head, 0), (triples.tail, relations)):
        of_item = ends < num_items
        np.add.at(counts, (ends[of_item], way + triples.relation[of_item].astype(np.int64)), 1.0)
    logs = np.log1p(counts[:, counts.any(0)])
    spread = logs.std(0)
    return np.asarray((logs - logs.mean(0)) / np.where(spread > 0, spread, 1) / np.sqrt(max(1, logs.shape[1])))
