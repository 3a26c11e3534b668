"""Normalised adjacency and its fast product with node vectors: one full-batch step of every graph model.

`python -m benchmarks.epoch SPLITS --products` measures the choice: torch's CSR product beats PyG's cached
`EdgeIndex.matmul` and SciPy. Its own backward would build the transpose anew at every step, so the transpose is stored;
a symmetric matrix is its own.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import bmat, csr_matrix, diags_array

from training.scale.precision import full_precision, widened

if TYPE_CHECKING:
    from torch.autograd.function import FunctionCtx


def bipartite(matrix: csr_matrix) -> csr_matrix:
    """Adjacency of users and items in one node space, users first: [[0, M], [M^T, 0]]."""
    return csr_matrix(bmat([[None, matrix], [matrix.T, None]], format="csr", dtype=np.float32))


def symmetric_normalised(adjacency: csr_matrix) -> csr_matrix:
    """D^-1/2 A D^-1/2; a node without edges keeps an empty row."""
    return _scaled(adjacency, _inverse_power(adjacency.sum(axis=1), 0.5), _inverse_power(adjacency.sum(axis=0), 0.5))


def row_normalised(adjacency: csr_matrix) -> csr_matrix:
    """D^-1 A: each row is a mean over neighbours."""
    return _scaled(adjacency, _inverse_power(adjacency.sum(axis=1), 1.0), np.ones(adjacency.shape[1]))


def _inverse_power(degrees: NDArray[np.floating], power: float) -> NDArray[np.float64]:
    flat = np.asarray(degrees, np.float64).ravel()
    return np.where(flat > 0, np.maximum(flat, 1e-12) ** -power, 0.0)


def _scaled(matrix: csr_matrix, left: NDArray[np.float64], right: NDArray[np.float64]) -> csr_matrix:
    scaled = csr_matrix(diags_array(left) @ matrix @ diags_array(right), dtype=np.float32)
    scaled.sort_indices()
    return scaled


class Propagation:
    """x -> A x for a fixed sparse A (rows, columns); x is (columns, d). Differentiable in x, on CPU or GPU."""

    def __init__(self, forward: torch.Tensor, transpose: torch.Tensor) -> None:
        self.matrix = forward
        self.transpose = transpose

    @classmethod
    def of(cls, matrix: csr_matrix, *, symmetric: bool = False, device: str | torch.device = "cpu") -> Propagation:
        """From SciPy. `symmetric` promises A = A^T, which halves the memory."""
        forward = csr_tensor(matrix).to(device)
        return cls(forward, forward if symmetric else csr_tensor(csr_matrix(matrix.T)).to(device))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = _Product.apply(x, self.matrix, self.transpose)
        return product


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: torch.Tensor, matrix: torch.Tensor, transpose: torch.Tensor) -> torch.Tensor:
        ctx.transpose = transpose  # type: ignore[attr-defined]
        with full_precision(x.device):  # there is no sparse product in 16 bits
            return matrix @ widened(x)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return ctx.transpose @ gradient.contiguous(), None, None  # type: ignore[attr-defined]


def csr_tensor(matrix: csr_matrix) -> torch.Tensor:
    """A float32 torch CSR tensor; int32 indices where they suffice (a tenth faster through MKL)."""
    matrix = csr_matrix(matrix, dtype=np.float32)
    matrix.sort_indices()
    kind = np.int32 if max(matrix.nnz, *matrix.shape) < np.iinfo(np.int32).max else np.int64
    rows, columns, values = map(
        torch.from_numpy, (matrix.indptr.astype(kind), matrix.indices.astype(kind), matrix.data)
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta", category=UserWarning)
        return torch.sparse_csr_tensor(rows, columns, values, size=matrix.shape, check_invariants=False)
