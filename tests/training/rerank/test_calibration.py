"""Calibrated lists beside the plain greedy rule, and by the measure that the reports use."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from training.beyond import Categories, calibration
from training.rerank.calibration import SMOOTHING, calibrate, proportions
from training.rerank.diversity import unit_range

USERS, N, ITEMS, KINDS, K = 10, 14, 50, 4, 5


@pytest.fixture(scope="module")
def given():
    rng = np.random.default_rng(7)
    shares = (rng.random((ITEMS, KINDS)) < 0.4).astype(float)
    shares[:5] = 0.0
    total = shares.sum(1, keepdims=True)
    shares = csr_matrix(np.divide(shares, total, out=np.zeros_like(shares), where=total > 0))
    histories = csr_matrix((rng.random((USERS, ITEMS)) < 0.2).astype(np.float32))
    items = np.array([rng.choice(ITEMS, N, replace=False) for _ in range(USERS)], np.int32)
    scores = -np.sort(-rng.normal(size=(USERS, N)), axis=1).astype(np.float32)
    return scores, items, shares, histories


def divergence(p, rows):
    known = [row for row in rows if row.sum() > 0]
    q = np.mean(known, axis=0) if known else np.zeros(KINDS)
    mixed = (1 - SMOOTHING) * q + SMOOTHING * p
    return sum(a * np.log(a / b) for a, b in zip(p, mixed, strict=True) if a > 0)


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.8])
def test_each_step_takes_what_the_objective_gains_most_from(given, weight):
    scores, items, shares, histories = given
    wanted, dense, relevance = proportions(histories, shares), shares.toarray(), unit_range(scores, items)
    found = calibrate(scores, items, shares, wanted, weight=weight, k=K)
    for user in range(USERS):
        chosen: list[int] = []
        for _ in range(K):

            def worth(place, user=user, chosen=chosen):
                rows = dense[items[user, [*chosen, place]]]
                gain = relevance[user, [*chosen, place]].sum()
                return (1 - weight) * gain - weight * divergence(wanted[user], rows)

            chosen.append(max((place for place in range(N) if place not in chosen), key=worth))
        assert found[user].tolist() == items[user, chosen].tolist()


def test_lists_are_better_calibrated_by_the_measure_of_the_reports(given):
    scores, items, shares, histories = given
    categories = Categories("HAS_KIND", tuple("abcd"), shares)
    wanted = proportions(histories, shares)
    before, after = (
        np.nanmean(calibration(calibrate(scores, items, shares, wanted, weight=weight, k=K), histories, categories, K))
        for weight in (0.0, 0.9)
    )
    assert after < 0.5 * before


def test_a_user_without_a_known_history_keeps_the_order(given):
    scores, items, shares, _ = given
    found = calibrate(scores, items, shares, np.zeros((USERS, KINDS)), weight=0.9, k=K)
    assert (found == items[:, :K]).all()


def test_missing_candidates_are_never_listed(given):
    scores, items, shares, histories = given
    items = items.copy()
    items[0, 3:] = -1
    found = calibrate(scores, items, shares, proportions(histories, shares), weight=0.5, k=K)
    assert sorted(found[0][:3].tolist()) == sorted(items[0, :3].tolist())
    assert (found[0][3:] == -1).all()
    assert (found[1:] >= 0).all()


def test_proportions_are_means_over_known_items():
    shares = csr_matrix(np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 0.0]]))
    histories = csr_matrix(np.array([[1, 1, 1], [0, 0, 1]], np.float32))
    assert proportions(histories, shares).tolist() == [[0.75, 0.25], [0.0, 0.0]]


def test_proportions_of_other_users_are_refused(given):
    scores, items, shares, _ = given
    with pytest.raises(InvalidData, match="wanted proportions"):
        calibrate(scores, items, shares, np.zeros((1, KINDS)), weight=0.5)
