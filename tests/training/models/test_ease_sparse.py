"""Sparse EASE against EASE's own solution, restricted item by item to the neighbours, in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.models.planted_graph import ITEMS, ndcg, planted, popularity_ndcg
from tests.training.models.small import small_data
from training.models.ease import EASE, EASEConfig
from training.models.ease_sparse import SparseEASE, SparseEASEConfig


def test_with_all_neighbours_it_is_ease():
    """Where every pair of items has met; EASE also has weights for pairs that never did."""
    data = small_data(num_users=400, num_items=20)
    ease, sparse = EASE(EASEConfig(20.0)).fit(data), SparseEASE(SparseEASEConfig(20.0)).fit(data)
    assert np.allclose(sparse.weights.toarray(), ease.weights, atol=1e-5)


@pytest.mark.parametrize("neighbours", [1, 4, 15])
def test_each_item_is_a_ridge_regression_on_its_nearest(neighbours):
    data = small_data(num_users=90, num_items=40)
    X = data.matrix.toarray().astype(np.float64)
    C = X.T @ X
    found = SparseEASE(SparseEASEConfig(5.0, neighbours)).fit(data).weights.toarray()
    cosine = C / np.maximum(np.sqrt(np.outer(np.diag(C), np.diag(C))), 1e-12)
    for item in range(len(C)):
        near = np.flatnonzero(found[:, item])
        others = np.delete(cosine[:, item], item)
        assert item not in near
        assert np.allclose(np.sort(cosine[near, item]), np.sort(others[others > 0])[-neighbours:], atol=1e-6)
        expected = np.linalg.solve(C[np.ix_(near, near)] + 5.0 * np.eye(len(near)), C[near, item])
        assert np.allclose(found[near, item], expected, atol=1e-5)


def test_an_item_nobody_knows_has_no_weights():
    weights = SparseEASE().fit(small_data()).weights.toarray()
    assert not weights[7].any()
    assert not weights[:, 7].any()


def test_it_ranks_as_ease_from_a_quarter_of_the_items():
    world = planted()
    ease, sparse = (
        EASE(EASEConfig(20.0)).fit(world.data),
        SparseEASE(SparseEASEConfig(20.0, ITEMS // 4)).fit(world.data),
    )
    assert ndcg(sparse, world.test) > 0.98 * ndcg(ease, world.test) > 1.5 * popularity_ndcg(world)


@pytest.mark.parametrize("regularization", [0.0, -10.0, float("nan")])
def test_a_system_that_cannot_be_solved_is_named(regularization):
    with pytest.raises(InvalidData, match="regularization"):
        SparseEASE(SparseEASEConfig(regularization)).fit(small_data())
