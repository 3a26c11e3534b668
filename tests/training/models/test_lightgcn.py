"""LightGCN finds planted groups, folds newcomers in, and is the same again for a seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from graph.errors import Conflict
from tests.training.models.planted_graph import Planted, histories, ndcg, planted, popularity_ndcg
from training.data import UNKNOWN, TrainingData, UserBatch
from training.models.lightgcn import LightGCN, LightGCNConfig, LightGCNModule

SMALL = LightGCNConfig(embedding_size=16, epochs=30, batch_size=256)


@pytest.fixture(scope="module")
def world() -> Planted:
    return planted()


@pytest.fixture(scope="module")
def fitted(world: Planted) -> LightGCN:
    return LightGCN(SMALL).fit(world.data)


@pytest.mark.parametrize("change", [{"loss": "softmax"}, {"loss": "bpr"}, {"candidates": 16}])
def test_learns_the_planted_groups(world: Planted, change: dict[str, object]) -> None:
    model = LightGCN(replace(SMALL, **change)).fit(world.data)
    assert ndcg(model, world.test) > 1.5 * popularity_ndcg(world)


def test_embeddings_are_the_papers_formula(world: Planted) -> None:
    config = replace(SMALL, loss="bpr", num_layers=3)
    module = LightGCNModule(world.data.matrix, config, log_expected=None, device=torch.device("cpu"))
    dense = world.data.matrix.toarray()
    adjacency = np.block([[np.zeros((len(dense), len(dense))), dense], [dense.T, np.zeros((dense.shape[1],) * 2)]])
    scale = np.where(adjacency.sum(1) > 0, np.maximum(adjacency.sum(1), 1) ** -0.5, 0)
    layers = [module.embedding.detach().numpy()]
    for _ in range(3):
        layers.append(scale[:, None] * (adjacency @ (scale[:, None] * layers[-1])))
    users, items = module.embeddings()
    expected = np.mean(layers, axis=0)
    assert np.allclose(users.detach().numpy(), expected[: len(dense)], atol=1e-5)
    assert np.allclose(items.detach().numpy(), expected[len(dense) :], atol=1e-5)


def test_a_newcomer_with_a_known_users_history_gets_its_taste(world: Planted, fitted: LightGCN) -> None:
    known = world.test.batch(slice(None))
    folded = fitted.score(UserBatch(np.full(len(known), UNKNOWN), known.histories))
    own = fitted.score(known)
    alike = [np.corrcoef(own[row], folded[row])[0, 1] for row in range(len(known))]
    assert np.mean(alike) > 0.9


def test_known_and_unknown_users_in_one_batch(world: Planted, fitted: LightGCN) -> None:
    known = world.test.batch(slice(0, 2))
    mixed = fitted.score(UserBatch(np.array([known.index[0], UNKNOWN]), known.histories))
    assert np.allclose(mixed[0], fitted.score(known)[0], atol=1e-6)
    assert not np.allclose(mixed[1], fitted.score(known)[1])


def test_deterministic_by_seed(world: Planted) -> None:
    few = replace(SMALL, epochs=3)
    first, again, other = (LightGCN(config).fit(world.data).state() for config in (few, few, replace(few, seed=1)))
    assert np.array_equal(first["items"], again["items"])
    assert not np.array_equal(first["items"], other["items"])


def test_state_is_everything(world: Planted, fitted: LightGCN) -> None:
    batch = world.test.batch(slice(None))
    loaded = LightGCN(SMALL).load_state(fitted.state())
    assert np.array_equal(loaded.score(batch), fitted.score(batch))


def test_an_unfitted_model_says_so(world: Planted) -> None:
    with pytest.raises(Conflict, match="not been fitted"):
        LightGCN().score(world.test.batch(slice(0, 1)))


def test_users_and_items_without_interactions_are_no_trouble(world: Planted) -> None:
    liked = world.data.matrix.toarray() > 0
    liked[3] = False
    scores = LightGCN(replace(SMALL, epochs=2)).fit(TrainingData(histories(liked), world.data.side)).score(
        UserBatch(np.array([3, UNKNOWN]), world.data.histories.take(np.array([3, 3])))
    )  # fmt: skip
    assert np.isfinite(scores).all()
