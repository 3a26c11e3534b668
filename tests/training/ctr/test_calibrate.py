"""Calibration mends what is planted wrong, and stacking finds what members are worth."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from tests.training.ctr.planted_clicks import sigmoid
from training.ctr.blend import brings, cross_fitted, fit_blend
from training.ctr.calibrate import WAYS, calibrate, fit_calibration, logistic
from training.ctr.metrics import auc, calibration_error, log_loss

ROWS = 6000


def planted(bend, seed=0):
    rng = np.random.default_rng(seed)
    logit = rng.normal(0.5, 1.5, ROWS)
    return bend(logit), (rng.random(ROWS) < sigmoid(logit)).astype(np.float32)


@pytest.mark.parametrize("way", ["platt", "beta", "isotonic"])
def test_too_sure_a_model_is_mended(way):
    logit, label = planted(lambda z: 2.5 * z + 1)
    half = slice(ROWS // 2, None)
    fitted = fit_calibration(way, logit[: ROWS // 2], label[: ROWS // 2])
    given = fitted(logit[half])
    assert calibration_error(label[half], sigmoid(logit[half])) > 0.08
    assert calibration_error(label[half], given) < 0.04
    assert auc(label[half], given) == pytest.approx(auc(label[half], logit[half]), abs=5e-3)
    assert np.isfinite(log_loss(label[half], given))


def test_no_way_turns_the_order():
    logit, label = planted(lambda z: z)
    for way in WAYS:
        given = fit_calibration(way, logit, label)(np.linspace(-8, 8, 500))
        assert (np.diff(given) >= -1e-12).all(), way
        assert (given > 0).all(), way
        assert (given < 1).all(), way


def test_what_needs_none_gets_none_and_what_is_bent_gets_steps():
    assert calibrate(*planted(lambda z: z))[0].way == "none"
    assert calibrate(*planted(lambda z: 2 * z + 1))[0].way in {"platt", "beta"}
    assert calibrate(*planted(lambda z: np.sign(z - 0.5) * np.abs(z - 0.5) ** 0.3))[0].way == "isotonic"


def test_isotonic_is_scikit_learns_but_for_its_ends():
    logit, label = planted(lambda z: z)
    ours = fit_calibration("isotonic", logit, label)(logit)
    theirs = IsotonicRegression().fit(logit, label).predict(logit)
    inside = (theirs > 0.02) & (theirs < 0.98)
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=1e-6)


def test_logistic_is_scikit_learns():
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(500, 3))
    label = (rng.random(500) < sigmoid(columns @ [1.0, -2.0, 0.5])).astype(np.float32)
    theirs = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10, max_iter=1000).fit(columns, label).coef_[0]
    np.testing.assert_allclose(logistic(columns, label, regularization=2.0), theirs, atol=1e-4)


@pytest.fixture(scope="module")
def members():
    rng = np.random.default_rng(0)
    one, two = rng.normal(0, 1.2, (2, ROWS))
    label = (rng.random(ROWS) < sigmoid(one + two)).astype(np.float32)
    return {"one": one, "two": two, "noise": rng.normal(0, 1, ROWS)}, label, rng.integers(0, 200, ROWS)


def test_members_are_weighed_by_what_they_know(members):
    logits, label, _user = members
    blend = fit_blend(logits, label)
    assert blend.weights["one"] == pytest.approx(1, abs=0.15)
    assert blend.weights["two"] == pytest.approx(1, abs=0.15)
    assert abs(blend.weights["noise"]) < 0.1
    assert auc(label, cross_fitted(logits, label)) > auc(label, logits["one"]) + 0.05


def test_leave_one_out_tells_who_brings(members):
    found = brings(*members)
    assert found["one"]["low"] > 0
    assert found["two"]["low"] > 0
    assert found["noise"]["low"] < 1e-4
    assert abs(found["noise"]["difference"]) < 1e-3


def test_the_same_member_twice_shares_the_weight(members):
    logits, label, _user = members
    blend = fit_blend({"a": logits["one"], "b": logits["one"]}, label)
    assert blend.weights["a"] == pytest.approx(blend.weights["b"])
