"""What every encoder must do. An encoder of the registry that is not run here fails `test_every_encoder_is_here`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from encoders.base import AnyEncoder
from encoders.registry import ENCODERS, open_encoder
from graph.errors import InvalidData
from tests.encoders.tiny import (
    make_adapted,
    make_clap,
    make_onnx_image,
    make_onnx_text,
    make_open_clip,
    make_projections,
    make_sentence_model,
    make_sounds,
    make_timm,
    picture,
    saved,
    saved_sound,
    sound,
)

CASES: dict[str, Callable[[Path], str]] = {
    "minilm": lambda _: "minilm",
    "efficientnet-lite0": lambda _: "efficientnet-lite0",
    "sentence-transformers": lambda folder: f"sentence-transformers:{make_sentence_model(folder)}",
    "open-clip": lambda folder: f"open-clip:{make_open_clip(folder / 'clip')}",
    "timm": lambda folder: f"timm:{make_timm(folder / 'timm')}",
    "signal": lambda _: "signal",
    "clap": lambda folder: f"clap:{make_clap(folder / 'clap')}",
    "adapted-image": lambda folder: f"adapted-image:{make_adapted(folder / 'adapted.safetensors')}",
    "adapted-text": lambda folder: f"adapted-text:{make_adapted(folder / 'adapted.safetensors')}",
    "catalogue-image": lambda folder: f"catalogue-image:{make_projections(folder / 'projections.safetensors')}",
    "catalogue-text": lambda folder: f"catalogue-text:{make_projections(folder / 'projections.safetensors')}",
    "catalogue-audio": lambda folder: f"catalogue-audio:{make_sounds(folder / 'sounds.safetensors')}",
    "onnx-text": lambda folder: f"onnx-text:{make_onnx_text(folder)}",
    "onnx-image": lambda folder: f"onnx-image:{make_onnx_image(folder / 'int8')}",
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other crawl where several test processes share the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=sorted(CASES))
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AnyEncoder:
    return open_encoder(CASES[request.param](tmp_path_factory.mktemp("encoder")), device="cpu")


@pytest.fixture
def things(encoder: AnyEncoder) -> list[Any]:
    if encoder.modality == "text":
        return ["a film of love", "space", "a b c d e f g h", "🎬 émoji", "film " * 5000]
    if encoder.modality == "audio":
        return [saved_sound(sound(seed, seconds=0.02 + seed), "FLAC") for seed in range(5)]
    return [saved(picture(seed, size=(40 + 10 * seed, 60))) for seed in range(5)]


def test_every_encoder_is_here() -> None:
    assert set(CASES) == set(ENCODERS)


def test_rows_are_float32_of_unit_length(encoder: AnyEncoder, things: list[Any]) -> None:
    vectors = encoder.encode(things)
    assert vectors.shape == (len(things), encoder.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_the_batch_does_not_matter(encoder: AnyEncoder, things: list[Any]) -> None:
    together = encoder.encode(things)
    alone = np.concatenate([encoder.encode([thing]) for thing in things])
    np.testing.assert_allclose(together, alone, atol=4e-3)
    np.testing.assert_array_equal(together, encoder.encode(things))


def test_different_things_differ(encoder: AnyEncoder, things: list[Any]) -> None:
    vectors = encoder.encode(things[:3])
    assert (vectors @ vectors.T)[np.triu_indices(3, 1)].max() < 0.9999


def test_an_empty_batch_gives_no_rows(encoder: AnyEncoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_encode_is_prepare_then_encode_prepared(encoder: AnyEncoder, things: list[Any]) -> None:
    prepared = [encoder.prepare(thing) for thing in things]
    np.testing.assert_array_equal(encoder.encode_prepared(prepared), encoder.encode(things))


def test_what_cannot_be_read_is_refused(encoder: AnyEncoder) -> None:
    with pytest.raises(InvalidData):
        encoder.encode(["  "] if encoder.modality == "text" else [b"no picture"])


def test_name_and_version_tell_encoders_apart(encoder: AnyEncoder) -> None:
    again = open_encoder(encoder.name, device="cpu")
    assert (again.name, again.version, again.modality) == (encoder.name, encoder.version, encoder.modality)
    assert encoder.modality == ENCODERS[encoder.name.partition(":")[0]].modality
