"""The blend's weights: measured on candidates as on the whole catalogue, useless members left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from training.blend import Blend, BlendConfig, MemberConfig
from training.data import HeldOut, Histories
from training.evaluate import evaluate
from training.stacking import IDLE, Candidates, candidates, greedy, learn, left_out, without_idle

USERS, ITEMS = 80, 400


class Given:
    """A model whose scores are a given matrix."""

    def __init__(self, scores):
        self.name, self.scores = "given", scores.astype(np.float32)

    def score(self, users):
        return self.scores[users.index]


@pytest.fixture(scope="module")
def held_out():
    rng = np.random.default_rng(1)
    relevant = csr_matrix((rng.random((USERS, ITEMS)) < 0.01).astype(np.float32))
    excluded = csr_matrix(((rng.random((USERS, ITEMS)) < 0.05) & (relevant.toarray() == 0)).astype(np.float32))
    empty = Histories(np.zeros(USERS + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.int64), ITEMS)
    has = np.flatnonzero(np.diff(relevant.indptr))
    return HeldOut(np.arange(USERS), relevant, excluded, empty).take(has)


@pytest.fixture(scope="module")
def models(held_out):
    """Two that know something, each something else, and one that knows nothing."""
    rng = np.random.default_rng(2)
    truth = np.zeros((USERS, ITEMS))
    truth[held_out.users] = held_out.relevant.toarray()
    return [Given(truth * 2 + rng.normal(size=truth.shape)) for _ in range(2)] + [Given(rng.normal(size=truth.shape))]


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.4, 0.3, 0.3)])
def test_ndcg_of_the_candidates_is_that_of_the_whole_ranking(held_out, models, weights):
    """Fifty of each member hold the top ten of the sum but where chance is against it."""
    held = candidates(models, held_out)
    members = tuple(MemberConfig("popularity", weight) for weight in weights)
    whole = evaluate(Blend(BlendConfig(members), models), held_out, ks=(10,)).per_user["ndcg@10"]
    found = held.ndcg(np.array(weights))
    assert (np.abs(found - whole) < 1e-6).mean() > 0.95
    assert found.mean() == pytest.approx(whole.mean(), abs=0.01)


def test_what_may_not_be_ranked_is_no_candidate(held_out, models):
    few = csr_matrix((np.arange(ITEMS) < 30).astype(np.float32)[None].repeat(len(held_out), 0)) + held_out.relevant
    narrow = replace(held_out, candidates=few)
    lengths = np.diff(candidates(models, narrow).indptr)
    allowed = (few.toarray() > 0) & (held_out.excluded.toarray() == 0)
    assert (lengths == allowed.sum(1)).all()


def test_a_useless_member_gets_no_weight(held_out, models):
    weights = learn(candidates(models, held_out))
    assert weights.sum() == pytest.approx(1.0)
    assert weights[2] < 0.05
    assert weights[:2].min() > 0.25


def test_members_that_are_not_missed_go_and_others_stay(held_out, models):
    held = candidates([*models[:2], models[0]], held_out)
    given = np.array([0.4, 0.4, 0.2])
    weights = without_idle(held, given)
    assert np.count_nonzero(weights) == 2, "the same member twice is one too many"
    assert weights[1] > 0
    assert weights.sum() == pytest.approx(1.0)
    before, after = (
        held.quality(held.scores @ part.astype(np.float32)) for part in (np.array([0.4, 0.4, 0.2]), weights)
    )
    assert after >= (1 - IDLE) * before
    for member in np.flatnonzero(weights):
        rest = np.where(np.arange(3) == member, 0.0, weights).astype(np.float32)
        assert held.quality(held.scores @ rest) < (1 - IDLE) * before


def test_a_blend_of_one_stays_as_it_is(held_out, models):
    assert without_idle(candidates(models, held_out), np.array([0.0, 1.0, 0.0])).tolist() == [0.0, 1.0, 0.0]


def test_the_weights_are_better_than_any_member_on_other_users(held_out, models):
    held = candidates(models, held_out)
    half = np.arange(len(held)) < len(held) // 2
    weights = learn(held.take(np.flatnonzero(half)))
    rest = held.take(np.flatnonzero(~half))
    assert rest.ndcg(weights).mean() > max(rest.ndcg(one).mean() for one in np.eye(3))


def test_ties_count_against_the_relevant():
    scores = np.array([[1.0], [1.0], [0.0]], np.float32)
    held = Candidates(scores, np.array([True, False, False]), np.array([0, 3]), np.array([1]), np.array([0]))
    assert held.ndcg(np.array([1.0])) == pytest.approx([1 / np.log2(3)])


def test_the_quality_that_selection_asks_for_is_the_mean_of_both_measures(held_out, models):
    held = candidates(models, held_out)
    first, second = (np.ascontiguousarray(held.scores[:, member]) for member in (0, 1))
    wanted = 0.5 * held.ndcg_of(first + second, 10).mean() + 0.5 * held.ndcg_of(first + second, 1 << 30).mean()
    assert held.quality(first, second) == pytest.approx(wanted, abs=1e-12)
    assert held.quality(first + second) == pytest.approx(wanted, abs=1e-12)


def test_too_many_users_are_sampled_by_seed(held_out, models):
    some = candidates(models, held_out, most=20 * 3 * 150, seed=3)
    assert len(some) == 20
    assert (candidates(models, held_out, most=20 * 3 * 150, seed=3).users == some.users).all()


def test_what_a_member_brings_is_a_paired_comparison(held_out, models):
    held = candidates(models, held_out)
    found = left_out(held, np.array([0.5, 0.5, 0.0]), ["first", "second", "third"])
    assert set(found) == {"first", "second"}
    assert all(one.better for one in found.values())
    assert left_out(held, np.array([1.0, 0.0, 0.0]), ["first", "second", "third"]) == {}


def test_members_of_one_group_are_left_out_together(held_out, models):
    held = candidates(models, held_out)
    weights = np.array([0.4, 0.4, 0.2])
    found = left_out(held, weights, ["twins", "twins", "third"])
    assert set(found) == {"twins", "third"}
    alone = held.ndcg(np.array([0.0, 0.0, 1.0]))
    assert found["twins"].difference == pytest.approx((held.ndcg(weights) - alone).mean())
    assert left_out(held, weights, ["one", "one", "one"]) == {}


def test_greedy_takes_the_only_useful_member(held_out, models):
    held = candidates([models[2], models[0]], held_out)
    assert greedy(held)[1] > 0.8
