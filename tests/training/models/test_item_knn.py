"""ItemKNN against a naive implementation of its equation."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.models.small import everybody, small_data
from training.models.item_knn import K1, B, ItemKNN, ItemKNNConfig


def naive_weights(X, config: ItemKNNConfig):
    lengths, items = X.sum(1), np.ones(X.shape[1])
    if config.weighting == "bm25":
        D = ((K1 + 1) / (K1 * (1 - B + B * lengths / lengths.mean()) + 1)) ** 2
        items = np.log1p(len(X) / np.maximum(1, X.sum(0)))
    else:
        D = np.maximum(1, lengths) ** -config.user_power
        D /= D.mean()
    c = (X * items).T @ (D[:, None] * (X * items))
    norms = np.maximum(np.diag(c), 1e-12)
    S = c / (np.outer(norms**config.alpha, norms ** (1 - config.alpha)) + config.shrinkage)
    np.fill_diagonal(S, 0)
    for candidate in range(len(S)):
        S[np.argsort(-S[:, candidate], kind="stable")[config.neighbours :], candidate] = 0
    return S


@pytest.mark.parametrize(
    "config",
    [
        ItemKNNConfig(neighbours=5),
        ItemKNNConfig(neighbours=1000, shrinkage=3.0, alpha=0.3, user_power=1.0),
        ItemKNNConfig(neighbours=4, shrinkage=2.0, alpha=0.5, user_power=0.0),
        ItemKNNConfig(neighbours=6, shrinkage=5.0, weighting="bm25"),
    ],
)
def test_equals_the_naive_implementation(config):
    data = small_data(num_users=70)
    X = data.matrix.toarray().astype(np.float64)
    model = ItemKNN(config).fit(data)
    found = model.weights.toarray()
    expected = naive_weights(X, config)
    # Equal similarities differ in their last float32 bit between the two, so which of a tie is kept may differ:
    # the kept values of each candidate are compared, and the matrix where nothing was cut.
    assert np.allclose(np.sort(found, 0), np.sort(expected, 0), atol=1e-5)
    if config.neighbours >= data.num_items:
        assert np.allclose(found, expected, atol=1e-5)
    assert np.allclose(model.score(everybody(data)), X @ found, atol=1e-4)


def test_an_item_nobody_knows_has_no_neighbours():
    weights = ItemKNN().fit(small_data()).weights.toarray()
    assert not weights[7].any()
    assert not weights[:, 7].any()
    assert not np.diag(weights).any()
