"""The graph filter against the paper's formula with a full decomposition in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.models.small import everybody, newcomers, small_data
from training.models.graph_filter import GraphFilter, GraphFilterConfig


@pytest.mark.parametrize(("power", "rank", "low_pass"), [(0.5, 3, 0.3), (0.3, 5, 1.0), (0.0, 1, 2.0), (0.5, 4, 0.0)])
def test_equals_the_formula(power: float, rank: int, low_pass: float) -> None:
    data = small_data(num_users=60, num_items=25)
    X = data.matrix.toarray().astype(np.float64)
    by_user = np.maximum(X.sum(1), 1) ** -0.5
    by_item = np.maximum(X.sum(0), 1)
    R = by_user[:, None] * X * by_item**-power
    V = np.linalg.svd(R)[2][:rank].T
    W = by_item[:, None] ** -power * (R.T @ R + low_pass * V @ V.T) * by_item**power
    model = GraphFilter(GraphFilterConfig(power, rank, low_pass)).fit(data)
    assert np.allclose(model.weights, W, atol=1e-4)
    assert np.allclose(model.score(everybody(data)), X @ W, atol=1e-3)


def test_a_rank_beyond_the_data_is_cut_and_the_same_data_gives_the_same_weights() -> None:
    data = small_data(num_users=20, num_items=8)
    first, again = (GraphFilter(GraphFilterConfig(rank=500)).fit(data) for _ in range(2))
    assert np.isfinite(first.weights).all()
    assert np.array_equal(first.weights, again.weights)


def test_a_newcomer_is_scored_by_history_alone() -> None:
    data = small_data()
    model = GraphFilter().fit(data)
    assert np.array_equal(model.score(newcomers(data, [4, 1])), model.score(everybody(data))[[4, 1]])


@pytest.mark.parametrize("setting", [{"item_power": -0.1}, {"rank": 0}, {"low_pass": -1.0}])
def test_settings_out_of_range_are_named(setting: dict[str, float]) -> None:
    with pytest.raises(InvalidData, match=next(iter(setting))):
        GraphFilterConfig(**setting)  # type: ignore[arg-type]
