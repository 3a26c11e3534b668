"""Small operations on rows that several signals of events share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

Floats = NDArray[np.float32]


def dense(matrix: csr_matrix) -> Floats:
    """The whole matrix."""
    return np.asarray(matrix.todense(), np.float32)


def mean_rows(matrix: csr_matrix) -> csr_matrix:
    """Rows that sum to one; empty ones stay empty."""
    return _scaled(matrix, np.asarray(matrix.sum(1)).ravel())


def unit_rows(matrix: csr_matrix) -> csr_matrix:
    """Rows of length one; empty ones stay empty."""
    return _scaled(matrix, np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel()))


def filled(values: NDArray[np.floating]) -> Floats:
    """NaN becomes the mean of the row's other values; rows of which nothing is known become 0."""
    there = np.isfinite(values)
    mean = np.where(there, values, 0).sum(1) / np.maximum(1, there.sum(1))
    return np.where(there, values, mean[:, None]).astype(np.float32)


def _scaled(matrix: csr_matrix, sizes: NDArray[np.floating]) -> csr_matrix:
    return csr_matrix(diags_array((1 / np.maximum(sizes, 1e-12)).astype(np.float32)) @ matrix)
