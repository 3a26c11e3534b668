"""BPR-MF takes the paper's steps, finds planted groups and folds newcomers in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tests.training.models.planted_graph import Planted, ndcg, planted, popularity_ndcg
from tests.training.models.small import histories_of, small_data
from training.data import UNKNOWN, TrainingData, UserBatch
from training.models.bpr import BPR, BPRConfig, _draw, _epoch, _triples

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
    users, items = rng.normal(size=(1, 3)).astype(np.float32), rng.normal(size=(2, 3)).astype(np.float32)
    bias = rng.normal(size=2).astype(np.float32)
    p, q, b = users[0].copy(), items.copy(), bias.copy()
    rate, ridge = np.float32(0.1), np.float32(0.3)
    triples = _triples(csr_matrix(np.array([[1, 0]], np.float32)))
    _draw(np.array([0, 1], np.int32), np.ones(1, np.float32), triples, 2, np.uint64(7))
    loss = _epoch(np.zeros(1, np.int64), triples, users, items, bias, rate, ridge)
    apart = p @ (q[0] - q[1]) + b[0] - b[1]
    pull = 1 / (1 + np.exp(apart))
    assert loss == pytest.approx(np.log1p(np.exp(-apart)), rel=1e-4)
    np.testing.assert_allclose(users[0], p + rate * (pull * (q[0] - q[1]) - ridge * p), rtol=1e-4)
    np.testing.assert_allclose(items[0], q[0] + rate * (pull * p - ridge * q[0]), rtol=1e-4)
    np.testing.assert_allclose(items[1], q[1] + rate * (-pull * p - ridge * q[1]), rtol=1e-4)
    np.testing.assert_allclose(bias, b + rate * (pull * np.array([1, -1]) - ridge * b), rtol=1e-4)


def test_what_is_drawn_was_not_met_and_is_drawn_evenly() -> None:
    """The last user met everything: nothing can be drawn against its pairs."""
    matrix = csr_matrix(np.array([[1, 0, 0, 1, 0], [0, 0, 1, 0, 0], [1, 1, 1, 1, 1]], np.float32))
    triples, seen = _triples(matrix), np.zeros((3, 5), int)
    for seed in range(1, 3001):
        _draw(matrix.indptr, matrix.data, triples, 5, np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64))
        np.add.at(seen, (triples[:, 0][triples[:, 2] >= 0], triples[:, 2][triples[:, 2] >= 0]), 1)
    assert not seen[matrix.toarray() > 0].any()
    assert not seen[2].any()
    np.testing.assert_allclose(seen[0, [1, 2, 4]], 2000, rtol=0.1)
    np.testing.assert_allclose(seen[1, [0, 1, 3, 4]], 750, rtol=0.15)


def test_a_pair_that_is_not_sure_is_learned_from_as_often_as_it_is_likely() -> None:
    matrix = csr_matrix(np.array([[1, 0, 0.25, 0], [0, 0.6, 0, 1]], np.float32))
    triples, learned = _triples(matrix), np.zeros(4)
    for seed in range(1, 4001):
        _draw(matrix.indptr, matrix.data, triples, 4, np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64))
        learned += triples[:, 2] >= 0
    np.testing.assert_allclose(learned / 4000, matrix.data, atol=0.03)


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
