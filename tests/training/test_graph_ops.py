"""Normalisation and products against dense arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from training.graph_ops import Propagation, bipartite, csr_tensor, row_normalised, symmetric_normalised


@pytest.fixture
def matrix() -> csr_matrix:
    dense = np.random.default_rng(0).random((7, 5)) < 0.4
    dense[3] = False  # a user without items
    return csr_matrix(dense.astype(np.float32))


def test_bipartite_places_users_first(matrix: csr_matrix) -> None:
    dense = bipartite(matrix).toarray()
    assert np.array_equal(dense[:7, 7:], matrix.toarray())
    assert np.array_equal(dense, dense.T)
    assert not dense[:7, :7].any()
    assert not dense[7:, 7:].any()


def test_symmetric_normalisation_is_the_formula(matrix: csr_matrix) -> None:
    adjacency = bipartite(matrix)
    dense, degrees = adjacency.toarray(), adjacency.toarray().sum(1)
    expected = np.zeros_like(dense)
    for row, column in zip(*dense.nonzero(), strict=True):
        expected[row, column] = dense[row, column] / np.sqrt(degrees[row] * degrees[column])
    assert np.allclose(symmetric_normalised(adjacency).toarray(), expected)


def test_row_normalised_rows_sum_to_one_or_are_empty(matrix: csr_matrix) -> None:
    sums = row_normalised(matrix).toarray().sum(1)
    assert np.allclose(sums, matrix.toarray().any(1))
    assert sums[3] == 0


@pytest.mark.parametrize("symmetric", [True, False])
def test_product_and_gradient_are_the_dense_ones(matrix: csr_matrix, symmetric: bool) -> None:
    sparse = symmetric_normalised(bipartite(matrix)) if symmetric else matrix
    x = torch.randn(sparse.shape[1], 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weights = torch.randn(sparse.shape[0], 3, generator=torch.Generator().manual_seed(1))
    product = Propagation.of(sparse, symmetric=symmetric)(x)
    (product * weights).sum().backward()
    dense = torch.from_numpy(sparse.toarray())
    assert torch.allclose(product, dense @ x, atol=1e-6)
    assert x.grad is not None
    assert torch.allclose(x.grad, dense.T @ weights, atol=1e-6)


def test_symmetric_product_keeps_one_matrix(matrix: csr_matrix) -> None:
    propagation = Propagation.of(symmetric_normalised(bipartite(matrix)), symmetric=True)
    assert propagation.matrix is propagation.transpose


def test_indices_are_narrow(matrix: csr_matrix) -> None:
    assert csr_tensor(matrix).col_indices().dtype == torch.int32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_product_on_gpu_is_the_one_on_cpu(matrix: csr_matrix) -> None:
    x = torch.randn(5, 3)
    assert torch.allclose(Propagation.of(matrix, device="cuda")(x.cuda()).cpu(), Propagation.of(matrix)(x), atol=1e-6)
