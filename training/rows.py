"""Rows of sparse matrices brought to one size: shared by signals of events, tastes of friends and categories."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array


def mean_rows(matrix: csr_matrix) -> csr_matrix:
    """Rows that sum to one; empty ones stay empty. The type of the numbers stays."""
    return _scaled(matrix, np.asarray(matrix.sum(1)).ravel())


def unit_rows(matrix: csr_matrix) -> csr_matrix:
    """Rows of length one; empty ones stay empty. The type of the numbers stays."""
    return _scaled(matrix, np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel()))


def _scaled(matrix: csr_matrix, sizes: NDArray[np.floating]) -> csr_matrix:
    return csr_matrix(diags_array((1 / np.maximum(sizes, 1e-12)).astype(matrix.dtype)) @ matrix)
