"""The profile model against its formula, for known people, newcomers with a profile and those without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.models.small import everybody, histories_of, small_data
from training.data import UNKNOWN, UserBatch
from training.models.profile import Profile, ProfileConfig


def formula(data, regularization):
    P, R = data.side.profiles.toarray().astype(np.float64), data.matrix.toarray().astype(np.float64)
    known = R.sum(1) > 0
    mean = R[known].mean(0)
    W = np.linalg.inv(P[known].T @ P[known] + regularization * np.eye(P.shape[1])) @ P[known].T @ (R[known] - mean)
    return mean + P @ W, mean


def test_equals_the_formula():
    data = small_data()
    wanted, _ = formula(data, 7.0)
    model = Profile(ProfileConfig(7.0)).fit(data)
    assert np.allclose(model.score(everybody(data)), wanted, atol=1e-5)


def test_a_newcomer_is_known_by_the_profile_alone():
    data = small_data()
    wanted, mean = formula(data, 7.0)
    model = Profile(ProfileConfig(7.0)).fit(data)
    nothing = histories_of([[], []], data.num_items)
    batch = UserBatch(np.full(2, UNKNOWN), nothing, np.array([2, 3]))
    assert np.allclose(model.score(batch), wanted[[2, 3]], atol=1e-5)
    clicked = UserBatch(np.array([UNKNOWN]), histories_of([[1, 4]], data.num_items))
    assert np.allclose(model.score(clicked)[0], mean, atol=1e-5), "without a profile it is popularity"


def test_without_profiles_it_says_so():
    data = small_data()
    with pytest.raises(InvalidData, match="without profiles"):
        Profile().fit(replace(data, side=data.side.without("profiles")))
    with pytest.raises(InvalidData, match="above 0"):
        ProfileConfig(0.0)
