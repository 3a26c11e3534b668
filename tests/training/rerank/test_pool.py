"""Candidates are the first stage's, their lists measured as the evaluator does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.rerank.pools import Given, planted_pool
from training.evaluate import evaluate
from training.rerank.pool import make_pool, within


@pytest.fixture(scope="module")
def pool():
    return planted_pool()[0]


@pytest.fixture(scope="module")
def whole(pool):
    rng = np.random.default_rng(3)
    scores = np.round(rng.normal(size=(200, 80)), 1)  # many ties
    return Given("whole", scores), Given("other", scores[:, ::-1])


def test_the_first_stages_own_order_is_what_the_evaluator_ranks(pool, whole):
    made = make_pool(whole[0], whole, pool.held_out, 20)
    found = evaluate(whole[0], pool.held_out, ks=(10,))
    lists = made.ordered(made.scores)
    assert (made.measure(lists)["ndcg@10"] == found.per_user["ndcg@10"]).all()
    assert (made.items[:, :10] == found.ranking).all()


def test_scores_are_standardised_over_the_catalogue(pool, whole):
    made = make_pool(whole[0], whole, pool.held_out, 20)
    scores = whole[1].scores[pool.held_out.users]
    wanted = (scores - scores.mean(1, keepdims=True)) / scores.std(1, keepdims=True)
    assert made.members[:, :, 1] == pytest.approx(np.take_along_axis(wanted, made.items, 1), abs=1e-4)
    assert made.members[:, :, 0] == pytest.approx(made.scores)


def test_what_was_seen_is_no_candidate_and_relevant_ones_are_marked(pool):
    seen, relevant = pool.held_out.excluded.toarray(), pool.held_out.relevant.toarray()
    rows = np.arange(len(pool))[:, None]
    assert not seen[rows, pool.items].any()
    assert (relevant[rows, pool.items] > 0).tolist() == pool.relevant.tolist()


def test_ties_count_against_the_relevant(pool):
    lists = pool.ordered(np.zeros(pool.items.shape), k=pool.items.shape[1])
    position = (lists[:, :, None] == pool.items[:, None, :]).argmax(1)
    for row in range(len(pool)):
        flags = pool.relevant[row]
        if flags.any() and not flags.all():
            assert position[row][flags].min() > position[row][~flags].max()


def test_a_mix_of_weight_zero_is_the_first_stage_and_of_one_the_other(pool):
    other = pool.members[:, :, 1]
    assert (pool.ordered(pool.mixed(other, 0.0)) == pool.ordered(pool.scores)).all()
    assert (pool.ordered(pool.mixed(other, 1.0)) == pool.ordered(other)).all()


def test_the_weight_is_that_with_the_best_lists(pool):
    truth = pool.relevant.astype(float)
    assert pool.best_weight(truth) > 0
    assert pool.ndcg(pool.ordered(pool.mixed(truth, pool.best_weight(truth)))) > pool.ndcg(pool.ordered(pool.scores))
    assert pool.best_weight(-truth) == 0.0


def test_standardising_leaves_missing_candidates_out():
    there = np.array([[True, True, False], [False, False, False]])
    found = within(np.array([[1.0, 3.0, 99.0], [5.0, 5.0, 5.0]]), there)
    assert found.tolist() == [[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
