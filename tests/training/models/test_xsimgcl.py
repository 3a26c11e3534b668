"""XSimGCL finds planted groups; its noise and its contrast are the paper's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from graph.errors import InvalidData
from tests.training.models.planted_graph import Planted, ndcg, planted, popularity_ndcg
from training.models.xsimgcl import XSimGCL, XSimGCLConfig, XSimGCLModule, contrast

SMALL = XSimGCLConfig(embedding_size=16, epochs=30, batch_size=256, noise=0.1, contrast=0.1)


@pytest.fixture(scope="module")
def world() -> Planted:
    return planted()


@pytest.mark.parametrize("change", [{"loss": "softmax"}, {"loss": "bpr"}, {"contrast_layer": 2}])
def test_learns_the_planted_groups(world: Planted, change: dict[str, object]) -> None:
    model = XSimGCL(replace(SMALL, **change)).fit(world.data)
    assert ndcg(model, world.test) > 1.5 * popularity_ndcg(world)


def test_noise_has_its_length_keeps_the_orthant_and_is_gone_in_use(world: Planted) -> None:
    config = replace(SMALL, num_layers=1)
    module = XSimGCLModule(world.data.matrix, config, log_expected=None, device=torch.device("cpu"))
    module.train()
    noisy = module.layers()[1]
    module.eval()
    plain = module.layers()[1]
    moved = noisy - plain
    reached = plain.abs().sum(1) > 0
    torch.testing.assert_close(moved[reached].norm(dim=1), torch.full((int(reached.sum()),), 0.1))
    assert (moved * plain >= 0).all()
    torch.testing.assert_close(module.layers()[1], plain)


def test_the_contrast_is_info_nce() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, 5, 4))
    units = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (one, two)]
    chances = np.exp(units[0] @ units[1].T / 0.3)
    expected = -np.log(np.diag(chances) / chances.sum(1)).mean()
    assert float(contrast(torch.tensor(one), torch.tensor(two), 0.3)) == pytest.approx(expected)


def test_the_contrast_changes_what_is_learned(world: Planted) -> None:
    few = replace(SMALL, epochs=3)
    first, again, without = (XSimGCL(config).fit(world.data).state() for config in (few, few, replace(few, contrast=0)))
    assert np.array_equal(first["items"], again["items"])
    assert not np.allclose(first["items"], without["items"], atol=1e-4)


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidData, match="layer 3"):
        XSimGCLConfig(num_layers=2, contrast_layer=3)
