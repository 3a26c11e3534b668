"""iALS: its half step against a dense solve of the normal equations, its loss, and folding in."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.models.small import everybody, newcomers, small_data
from training.models.ials import IALS, IALSConfig

CONFIG = IALSConfig(embedding_size=6, epochs=4, regularization=0.2, unobserved_weight=0.15, frequency_power=0.7)


def direct(X, items, config: IALSConfig):
    vectors = np.zeros((len(X), items.shape[1]))
    for row, x in enumerate(X):
        if x.any():
            ridge = config.regularization * (x.sum() + config.unobserved_weight * len(items)) ** config.frequency_power
            left = config.unobserved_weight * items.T @ items + ridge * np.eye(items.shape[1])
            vectors[row] = np.linalg.solve(left + (items.T * x) @ items, items.T @ x)
    return vectors


def loss(X, users, items, config: IALSConfig):
    scores, a, nu = users @ items.T, config.unobserved_weight, config.frequency_power
    ridge = ((X.sum(1) + a * X.shape[1]) ** nu * (users**2).sum(1)).sum()
    ridge += ((X.sum(0) + a * X.shape[0]) ** nu * (items**2).sum(1)).sum()
    return (X * (1 - scores) ** 2).sum() + a * (scores**2).sum() + config.regularization * ridge


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_users_solve_their_normal_equations(power):
    data, config = small_data(), IALSConfig(embedding_size=6, epochs=4, unobserved_weight=0.15, frequency_power=power)
    model = IALS(config).fit(data)
    X = data.matrix.toarray().astype(np.float64)
    assert np.allclose(model.users, direct(X, model.items.astype(np.float64), config), atol=1e-4)
    assert np.abs(model.users).max() > 0.05


def test_folding_in_a_known_history_gives_the_users_own_scores():
    data = small_data()
    model = IALS(CONFIG).fit(data)
    assert np.allclose(model.score(newcomers(data, [9, 3, 0])), model.score(everybody(data))[[9, 3, 0]], atol=1e-4)


def test_a_batch_of_known_and_new_users_keeps_its_order():
    data = small_data()
    model = IALS(CONFIG).fit(data)
    batch = newcomers(data, [8, 2, 6])
    batch.index[1] = 2
    assert np.allclose(model.score(batch), model.score(everybody(data))[[8, 2, 6]], atol=1e-4)


def test_more_epochs_lower_the_loss():
    data = small_data()
    X = data.matrix.toarray()
    losses = []
    for epochs in (1, 3, 10):
        config = IALSConfig(embedding_size=6, epochs=epochs, regularization=0.1)
        model = IALS(config).fit(data)
        losses.append(loss(X, model.users, model.items, config))
    assert losses[0] > losses[1] > losses[2]


def test_the_monitor_hears_every_epoch():
    heard = []

    class Monitor:
        def epoch(self, number, total, metrics):
            heard.append((number, total, metrics))

    IALS(CONFIG).fit(small_data(), Monitor())
    assert heard == [(1, 4, {}), (2, 4, {}), (3, 4, {}), (4, 4, {})]
