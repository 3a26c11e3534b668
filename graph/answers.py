"""What answers say: somebody was shown items, chose some of them and left the others.

Shared by `training.models.ppca`, whose equation it is, and the request path (`serving.newcomers`): NumPy alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Answers:
    """`share` (num_items,) of people who met an item, `vectors` (num_items, d), `weight` (num_items,): an answer's
    precision, 0 where it says nothing. float32.
    """

    share: NDArray[np.float32]
    vectors: NDArray[np.float32]
    weight: NDArray[np.float32]

    @property
    def arrays(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """All of it."""
        return self.share, self.vectors, self.weight

    def scores(self, chosen: NDArray[np.integer], left: NDArray[np.integer]) -> NDArray[np.float32]:
        """(num_items,) how likely each is met, from positions that were chosen and such that were shown and left.

        What was shown is scored by the other answers alone: who has not met it yet may still like it.
        """
        shown = np.concatenate([chosen, left]).astype(np.int64)
        root = np.sqrt(self.weight[shown].astype(np.float64))
        answer = root * (np.repeat([1.0, 0.0], [len(chosen), len(left)]) - self.share[shown])
        rows = root[:, None] * self.vectors[shown]
        unknown = np.linalg.inv(np.eye(rows.shape[1]) + rows.T @ rows)
        taste = unknown @ (rows.T @ answer)
        scores = self.share + self.vectors @ taste.astype(np.float32)
        influence = np.einsum("ij,jk,ik->i", rows, unknown, rows)
        others = (rows @ taste - influence * answer) / (1 - influence)
        known = root > 0
        scores[shown[known]] = self.share[shown[known]] + others[known] / root[known]
        return np.asarray(scores, np.float32)
