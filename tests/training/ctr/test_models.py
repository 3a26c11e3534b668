"""Click models: crosses that a linear model cannot learn, determinism, early stopping, files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from graph.errors import InvalidData, NotFound
from tests.training.ctr.planted_clicks import crossed, planted_clicks, thirds
from training.ctr.auto import with_overrides
from training.ctr.calibrate import Calibration
from training.ctr.features import make_features
from training.ctr.fit import FitConfig
from training.ctr.metrics import auc
from training.ctr.models import DEFAULTS, find_click_model, fit_click_model, load_click_model
from training.ctr.networks import NETWORKS, NetworkConfig
from training.split import TEST, TRAIN, VALIDATION

SMALL = NetworkConfig(embedding_size=8, layers=(16,), rank=8, dropout=0.0, embedding_dropout=0.0)
QUICK = FitConfig(epochs=30, batch_size=256, learning_rate=0.01, decay=0.0, weight_decay=0.0, patience=20)


def small(name, **settings):
    return replace(DEFAULTS[name], network=SMALL, fit=replace(QUICK, **settings))


@pytest.fixture(scope="module")
def data():
    features = crossed()
    return features, thirds(len(features))


@pytest.mark.parametrize(("name", "low", "high"), [("lr", 0.4, 0.6), ("deepfm", 0.87, 1.0), ("dcn-v2", 0.87, 1.0)])
def test_crosses_are_learned_by_all_but_the_linear_model(data, name, low, high):
    features, (train, validation, test) = data
    model = fit_click_model(small(name), features, train, validation)
    assert low < auc(features.label[test], model.probabilities(features, test)) < high


def test_the_crosses_alone_learn_them(data):
    """Without an MLP to lean on, the cross layers and the factorisation machine still do."""
    features, (train, validation, test) = data
    for name in ("deepfm", "dcn-v2"):
        model = fit_click_model(small(name), features, train, validation)
        with torch.no_grad():
            model.network.out.weight[:, -SMALL.layers[-1] :] = 0.0
        assert auc(features.label[test], model.logits(features, test)) > 0.6, name


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_same_seed_gives_the_same_model(data, name):
    features, (train, validation, test) = data
    network = replace(SMALL, dropout=0.5, embedding_dropout=0.5)
    config = replace(small(name), network=network)
    one, two, other = (
        fit_click_model(replace(config, fit=replace(QUICK, epochs=2, seed=seed)), features, train, validation)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.logits(features, test), two.logits(features, test))
    assert (one.logits(features, test) != other.logits(features, test)).any()


def test_the_best_epoch_is_kept(data):
    """A rate so high that it gets worse: what is kept is what was best."""
    features, (train, validation, _test) = data
    model = fit_click_model(small("dcn-v2", learning_rate=0.05, epochs=12), features, train, validation)
    given = model.probabilities(features, validation)
    loss = -np.log(np.where(features.label[validation] > 0, given, 1 - given)).mean()
    assert loss == pytest.approx(model.fit.log_loss, abs=1e-4)
    assert model.fit.best_epoch <= model.fit.epochs


def test_no_time_means_one_interval(data):
    features, (train, validation, _test) = data
    model = fit_click_model(small("lr", max_seconds=0.0), features, train, validation)
    assert model.fit.epochs == 1 / model.config.fit.evaluations


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_saved_model_scores_the_same(tmp_path, name):
    clicks = planted_clicks(rows=800)
    features = make_features(clicks)
    rows = [clicks.positions(part) for part in (TRAIN, VALIDATION, TEST)]
    model = fit_click_model(small(name, epochs=2), features, *rows[:2]).calibrated(Calibration("platt", (0.5, 0.1)))
    model.save(tmp_path)
    again = load_click_model(tmp_path)
    assert again.config == model.config
    np.testing.assert_array_equal(again.probabilities(features, rows[2]), model.probabilities(features, rows[2]))


def test_what_is_not_a_model_is_refused(tmp_path, data):
    features, (train, validation, _test) = data
    with pytest.raises(NotFound, match="no click model in"):
        load_click_model(tmp_path)
    model = fit_click_model(small("lr", epochs=1), features, train, validation)
    model.save(tmp_path)
    card = json.loads((tmp_path / "model.json").read_text())
    card["shape"]["table_size"] += 1
    (tmp_path / "model.json").write_text(json.dumps(card))
    with pytest.raises(InvalidData, match="cannot be read"):
        load_click_model(tmp_path)
    with pytest.raises(NotFound, match="no click model 'xdeepfm'"):
        find_click_model("xdeepfm")
    with pytest.raises(InvalidData, match="features of"):
        model.logits(replace(features, sizes=(4, 4, 1)), validation)


def test_settings_by_name():
    config = with_overrides(DEFAULTS["dcn-v2"], {"rank": 4, "layers": [8, 8], "learning_rate": 0.1})
    assert (config.network.rank, config.network.layers, config.fit.learning_rate) == (4, (8, 8), 0.1)
    with pytest.raises(InvalidData, match="no setting 'width'"):
        with_overrides(DEFAULTS["lr"], {"width": 1})


def test_bags_are_read_by_item():
    """A network that sees nothing but the bag tells genres apart."""
    clicks = planted_clicks()
    features = make_features(clicks)
    even = clicks.rows.item % 2 == 0
    of_bag = replace(
        features,
        label=even.astype(np.float32),
        values=np.zeros_like(features.values),
        dense=np.zeros_like(features.dense),
    )
    train, validation, test = (clicks.positions(part) for part in (TRAIN, VALIDATION, TEST))
    model = fit_click_model(small("lr"), of_bag, train, validation)
    assert auc(of_bag.label[test], model.logits(of_bag, test)) == 1.0
