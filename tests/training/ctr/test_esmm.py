"""ESMM against conversion learned from clicks alone, where what is clicked is not what is shown."""

from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.ctr.planted_clicks import features_of, sigmoid, thirds
from training.ctr.esmm import fit_esmm, fit_naive
from training.ctr.fit import FitConfig
from training.ctr.models import ClickModelConfig
from training.ctr.networks import NetworkConfig


@pytest.fixture(scope="module")
def shop():
    """One click in twenty, mostly on what converts: a hidden interest drives both, of which a clicked row has more."""
    rng = np.random.default_rng(0)
    rows, kinds = 15_000, 30
    user, item = rng.integers(0, kinds, rows), rng.integers(0, kinds, rows)
    taste = rng.normal(0, 1, (2, kinds))
    click = rng.random(rows) < sigmoid(-2.5 + 1.2 * taste[0][user] + 1.2 * taste[1][item])
    of_conversion = sigmoid(-1.5 + taste[0][user] + taste[1][item])
    conversion = click & (rng.random(rows) < of_conversion)
    return features_of([user, item], [kinds, kinds], click), conversion.astype(np.float32), of_conversion


def test_it_beats_the_naive_model_over_all_impressions(shop):
    features, conversion, truth = shop
    train, validation, test = thirds(len(features))
    network = NetworkConfig(embedding_size=8, layers=(16,), dropout=0.0, embedding_dropout=0.0)
    fit = FitConfig(epochs=6, batch_size=1024, learning_rate=0.005)
    model = fit_esmm(features, conversion, train, validation, network=network, fit=fit)
    _click, given = model.probabilities(features, test)
    naive, _fit = fit_naive(features, conversion, train, validation, ClickModelConfig("deepfm", network, fit))
    errors = [np.abs(found - truth[test]).mean() for found in (given, naive[test])]
    assert errors[0] < errors[1]
    assert np.corrcoef(given, truth[test])[0, 1] > 0.8


def test_a_conversion_needs_a_click(shop):
    features, conversion, _truth = shop
    train, validation, _test = thirds(len(features))
    with pytest.raises(InvalidData, match="conversions without a click"):
        fit_esmm(features, np.ones_like(conversion), train, validation)
    with pytest.raises(InvalidData, match="none in train"):
        fit_esmm(features, np.zeros_like(conversion), train, validation)
