"""Content as a network reads it: the few directions in which items differ most, by which what is alike is generalised.

Between the side information and the towers of `training.models.two_tower` and `content_mlp`. With all of its thousands
of directions a network learns the items that it has met by heart.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.data import TrainingData
from training.models.content_ridge import ContentRidgeConfig, contents

Modality: TypeAlias = Literal["text", "image", "audio", "graph", "counts", "fused"]


def narrowed(data: TrainingData, modality: Modality, *, embedding_share: float, directions: int) -> NDArray[np.float32]:
    """(num_items, at most `directions`): a content ridge's content along its strongest directions, not centred."""
    content = contents(data.side, ContentRidgeConfig(modality, embedding_share=embedding_share), data.num_items)
    if content.shape[1] <= directions:
        return content
    _, vectors = np.linalg.eigh(content.T.astype(np.float64) @ content)
    return np.asarray(content @ vectors[:, : -directions - 1 : -1], np.float32)
