"""Knowledge paths: the loss is the formula, its gradient is right, what is informative weighs more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from graph.errors import InvalidData
from graph.snapshot import Triples
from tests.training.models.planted_graph import GROUPS, ITEMS, Planted, bare, ndcg, planted, popularity_ndcg
from tests.training.models.small import histories_of, small_data
from training.models.knowledge_paths import KnowledgePaths, KnowledgePathsConfig, left_out, problem
from training.paths import paths

NOISE = 2


@pytest.fixture(scope="module")
def world() -> Planted:
    """The planted groups, and a relation that has nothing to do with them."""
    world = planted()
    side = world.data.side
    head, noise = np.arange(ITEMS, dtype=np.int32), np.random.default_rng(1).integers(0, GROUPS, ITEMS)
    triples = Triples(
        np.concatenate([side.triples.head, head]),
        np.concatenate([side.triples.relation, np.full(ITEMS, NOISE, np.int16)]),
        np.concatenate([side.triples.tail, (side.num_nodes + noise).astype(np.int32)]),
    )
    names = (*side.relations, "COLOUR")
    side = replace(side, num_nodes=side.num_nodes + GROUPS, relations=names, triples=triples)
    return replace(world, data=replace(world.data, side=side))


@pytest.fixture(scope="module")
def fitted(world: Planted) -> KnowledgePaths:
    return KnowledgePaths().fit(world.data)


def test_ranks_warm_and_cold_items_by_what_the_paths_say(world, fitted):
    assert ndcg(fitted, world.test) > 1.5 * popularity_ndcg(world)
    assert ndcg(fitted, world.cold) > 0.5


def test_common_entities_count_as_rare_ones_do(monkeypatch):
    data = small_data()
    found = paths(data.side, data.num_items)
    weights = np.random.default_rng(0).random(len(found.kinds)).astype(np.float32)
    answers = []
    for least, common in ((0, 10_000), (10_000, 1), (2, 10_000)):  # all are common, none, some
        monkeypatch.setattr("training.models.knowledge_paths.LEAST_COMMON", least)
        monkeypatch.setattr("training.models.knowledge_paths.COMMON", common)
        answers.append(problem(data, found, 1.0, np.random.default_rng(7)).loss(weights, np.float32(0.4)))
    for loss, gradient in answers[1:]:
        assert loss == pytest.approx(answers[0][0], rel=1e-5)
        assert np.allclose(gradient, answers[0][1], atol=1e-5)


def test_a_relation_that_says_nothing_weighs_little(fitted):
    assert fitted.path_weights["COLOUR"] < 0.3 * fitted.path_weights["HAS_GENRE"]


@pytest.mark.parametrize("decay", [1.0, 0.6])
def test_the_loss_is_the_softmax_of_what_was_left_out(decay):
    data = small_data()
    found = paths(data.side, data.num_items)
    weights = np.random.default_rng(0).random(len(found.kinds)).astype(np.float32)
    loss, _ = problem(data, found, decay, np.random.default_rng(7)).loss(weights, np.float32(0.4))
    users, targets, before = left_out(data.histories, ordered=decay < 1, rng=np.random.default_rng(7))
    B, counts, seen = found.items.toarray(), np.asarray(data.matrix.sum(0)).ravel(), data.matrix.toarray() > 0
    expected = []
    for row, (user, target) in enumerate(zip(users, targets, strict=True)):
        items = before.items[before.indptr[row] : before.indptr[row + 1]].tolist()
        ages = {item: items[::-1].index(item) for item in items}
        profile = sum((decay**age * B[item] for item, age in ages.items()), np.zeros(B.shape[1]))
        scores = (profile * weights) @ B.T + 0.4 * np.log1p(counts - (np.arange(data.num_items) == target))
        free = ~seen[user] | (np.arange(data.num_items) == target)
        expected.append(-log_softmax(np.where(free, scores, -np.inf))[target])
    assert np.isclose(loss, np.mean(expected), atol=1e-5)


def test_the_gradient_is_that_of_the_loss():
    data = small_data()
    found = paths(data.side, data.num_items)
    asked = problem(data, found, 0.8, np.random.default_rng(0))
    weights = np.random.default_rng(0).random(len(found.kinds)).astype(np.float32)
    _, gradient = asked.loss(weights, np.float32(0.4))
    for place in range(len(weights)):
        step = np.zeros_like(weights)
        step[place] = 0.05
        up, down = (asked.loss(weights + sign * step, np.float32(0.4))[0] for sign in (1, -1))
        assert np.isclose((up - down) / 0.1, gradient[place], atol=2e-4)
    up, down = (asked.loss(weights, np.float32(0.4 + sign * 0.05))[0] for sign in (1, -1))
    assert np.isclose((up - down) / 0.1, gradient[-1], atol=2e-4)


def test_what_is_left_out_is_not_beside_it():
    histories = histories_of([[3, 1, 4, 1, 5], [2], [], [6, 7]], 8)
    for ordered in (True, False):
        users, targets, before = left_out(histories, ordered=ordered, rng=np.random.default_rng(0))
        assert set(users) == {0, 3}
        for row, (user, target) in enumerate(zip(users, targets, strict=True)):
            mine = histories.items[histories.indptr[user] : histories.indptr[user + 1]].tolist()
            beside = before.items[before.indptr[row] : before.indptr[row + 1]].tolist()
            end = len(mine) - 1 - row % 3 if ordered and user == 0 else len(mine)
            assert target in mine
            assert beside == [item for item in mine[:end] if item != target]


def test_without_triples_it_says_so(world):
    with pytest.raises(InvalidData, match="triples"):
        KnowledgePaths(KnowledgePathsConfig()).fit(bare(world.data))
