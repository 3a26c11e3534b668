from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from encoders.base import Modality
from encoders.registry import open_encoder
from encoders.train_liked import ContrastTraining, train_liked
from graph.errors import InvalidData, Unsupported
from graph.snapshot import EmbeddingTable

TRAINING = ContrastTraining(embedding_size=64, epochs=12, dropout=0.2, learning_rate=3e-3)
TASTES = 40
DIMS: dict[Modality, int] = {"text": 384, "image": 1280}
NAMES: dict[Modality, str] = {"text": "minilm", "image": "efficientnet-lite0"}


def tables(count: int, *modalities: Modality) -> dict[Modality, EmbeddingTable]:
    """Vectors in which an item's taste is there, below much that has nothing to do with it."""
    found: dict[Modality, EmbeddingTable] = {}
    for number, name in enumerate(modalities):
        rng = np.random.default_rng(number)
        taste = rng.normal(size=(TASTES, 12))[np.arange(count) % TASTES] @ rng.normal(size=(12, DIMS[name]))
        rest = rng.normal(size=(count, 30)) @ rng.normal(size=(30, DIMS[name]))
        vectors = taste + 2 * rest
        present = np.arange(count) % (7 + number) != 0
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        found[name] = EmbeddingTable((unit * present[:, None]).astype(np.float32), present, NAMES[name], "1")
    return found


def liked(count: int) -> np.ndarray:
    """Items of one taste, each with the three next of it."""
    ones = np.arange(count)
    pairs = [np.stack([ones, ones + step * TASTES], axis=1) for step in (1, 2, 3)]
    return np.concatenate([pair[pair[:, 1] < count] for pair in pairs])


@pytest.mark.parametrize("modalities", [("text",), ("text", "image")])
def test_new_items_get_near_what_is_liked_with_them(modalities: tuple[Modality, ...], tmp_path: Path) -> None:
    given = tables(400, *modalities)
    report = train_liked(given, liked(400), home=tmp_path, training=TRAINING)
    assert report.held_out == report.items // 10
    for way, before in report.before.items():
        assert report.after[way] > max(before, report.chance[way]) + 0.1
    assert report.opens == tuple(f"catalogue-{name}:{report.file}" for name in sorted(modalities))
    for name, opened in zip(sorted(modalities), report.opens, strict=True):
        encoder = open_encoder(opened, device="cpu")
        assert encoder.base.name == NAMES[name]
        assert encoder.project(given[name].vectors).shape == (400, 64)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        train_liked(tables(300, "text", "image"), liked(300), home=tmp_path / str(place),
                    training=ContrastTraining(epochs=2, seed=seed))
        for place, seed in enumerate((1, 1, 2))
    )  # fmt: skip
    assert first.version == second.version != other.version
    assert Path(first.file).read_bytes() == Path(second.file).read_bytes()


def test_a_file_opens_for_what_it_projects_alone(tmp_path: Path) -> None:
    report = train_liked(tables(300, "text"), liked(300), home=tmp_path, training=ContrastTraining(epochs=2))
    with pytest.raises(Unsupported, match="no projection of image"):
        open_encoder(f"catalogue-image:{report.file}")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    with pytest.raises(Unsupported, match="cannot be read"):
        open_encoder(f"catalogue-text:{tmp_path / 'broken.safetensors'}")


def test_too_few_pairs_and_vectors_that_are_trained(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="items with text were liked together"):
        train_liked(tables(90, "text"), liked(90), home=tmp_path)
    with pytest.raises(InvalidData, match="0 items"):
        train_liked(tables(300, "text"), np.empty((0, 2), np.int32), home=tmp_path)
    trained = EmbeddingTable(*(getattr(tables(300, "text")["text"], name) for name in ("vectors", "present")),
                             "catalogue-text:x", "1")  # fmt: skip
    with pytest.raises(Unsupported, match="which is trained itself"):
        train_liked({"text": trained}, liked(300), home=tmp_path)
    assert not list(tmp_path.iterdir())
