"""Popularity counts people, not events; by recency, the newest of them most."""

from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData
from graph.snapshot import NO_TIME
from tests.training.models.small import everybody, histories_of, small_data
from training.data import Histories, TrainingData
from training.models.popularity import Popularity, PopularityConfig


def test_counts_each_person_once():
    side = small_data().side
    data = TrainingData(histories_of([[0, 1, 1, 1], [0], [2]], 4), side)
    scores = Popularity().fit(data).score(everybody(data))
    assert scores.tolist() == [[2.0, 1.0, 1.0, 0.0]] * 3


def test_by_recency_a_pair_weighs_by_its_newest_time():
    times = np.array([0, 100, 50, 100], np.int64)
    histories = Histories(np.array([0, 3, 4]), np.array([0, 0, 1, 2], np.int32), times, 4)
    data = TrainingData(histories, small_data().side)
    model = Popularity(PopularityConfig(half_life=0.25)).fit(data)
    np.testing.assert_allclose(model.counts, [1.0, 2.0**-2, 1.0, 0.0])
    times[[0, 1]] = NO_TIME  # unknown: as the oldest that is known, 50
    model.fit(data)
    np.testing.assert_allclose(model.counts, [2.0**-4, 2.0**-4, 1.0, 0.0])


def test_without_times_recency_changes_nothing():
    histories = histories_of([[0, 1], [0], [2, 0]], 3)
    timeless = Histories(histories.indptr, histories.items, np.zeros(5, np.int64), 3)
    data = TrainingData(timeless, small_data().side)
    assert Popularity(PopularityConfig(0.1)).fit(data).counts.tolist() == [3.0, 1.0, 1.0]


def test_a_half_life_below_zero_is_refused():
    with pytest.raises(InvalidData, match=r"half_life -1\. Valid: 0"):
        PopularityConfig(-1.0)
