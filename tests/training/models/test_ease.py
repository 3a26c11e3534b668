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


@pytest.mark.parametrize(("power", "dropout"), [(0.7, 0.0), (0.0, 0.4), (1.0, 0.25)])
def test_users_are_weighed_and_the_input_thinned(power: float, dropout: float) -> None:
    data = small_data(num_users=60, num_items=25)
    X = data.matrix.toarray().astype(np.float64)
    lengths = X.sum(1)
    weights = np.where(lengths > 0, np.maximum(lengths, 1) ** -power, 0)
    weights *= lengths.sum() / (weights @ lengths)
    G = X.T @ (weights[:, None] * X)
    P = np.linalg.inv(G + 20 * np.eye(25) + dropout / (1 - dropout) * np.diag(np.diag(G)))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    model = EASE(EASEConfig(20.0, user_power=power, dropout=dropout)).fit(data)
    assert np.allclose(model.weights, B, atol=2e-5)


@pytest.mark.parametrize("setting", [{"user_power": 1.5}, {"user_power": -0.1}, {"dropout": 1.0}, {"dropout": -1}])
def test_settings_out_of_range_are_named(setting: dict[str, float]) -> None:
    with pytest.raises(InvalidData, match=next(iter(setting))):
        EASEConfig(**setting)


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
