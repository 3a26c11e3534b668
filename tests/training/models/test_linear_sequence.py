"""The closed-form sequence model against its normal equations written out, and what it is for: order."""

from __future__ import annotations

import numpy as np

from graph.snapshot import Triples
from training.data import Histories, SideInformation, TrainingData, UserBatch
from training.models.linear_sequence import LinearSequence, LinearSequenceConfig, decayed

CONFIG = LinearSequenceConfig(history_decay=0.6, target_decay=0.4, regularization=2.0, last=3)


def _histories(rows, num_items) -> Histories:
    lengths = [len(row) for row in rows]
    items = np.array([item for row in rows for item in row], np.int32)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Histories(indptr, items, np.arange(len(items), dtype=np.int64), num_items)


def _data(rows, num_items) -> TrainingData:
    triples = Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32))
    return TrainingData(
        _histories(rows, num_items), SideInformation(num_items, (), triples, np.empty((0, 2), np.int32))
    )


def _direct(rows, n):
    X, Y = [], []
    for row in rows:
        for place in range(len(row) - 1):
            x, y = np.zeros(n), np.zeros(n)
            for age in reversed(range(min(CONFIG.last, place + 1))):
                x[row[place - age]] = CONFIG.history_decay**age
            for distance, item in enumerate(row[place + 1 : place + 11]):
                y[item] += CONFIG.target_decay**distance
            X.append(x)
            Y.append(y)
    X, Y = np.array(X), np.array(Y)
    return np.linalg.solve(X.T @ X + CONFIG.regularization * np.eye(n), X.T @ Y)


def test_weights_solve_the_normal_equations():
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 12, rng.integers(1, 15)).tolist() for _ in range(30)]
    model = LinearSequence(CONFIG).fit(_data(rows, 12))
    assert np.allclose(model.weights, _direct(rows, 12), atol=1e-4)


def test_it_learns_what_follows_what():
    rows = [[item % 10 for item in range(start, start + 6)] for start in range(10)] * 5
    model = LinearSequence(LinearSequenceConfig(regularization=1.0)).fit(_data(rows, 10))
    scores = model.score(UserBatch(np.array([-1]), _histories([[2, 3, 4]], 10)))
    assert scores.argmax() == 5


def test_a_repeat_weighs_as_its_newest_and_old_items_are_forgotten():
    found = decayed(_histories([[0, 1, 2, 1]], 4), 0.5, 3).toarray()
    assert found.tolist() == [[0.0, 1.0, 0.5, 0.0]]
