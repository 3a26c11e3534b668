"""Scores of different sources on one scale, so that they can be weighed and added."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def standardised(scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """Less the mean, over the deviation, of the finite ones; the others get the lowest of them."""
    finite = np.isfinite(scores)
    if not finite.any():
        return np.zeros(scores.shape, np.float32)
    known = scores[finite]
    spread = float(known.std())
    found = np.where(finite, scores, known.min()) - known.mean()
    return np.asarray(found / np.float32(spread) if spread > 1e-12 else np.zeros_like(scores), np.float32)
