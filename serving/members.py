"""Which of many positions are among a few: by search in the few, where `np.isin` would sort them all.

Request path of a large catalogue, a dozen times a request.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def among(places: NDArray[np.integer], few: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mask of `places` that are in `few`, which ascends."""
    if not len(few):
        return np.zeros(len(places), bool)
    return np.asarray(few.take(np.searchsorted(few, places), mode="clip") == places)
