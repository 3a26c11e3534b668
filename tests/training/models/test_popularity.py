"""Popularity counts people, not events."""

from __future__ import annotations

from tests.training.models.small import everybody, histories_of, small_data
from training.data import TrainingData
from training.models.popularity import Popularity


def test_counts_each_person_once():
    side = small_data().side
    data = TrainingData(histories_of([[0, 1, 1, 1], [0], [2]], 4), side)
    scores = Popularity().fit(data).score(everybody(data))
    assert scores.tolist() == [[2.0, 1.0, 1.0, 0.0]] * 3
