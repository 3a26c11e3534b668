"""Two towers on new items of planted groups, their loss, and what they cannot be."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from graph.errors import InvalidData
from tests.training.models.small import everybody, histories_of, newcomers, small_data
from training.content_block import narrowed
from training.models.content_ridge import ContentRidgeConfig, contents
from training.models.two_tower import TwoTower, TwoTowerConfig, TwoTowerModule
from training.sampling import ListBatch, Positives

NEW = (4, 9, 16)
SMALL = TwoTowerConfig(
    "graph",
    embedding_size=8,
    hidden_size=16,
    epochs=100,
    learning_rate=0.01,
    batch_size=128,
    directions=16,
    average=0.0,
)


@cache
def with_new_items():
    data = small_data(num_users=60, num_items=30)
    bounds = zip(data.histories.indptr, data.histories.indptr[1:], strict=False)
    rows = [[item for item in data.histories.items[start:end].tolist() if item not in NEW] for start, end in bounds]
    return replace(data, histories=histories_of(rows, 30), validation=None)


@cache
def model() -> TwoTower:
    return TwoTower(SMALL).fit(with_new_items())


def test_of_new_items_each_user_is_shown_his_kind_first():
    scores = model().score(everybody(with_new_items()))
    odd_first = scores[:, 9] > scores[:, [4, 16]].max(1)
    even_first = scores[:, [4, 16]].min(1) > scores[:, 9]
    long = np.diff(with_new_items().matrix.indptr) > 4
    odd = np.arange(60) % 2 == 1
    assert odd_first[odd & long].mean() > 0.85
    assert even_first[~odd & long].mean() > 0.85


def test_a_user_is_nothing_but_his_history():
    known = model().score(everybody(with_new_items()))[[1, 4]]
    assert np.allclose(model().score(newcomers(with_new_items(), [1, 4])), known, atol=1e-5)


def test_the_loss_is_the_corrected_softmax_over_the_batch_by_hand():
    data = with_new_items()
    positives = Positives.of(data.matrix)
    content = narrowed(data, "fused", embedding_share=0.15, directions=16)
    config = replace(SMALL, dropout=0.0)
    module, again = (TwoTowerModule(content, positives, config) for _ in range(2))
    users, rows = torch.tensor([5, 8]), torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    items = torch.tensor([1, 3, 5, 11, 2, 6, 8, 10])
    shown = torch.rand(8, generator=again.generator) < config.shown
    with torch.no_grad():
        f, g = module.history(module.content).numpy(), module.item(module.content).numpy()
        found = float(module.loss(ListBatch(users, rows, items, None)))
    u = np.stack([f[items[shown & (rows == row)].numpy()].sum(0) for row in (0, 1)])
    u, v = (one / np.linalg.norm(one, axis=1, keepdims=True).clip(1e-12) for one in (u, g))
    wanted, asked = items[~shown].numpy(), rows[~shown].numpy()
    log_q = np.log(len(wanted) * positives.item_counts[wanted] / len(positives))
    terms = []
    for row, item in zip(asked, wanted, strict=True):
        own = u[row] @ v[item] / config.temperature
        others = u[row] @ v[wanted].T / config.temperature - log_q
        terms.append(np.log(np.exp(others).sum() + np.exp(own)) - own)
    assert 0 < len(wanted) < 8
    assert found == pytest.approx(np.mean(terms), abs=1e-5)


def test_the_strongest_directions_hold_most_of_the_content():
    data = with_new_items()
    whole = contents(data.side, ContentRidgeConfig(embedding_share=0.15), 30)
    few = narrowed(data, "fused", embedding_share=0.15, directions=8)
    assert few.shape == (30, 8)
    error = np.linalg.norm(few @ few.T - whole @ whole.T)
    least = np.sort(np.linalg.eigvalsh(whole @ whole.T))[:-8]
    assert error == pytest.approx(np.linalg.norm(least), rel=1e-3), "no eight directions hold more"
    assert np.array_equal(narrowed(data, "fused", embedding_share=0.15, directions=999), whole)


def test_nothing_is_kept_for_a_later_start():
    assert not model().weights


@pytest.mark.parametrize("wrong", [{"dropout": 1.0}, {"shown": 0.0}, {"temperature": 0.0}, {"directions": 0}])
def test_settings_that_cannot_be(wrong):
    with pytest.raises(InvalidData, match=next(iter(wrong))):
        TwoTowerConfig(**wrong)
