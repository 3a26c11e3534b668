"""BPR-MF takes the paper's steps, finds planted groups and folds newcomers in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.models.planted_graph import Planted, ndcg, planted, popularity_ndcg
from tests.training.models.small import histories_of, small_data
from training.data import UNKNOWN, TrainingData, UserBatch
from training.models.bpr import BPR, BPRConfig, _epoch, _holds

SMALL = BPRConfig(embedding_size=16, epochs=60)


@pytest.fixture(scope="module")
def world() -> Planted:
    return planted()


@pytest.fixture(scope="module")
def fitted(world: Planted) -> BPR:
    return BPR(SMALL).fit(world.data)


def test_learns_the_planted_groups(world: Planted, fitted: BPR) -> None:
    assert ndcg(fitted, world.test) > 1.5 * popularity_ndcg(world)


def test_a_step_is_the_papers() -> None:
    """One user who met item 0 of two: the negative can only be item 1."""
    rng = np.random.default_rng(1)
    users, items = rng.normal(size=(1, 4)).astype(np.float32), rng.normal(size=(2, 4)).astype(np.float32)
    users[:, 3] = 1.0
    p, q = users[0, :3].copy(), items.copy()
    rate, ridge = np.float32(0.1), np.float32(0.3)
    indptr, indices = np.array([0, 1], np.int32), np.array([0], np.int32)
    order, of_pair = np.zeros(1, np.int64), np.zeros(1, np.int32)
    loss = _epoch(order, of_pair, indptr, indices, users, items, rate, ridge, np.uint64(7))
    apart = p @ (q[0, :3] - q[1, :3]) + q[0, 3] - q[1, 3]
    pull = 1 / (1 + np.exp(apart))
    assert loss == pytest.approx(np.log1p(np.exp(-apart)), rel=1e-4)
    np.testing.assert_allclose(users[0, :3], p + rate * (pull * (q[0, :3] - q[1, :3]) - ridge * p), rtol=1e-4)
    np.testing.assert_allclose(items[0, :3], q[0, :3] + rate * (pull * p - ridge * q[0, :3]), rtol=1e-4)
    np.testing.assert_allclose(items[1, :3], q[1, :3] + rate * (-pull * p - ridge * q[1, :3]), rtol=1e-4)
    np.testing.assert_allclose(items[:, 3], q[:, 3] + rate * (pull * np.array([1, -1]) - ridge * q[:, 3]), rtol=1e-4)
    assert users[0, 3] == 1.0


def test_membership_is_that_of_a_set() -> None:
    rng = np.random.default_rng(3)
    for length in range(1, 40):
        mine = np.sort(rng.choice(60, length, replace=False)).astype(np.int32)
        indices = np.concatenate([[-5], mine, [99]]).astype(np.int32)
        assert [bool(_holds(indices, 1, 1 + length, item)) for item in range(60)] == [i in set(mine) for i in range(60)]


def test_a_newcomer_with_a_known_users_history_gets_its_taste(world: Planted, fitted: BPR) -> None:
    known = world.test.batch(slice(None))
    folded = fitted.score(UserBatch(np.full(len(known), UNKNOWN), known.histories))
    own = fitted.score(known)
    assert np.mean([np.corrcoef(own[row], folded[row])[0, 1] for row in range(len(known))]) > 0.8


def test_the_fold_in_is_the_least_squares_map(world: Planted, fitted: BPR) -> None:
    factors, matrix = fitted._factors, world.data.matrix
    assert factors is not None
    counts = np.diff(matrix.indptr)
    means = matrix @ factors.items / np.maximum(1, counts)[:, None]
    means[:, -1] = 1.0
    known = counts > 0
    best = np.linalg.lstsq(means[known].astype(np.float64), factors.users[known], rcond=None)[0]
    found = factors.fold(UserBatch(np.full(len(counts), UNKNOWN), world.data.histories))
    np.testing.assert_allclose(found[:, -1], known, atol=1e-5)
    error, least = (np.square(part[known] - factors.users[known]).sum() for part in (found, means @ best))
    assert least <= error < 1.05 * least


def test_a_user_who_met_everything_and_one_who_met_nothing_are_no_error() -> None:
    data = TrainingData(histories_of([[0, 1, 2], [], [1]], 3), small_data().side)
    scores = BPR(SMALL).fit(data).score(UserBatch(np.arange(3), data.histories))
    assert np.isfinite(scores).all()
    assert scores[1].argmax() == 1, "nothing is known of the second but what is popular"


def test_deterministic_by_seed(world: Planted) -> None:
    few = replace(SMALL, epochs=3)
    first, again, other = (BPR(config).fit(world.data).state() for config in (few, few, replace(few, seed=1)))
    assert np.array_equal(first["items"], again["items"])
    assert not np.array_equal(first["items"], other["items"])
