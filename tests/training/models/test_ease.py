"""EASE against the paper's formula in NumPy, and its co-occurrence counts."""

from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.models.small import everybody, newcomers, small_data
from training.models.ease import EASE, EASEConfig, co_occurrence


@pytest.mark.parametrize("regularization", [0.5, 20.0])
@pytest.mark.parametrize("num_items", [3, 25, 150])
def test_equals_the_formula(num_items, regularization):
    data = small_data(num_users=60, num_items=max(8, num_items))
    X = data.matrix.toarray().astype(np.float64)
    P = np.linalg.inv(X.T @ X + regularization * np.eye(X.shape[1]))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    model = EASE(EASEConfig(regularization)).fit(data)
    assert np.allclose(model.weights, B, atol=2e-5)
    assert np.allclose(model.score(everybody(data)), X @ B, atol=2e-4)


def test_co_occurrence_fills_the_upper_triangle():
    matrix = small_data().matrix
    assert np.array_equal(co_occurrence(matrix), np.triu((matrix.T @ matrix).toarray()))


def test_a_newcomer_is_scored_by_history_alone():
    data = small_data()
    model = EASE().fit(data)
    assert np.array_equal(model.score(newcomers(data, [4, 1])), model.score(everybody(data))[[4, 1]])


@pytest.mark.parametrize("regularization", [-10.0, float("nan")])
def test_a_matrix_that_cannot_be_factored_is_named(regularization):
    with pytest.raises(InvalidData, match="regularization"):
        EASE(EASEConfig(regularization)).fit(small_data())
