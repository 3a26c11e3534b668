"""EASE for items that nobody has met, too: they inherit the scores of the items that are like them.

Kernel ridge regression from content onto the scores of a collaborative model (Gantner et al. 2010, «Learning
Attribute-to-Feature Mappings for Cold-Start Recommendations», with EASE, Steck 2019, in the place of factors). With B
EASE's weights, S = R (B + self_weight I) what a user is taken to like, X the content of the items (as in
`training.models.content_ridge`), K = X X^T, and w the items that somebody met,

    score(u, new) = S_uw v,    v = (K_ww + regularization I)^-1 k_new = X_w (X_w^T X_w + regularization I)^-1 x_new,

of which the `kept` entries of v that are farthest from nought are used. An item that somebody met keeps EASE's score.
Where content ridge reads what a user did, this reads what EASE makes of it: likes that are missing by chance are filled
in before content learns from them. All is linear in the history, so B gets the columns (B + self_weight I) v, and a
newcomer among users is folded in exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from training.data import TrainingData
from training.dense_items import DenseItemModel
from training.models.content_ridge import ContentRidgeConfig, contents
from training.models.ease import EASE, EASEConfig
from training.recommender import SILENT, Monitor
from training.space import Categorical, Float, Space

BLOCK = 4_096
"""New items whose weights are made at once."""


@dataclass(frozen=True)
class EASEInheritConfig:
    """`regularization` (above 0): of content. `ease_regularization`: as EASE's `regularization`.

    `self_weight`: of an item that is in the history, for which EASE's weight is nought. `modality`, `embedding_share`:
    as those of a content ridge. `kept`: items that a new one inherits from, 0 for all.
    """

    modality: Literal["text", "image", "audio", "graph", "counts", "fused"] = "fused"
    regularization: float = 1.0
    ease_regularization: float = 100.0
    self_weight: float = 0.3
    embedding_share: float = 0.15
    kept: int = 0

    def __post_init__(self) -> None:
        positive = min(self.regularization, self.ease_regularization)
        if positive <= 0 or min(self.self_weight, self.embedding_share, self.kept) < 0:
            raise InvalidData(
                f"nothing can be inherited with {self}",
                valid="regularization and ease_regularization above 0, the others from 0",
                remedy="see docs/reference/models.md",
            )


GRID = (
    EASEInheritConfig(),
    EASEInheritConfig(self_weight=0.1),
    EASEInheritConfig(regularization=3.0),
    EASEInheritConfig(ease_regularization=300.0),
    EASEInheritConfig(regularization=3.0, ease_regularization=1000.0),
)

SPACE: Space = {
    "regularization": Float(0.1, 300.0, log=True),
    "ease_regularization": Float(1.0, 20_000.0, log=True),
    "self_weight": Float(0.0, 2.0),
    "embedding_share": Float(0.0, 2.0),
    "kept": Categorical((0, 64, 256)),
}


class EASEInherit(DenseItemModel):
    """`weights` are EASE's; the columns of items that nobody met are what they inherit."""

    name = "inherit-fused"

    def __init__(self, config: EASEInheritConfig | None = None) -> None:
        self.config = config or EASEInheritConfig()

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # a closed form has no epochs
        config = self.config
        described = ContentRidgeConfig(config.modality, embedding_share=config.embedding_share)
        content = contents(data.side, described, data.num_items)
        weights = EASE(EASEConfig(config.ease_regularization)).fit(data).weights
        counts = np.bincount(data.matrix.indices, minlength=data.num_items)
        met, new = np.flatnonzero(counts), np.flatnonzero(counts == 0)
        likes = weights[np.ix_(met, met)] if len(new) else weights
        for block, heirs in inherited_from(content, met, new, regularization=config.regularization, kept=config.kept):
            weights[np.ix_(met, block)] = likes @ heirs + np.float32(config.self_weight) * heirs
        self.weights = weights
        return self


def inherited_from(
    content: NDArray[np.float32],
    met: NDArray[np.int64],
    new: NDArray[np.int64],
    *,
    regularization: float,
    kept: int,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Blocks of `new` items with the equation's v, (len(met), len(block)), solved along content's directions."""
    known = content[met].astype(np.float64)
    gram = known.T @ known + regularization * np.eye(content.shape[1])
    solver = np.linalg.solve(gram, known.T).T
    for start in range(0, len(new), BLOCK):
        block = new[start : start + BLOCK]
        yield block, strongest((solver @ content[block].T).astype(np.float32), kept)


def strongest(weights: NDArray[np.float32], kept: int) -> NDArray[np.float32]:
    """The same with nought for all but the `kept` of each column that are farthest from it (0: all are kept)."""
    if not kept or kept >= len(weights):
        return weights
    rows = np.argpartition(-np.abs(weights), kept - 1, axis=0)[:kept]
    found = np.zeros_like(weights)
    np.put_along_axis(found, rows, np.take_along_axis(weights, rows, axis=0), axis=0)
    return found
