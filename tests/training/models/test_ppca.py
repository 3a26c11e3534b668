"""Factor analysis against the Gaussian it states: conditioned on everything, and on what a newcomer was shown alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.models.small import everybody, histories_of, small_data
from training.data import IMPRESSED, UNKNOWN, Feedback, UserBatch
from training.models.ppca import PPCA, PPCAConfig

DATA = small_data()
MODEL = PPCA(PPCAConfig(6, 0.7)).fit(DATA)


def conditioned(row, shown):
    """The mean of what nobody showed, given `row` (items,) at `shown`: the textbook formula, in the space of items."""
    share, vectors, weight = (one.astype(np.float64) for one in MODEL.answers.arrays)
    told = [item for item in shown if weight[item] > 0]
    inner = vectors[told] @ vectors[told].T + np.diag(1 / weight[told])
    return share + vectors @ vectors[told].T @ np.linalg.solve(inner, row[told] - share[told])


def newcomer(chosen, left):
    said = Feedback(np.array([0, len(left)]), np.array(left, np.int32), np.full(len(left), IMPRESSED, np.int8),
                    np.full(len(left), np.nan, np.float32))  # fmt: skip
    return UserBatch(np.array([UNKNOWN]), replace(histories_of([chosen], DATA.num_items), said=said))


def test_the_directions_and_own_variances_are_the_datas():
    active = DATA.matrix[np.diff(DATA.matrix.indptr) > 0].toarray().astype(np.float64)
    whole = PPCA(PPCAConfig(len(active) - 1)).fit(DATA).answers
    covariance = np.cov(active.T, bias=True)
    assert np.allclose(whole.share, active.mean(0), atol=1e-6)
    assert np.allclose(whole.vectors @ whole.vectors.T, covariance, atol=1e-5)
    assert not whole.weight[7], "nobody met it: an answer says nothing"


def test_whose_whole_history_is_known_has_met_nothing_else():
    scores = MODEL.score(everybody(DATA))
    for user in (0, 5, 11):
        wanted = conditioned(DATA.matrix[user].toarray()[0].astype(np.float64), range(DATA.num_items))
        assert np.allclose(scores[user], wanted, atol=1e-4)


def test_of_a_newcomer_only_what_was_shown_counts():
    row = np.zeros(DATA.num_items)
    row[[2, 4]] = 1
    found = MODEL.score(newcomer([2, 4], [1, 9, 7]))[0]
    others = [item for item in range(DATA.num_items) if item not in {1, 2, 4, 7, 9}]
    assert np.allclose(found[others], conditioned(row, [1, 2, 4, 7, 9])[others], atol=1e-5)
    assert np.allclose(found[9], conditioned(row, [1, 2, 4])[9], atol=1e-5), "by the other answers: it may be met yet"
    unasked = MODEL.score(newcomer([2, 4], []))[0]
    assert np.allclose(unasked, conditioned(row, range(DATA.num_items)), atol=1e-4), "asked nothing: as everybody else"


def test_leaving_what_one_group_likes_speaks_for_the_other():
    even = MODEL.score(newcomer([2], [1, 3, 9]))[0]
    alone = MODEL.score(newcomer([2], []))[0]
    same = np.arange(DATA.num_items) % 2 == 0
    assert (even - alone)[same].mean() > (even - alone)[~same].mean()


def test_a_variance_of_nothing_is_refused():
    with pytest.raises(InvalidData, match="regularization 0"):
        PPCAConfig(regularization=0)
