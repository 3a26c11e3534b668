from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from encoders.base import Vectors
from encoders.compress.student import Tuning, shrink_text
from encoders.registry import open_encoder
from graph.errors import InvalidData
from tests.encoders.compress.conftest import sentences

CUT = Tuning(layers=1, keep=0.5, epochs=0, learning_rate=3e-3)


def shrink(source: Path, folder: Path, tuning: Tuning) -> tuple[float, ...]:
    return shrink_text(source, folder, sentences(120), tuning, device="cpu", progress=lambda _part, _done, _all: None)


def vectors(folder: Path) -> Vectors:
    """Of texts that are not among those that teach."""
    found: Vectors = open_encoder(f"sentence-transformers:{folder}", device="cpu").encode(sentences(160)[120:])
    return found


def test_nothing_cut_is_the_same_encoder(tiny_bert: Path, tmp_path: Path) -> None:
    shrink(tiny_bert, tmp_path, Tuning(epochs=0))
    np.testing.assert_allclose(vectors(tmp_path), vectors(tiny_bert), atol=1e-5)


def test_half_of_the_neurons_and_of_the_layers_are_gone_from_the_file(tiny_bert: Path, tmp_path: Path) -> None:
    shrink(tiny_bert, tmp_path, replace(CUT, layers=-1))
    weights = load_file(tmp_path / "model.safetensors")
    assert weights["encoder.layer.0.intermediate.dense.weight"].shape == (32, 32)
    assert not any(name.startswith("encoder.layer.1.") for name in weights)
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["num_hidden_layers"], config["intermediate_size"]) == (1, 32)
    assert vectors(tmp_path).shape == (40, 32)


def test_the_neurons_that_do_nothing_go_first(tiny_bert: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shrink(tiny_bert, source, Tuning(epochs=0))
    weights = load_file(source / "model.safetensors")
    idle = torch.randperm(64, generator=torch.Generator().manual_seed(1))[:32]
    for layer in range(2):
        weights[f"encoder.layer.{layer}.output.dense.weight"][:, idle] = 0
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    shrink(source, tmp_path / "cut", Tuning(keep=0.5, epochs=0))
    np.testing.assert_allclose(vectors(tmp_path / "cut"), vectors(source), atol=1e-4)


def test_the_neurons_that_stay_do_the_work_of_those_that_went(tiny_bert: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shrink(tiny_bert, source, Tuning(epochs=0))
    weights = load_file(source / "model.safetensors")
    for layer in range(2):
        for kind in ("weight", "bias"):
            rows = weights[f"encoder.layer.{layer}.intermediate.dense.{kind}"]
            rows[32:] = rows[:32]  # each neuron is there twice, and half of what it does goes out from either
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    shrink(source, tmp_path / "cut", Tuning(keep=0.5, epochs=0))
    np.testing.assert_allclose(vectors(tmp_path / "cut"), vectors(source), atol=5e-3)


def test_teaching_brings_the_cut_encoder_nearer_on_texts_it_has_not_seen(tiny_bert: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shrink(tiny_bert, source, Tuning(epochs=0))
    weights = load_file(source / "model.safetensors")
    loud = {name: 8 * one for name, one in weights.items() if name.startswith("encoder.") and one.ndim == 2}
    save_file({**weights, **loud}, source / "model.safetensors", {"format": "pt"})  # layers that do something
    shrink(source, tmp_path / "cut", CUT)
    losses = shrink(source, tmp_path / "taught", replace(CUT, epochs=10))
    assert losses[-1] < 0.5 * losses[0]
    cut, taught = ((vectors(tmp_path / name) * vectors(source)).sum(1).mean() for name in ("cut", "taught"))
    assert 1 - taught < 0.5 * (1 - cut)


def test_the_same_seed_gives_the_same_bytes(tiny_bert: Path, tmp_path: Path) -> None:
    files = [tmp_path / name / "model.safetensors" for name in ("one", "same", "other")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        shrink(tiny_bert, file.parent, replace(CUT, epochs=1, seed=seed))
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes() != files[2].read_bytes()


@pytest.mark.parametrize("wrong", [{"layers": 3}, {"keep": 0.0}, {"keep": 1.5}])
def test_more_than_there_is(tiny_bert: Path, tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidData, match="of a model of 2 layers"):
        shrink(tiny_bert, tmp_path, replace(CUT, **wrong))
