"""Measures of probabilities beside scikit-learn's, and paired bootstraps that know what is true."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss as their_log_loss
from sklearn.metrics import roc_auc_score

from tests.training.ctr.planted_clicks import sigmoid
from training.ctr.metrics import auc, calibration_error, gauc, log_loss, measures, paired_bootstrap


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(0)
    logit = rng.normal(0.5, 1.5, 4000)
    label = (rng.random(4000) < sigmoid(logit)).astype(np.float32)
    return label, logit, rng.integers(0, 80, 4000)


def test_as_scikit_learn(planted):
    label, logit, _user = planted
    given = np.round(sigmoid(logit), 2)  # ties
    given = np.clip(given, 0.01, 0.99)
    assert auc(label, given) == pytest.approx(roc_auc_score(label, given))
    assert log_loss(label, given) == pytest.approx(their_log_loss(label, given))


def test_gauc_is_the_mean_over_users_weighted_by_their_rows(planted):
    label, logit, user = planted
    areas, weights = [], []
    for one in np.unique(user):
        mine = user == one
        if 0 < label[mine].sum() < mine.sum():
            areas.append(roc_auc_score(label[mine], logit[mine]))
            weights.append(mine.sum())
    assert gauc(label, logit, user) == pytest.approx(np.average(areas, weights=weights))
    assert gauc(label, logit + user * 10, user) == pytest.approx(gauc(label, logit, user))
    assert np.isnan(gauc(np.ones(3), np.zeros(3), np.arange(3)))


def test_calibration_error_as_scikit_learns_curve(planted):
    label, logit, _user = planted
    given = sigmoid(logit)
    true, predicted = calibration_curve(label, given, n_bins=20, strategy="quantile")
    assert calibration_error(label, given) == pytest.approx(np.abs(true - predicted).mean(), abs=2e-3)
    assert calibration_error(label, sigmoid(logit * 3)) > 3 * calibration_error(label, given)
    assert calibration_error(label, np.full(4000, label.mean(dtype=np.float64))) < 0.05


def test_what_is_reported(planted):
    label, logit, user = planted
    assert set(measures(label, sigmoid(logit), user)) == {"auc", "logloss", "gauc", "calibration_error"}


@pytest.mark.parametrize(("measure", "sign"), [("auc", 1), ("logloss", -1)])
def test_a_better_model_is_told_from_a_worse_and_not_from_itself(planted, measure, sign):
    label, logit, user = planted
    noisy = logit + np.random.default_rng(1).normal(0, 1.5, len(logit))
    good, bad = sigmoid(logit), sigmoid(noisy)
    found = paired_bootstrap(label, good, bad, user, measure=measure, rounds=200)
    assert sign * found.difference > 0
    assert sign * found.low > 0
    assert sign * found.high > 0
    assert found.p_value < 0.05
    one = {"auc": auc, "logloss": log_loss}[measure]
    assert found.difference == pytest.approx(one(label, good) - one(label, bad), abs=1e-9)
    same = paired_bootstrap(label, good, good, user, measure=measure, rounds=50)
    assert (same.difference, same.p_value) == (0.0, 1.0)


def test_users_are_resampled_whole():
    """One user with all that is different: rows alone would be sure of it, users are not."""
    label = np.tile([0.0, 1.0], 500)
    user = np.repeat(np.arange(10), 100)
    one, two = np.tile([0.4, 0.6], 500), np.tile([0.4, 0.6], 500)
    one[:100] = np.tile([0.1, 0.9], 50)
    found = paired_bootstrap(label, one, two, user, measure="logloss", rounds=300)
    assert found.high == 0.0
    assert found.p_value > 0.05
