"""The embedding MLP finds planted groups; its loss is the negative log-likelihood of its formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from graph.errors import Conflict
from tests.training.models.planted_graph import Planted, ndcg, planted, popularity_ndcg
from training.data import UNKNOWN, UserBatch
from training.models.embedding_mlp import EmbeddingMLP, EmbeddingMLPConfig, EmbeddingMLPModule
from training.sampling import Candidates, Positives, list_batches

SMALL = EmbeddingMLPConfig(embedding_size=16, hidden_size=32, epochs=30, batch_size=256, average=0.9)


@pytest.fixture(scope="module")
def world() -> Planted:
    return planted()


@pytest.fixture(scope="module")
def fitted(world: Planted) -> EmbeddingMLP:
    return EmbeddingMLP(SMALL).fit(world.data)


@pytest.mark.parametrize("change", [{}, {"num_layers": 2}, {"candidates": 16}])
def test_learns_the_planted_groups(world: Planted, change: dict[str, int]) -> None:
    model = EmbeddingMLP(replace(SMALL, **change)).fit(world.data)
    assert ndcg(model, world.test) > 1.5 * popularity_ndcg(world)


def test_the_loss_is_the_negative_log_likelihood(world: Planted) -> None:
    config = replace(SMALL, dropout=0.0)
    positives = Positives.of(world.data.matrix)
    module = EmbeddingMLPModule(positives, config, log_expected=None, device=torch.device("cpu"))
    with torch.no_grad():
        module.user.normal_(generator=torch.Generator().manual_seed(1))
    every = Candidates(positives.item_counts, positives.num_items)
    (batch,) = list_batches(positives, every, batch_size=len(positives), rng=np.random.default_rng(0))
    matrix = world.data.matrix.toarray()
    item, user = module.item.detach().numpy(), module.user.detach().numpy()
    x = matrix @ item / np.sqrt(np.maximum(1, matrix.sum(1, keepdims=True))) + user
    (first, last), (bias, end) = ([one.detach().numpy() for one in part] for part in (module.weights, module.biases))
    z = np.maximum(x @ first.T + bias, 0) @ last.T + end
    cosine = (z / np.linalg.norm(z, axis=1, keepdims=True)) @ (item / np.linalg.norm(item, axis=1, keepdims=True)).T
    chances = log_softmax(cosine / config.temperature, axis=1)
    assert np.isclose(float(module.loss(batch).detach()), -chances[matrix > 0].mean(), atol=1e-4)


def test_dropout_hides_items_and_user_embeddings_from_the_input_alone(world: Planted) -> None:
    positives = Positives.of(world.data.matrix)
    every = Candidates(positives.item_counts, positives.num_items)
    (batch,) = list_batches(positives, every, batch_size=len(positives), rng=np.random.default_rng(0))
    module = EmbeddingMLPModule(positives, replace(SMALL, dropout=1.0), log_expected=None, device=torch.device("cpu"))
    with torch.no_grad():
        module.user.normal_()
        module.biases[-1].normal_(generator=torch.Generator().manual_seed(2))
    users = module.tower(torch.zeros(1, SMALL.embedding_size)).detach().numpy()
    item = module.item.detach().numpy()
    chances = log_softmax(users @ (item / np.linalg.norm(item, axis=1, keepdims=True)).T / SMALL.temperature, axis=1)
    assert np.isclose(float(module.loss(batch).detach()), -chances[0, positives.items].mean(), atol=1e-4)


def test_scores_are_the_networks_own(world: Planted) -> None:
    """Without validation the last state is kept: the module, trained alike, gives the cosines that `score` scales."""
    model = EmbeddingMLP(SMALL).fit(replace(world.data, validation=None))
    form = model.fitted
    module = EmbeddingMLPModule(
        Positives.of(world.data.matrix), SMALL, log_expected=None, device=torch.device("cpu")
    )  # fmt: skip
    module.load_state_dict(
        {
            "item": torch.from_numpy(form.inputs),
            "user": torch.from_numpy(form.users),
            **{f"weights.{place}": torch.from_numpy(one) for place, one in enumerate(form.weights)},
            **{f"biases.{place}": torch.from_numpy(one) for place, one in enumerate(form.biases)},
        }
    )
    users, items = (part.detach().numpy() for part in module.embeddings())
    scores = model.score(UserBatch(np.arange(world.data.num_users), world.data.histories))
    lengths = np.linalg.norm(scores, axis=1) / np.linalg.norm(users @ items.T, axis=1)
    assert np.allclose(scores / lengths[:, None], users @ items.T, atol=1e-5)


def test_a_newcomer_with_a_known_users_history_gets_its_taste(world: Planted, fitted: EmbeddingMLP) -> None:
    known = world.test.batch(slice(None))
    folded = fitted.score(UserBatch(np.full(len(known), UNKNOWN), known.histories))
    own = fitted.score(known)
    assert not np.allclose(own, folded)
    assert np.mean([np.corrcoef(own[row], folded[row])[0, 1] for row in range(len(known))]) > 0.9


def test_deterministic_by_seed(world: Planted) -> None:
    few = replace(SMALL, epochs=3)
    first, again, other = (EmbeddingMLP(config).fit(world.data).state() for config in (few, few, replace(few, seed=1)))
    assert np.array_equal(first["items"], again["items"])
    assert not np.array_equal(first["items"], other["items"])


def test_an_unfitted_model_says_so(world: Planted) -> None:
    with pytest.raises(Conflict, match="not been fitted"):
        EmbeddingMLP().score(world.test.batch(slice(0, 1)))
