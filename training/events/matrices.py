"""Small operations on matrices that several signals of events share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]


def dense(matrix: csr_matrix) -> Floats:
    """The whole matrix."""
    return np.asarray(matrix.todense(), np.float32)


def filled(values: NDArray[np.floating]) -> Floats:
    """NaN becomes the mean of the row's other values; rows of which nothing is known become 0."""
    there = np.isfinite(values)
    mean = np.where(there, values, 0).sum(1) / np.maximum(1, there.sum(1))
    return np.where(there, values, mean[:, None]).astype(np.float32)
