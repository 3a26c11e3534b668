"""Low-rank adaptation: nothing moves before it learns, what it learned merges exactly, and towers learn with it."""

from __future__ import annotations

import colorsys
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from encoders import train_towers as towers
from encoders.lora import attach, merge, tensors
from encoders.registry import open_encoder
from encoders.train_clip import ClipTraining
from encoders.train_towers import TowerTraining, train_towers
from encoders.zeroshot_labels import picture_space
from graph.errors import InvalidData, NotFound


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.Conv2d(4, 6, 1), nn.Flatten(), nn.Linear(6 * 36, 5), nn.Linear(5, 2)
    ).eval()


def adapted(model: nn.Module, **options: object):
    return attach(model, rank=2, alpha=4.0, generator=torch.Generator().manual_seed(1), **options)


def test_an_adapted_model_begins_as_it_was_and_merges_to_what_it_became() -> None:
    x = torch.randn(3, 3, 8, 8)
    plain, learning = small(), small()
    before = plain(x)
    layers = adapted(learning, skipped=("4",))
    assert set(layers) == {"1", "3"}, "the wide convolution and what is skipped stay"
    assert torch.equal(learning(x), before)
    for layer in layers.values():
        nn.init.normal_(layer.up)
    after = learning(x)
    assert not torch.allclose(after, before)
    merge(plain, tensors(layers))
    assert torch.allclose(plain(x), after, atol=1e-5)


def test_only_small_matrices_and_skipped_layers_learn() -> None:
    learning = small()
    adapted(learning, skipped=("4",))
    learned = {name for name, one in learning.named_parameters() if one.requires_grad}
    assert learned == {"1.down", "1.up", "3.down", "3.up", "4.weight", "4.bias"}
    learning(torch.randn(2, 3, 8, 8)).sum().backward()
    assert learning[1].up.grad.abs().sum() > 0
    assert learning[1].base.weight.grad is None


def test_matrices_of_another_model_are_refused() -> None:
    kept = tensors(adapted(small()))
    with pytest.raises(InvalidData, match="fits no layer"):
        merge(nn.Sequential(nn.Linear(2, 2)), kept)
    with pytest.raises(InvalidData, match="fits no layer"):
        merge(nn.Sequential(*[nn.Identity()] * 3, nn.Linear(2, 2)), kept)


def pairs(number: int) -> list[tuple[bytes, str]]:
    """Plain pictures and their colours' names."""
    names = ("red", "yellow", "green", "blue")
    found = []
    for place in range(number):
        hue = place % len(names)
        shade = tuple(int(255 * part) for part in colorsys.hsv_to_rgb(hue / 4, 0.9, 0.6 + 0.4 * place / number))
        data = BytesIO()
        Image.new("RGB", (48, 48), shade).save(data, "PNG")
        found.append((data.getvalue(), f"A {names[hue]} thing number {place}"))
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("towers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(towers, "FEWEST_PAIRS", 30)
        frozen = ClipTraining(embedding_size=24, epochs=8, dropout=0.1, batch_size=16)
        training = TowerTraining(rank=4, epochs=1, learning_rate=2e-3, batch_size=12, frozen=frozen)
        return train_towers(pairs(32), home=home, training=training)


@pytest.mark.slow
def test_towers_learn_and_open_as_encoders_of_one_space(trained) -> None:
    assert (trained.pairs, trained.held_out) == (32, 3)
    assert trained.losses[trained.epochs - 1] == min(trained.losses)
    assert asdict(trained.after).keys() == {"image_to_text", "text_to_image"}
    image, text = open_encoder(f"adapted-image:{trained.file}"), open_encoder(f"adapted-text:{trained.file}")
    assert image.dim == text.dim == 24
    assert image.version != text.version
    some = pairs(40)[:4]
    cosines = image.encode([one for one, _ in some]) @ text.encode([one for _, one in some]).T
    assert np.diag(cosines).mean() > cosines[~np.eye(4, dtype=bool)].mean()
    frozen = open_encoder("efficientnet-lite0").encode([one for one, _ in some])
    assert frozen.shape[1] == 1280, "the shipped tower is not touched"
    space = picture_space(image.name, ["red", "blue"], "product")
    assert space.labels.shape == (2, 24)


def test_too_few_pairs_and_no_file_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="3 items have both"):
        train_towers(pairs(3), home=tmp_path)
    with pytest.raises(NotFound, match="no adapted towers"):
        open_encoder(f"adapted-image:{tmp_path / 'none'}")
