from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from encoders.registry import open_encoder
from encoders.train_clip import ClipTraining, train_clip
from graph.errors import InvalidData
from graph.snapshot import EmbeddingTable

TRAINING = ClipTraining(embedding_size=16, epochs=15, learning_rate=3e-3, dropout=0.2, batch_size=64)


def tables(pairs: int, *, related: bool = True, image: str = "efficientnet-lite0") -> dict[str, EmbeddingTable]:
    """Two views of hidden factors, or of nothing common; every tenth item lacks its picture."""
    generator = np.random.default_rng(0)
    hidden = generator.normal(size=(pairs, 8))
    shown = hidden if related else generator.normal(size=(pairs, 8))
    views = [hidden @ generator.normal(size=(8, 60)), shown @ generator.normal(size=(8, 40))]
    x, y = (view / np.linalg.norm(view, axis=1, keepdims=True) for view in views)
    present = np.arange(pairs) % 10 != 0
    return {
        "image": EmbeddingTable(x.astype(np.float32) * present[:, None], present, image, "1"),
        "text": EmbeddingTable(y.astype(np.float32), np.ones(pairs, dtype=np.bool_), "minilm", "2"),
    }


def test_held_out_pictures_find_their_texts_after_training(tmp_path: Path) -> None:
    report = train_clip(tables(700), home=tmp_path, training=TRAINING)
    assert report.pairs == 630
    assert report.held_out == 63
    for before, after in zip(asdict(report.before).values(), asdict(report.after).values(), strict=True):
        assert before < 0.4
        assert after > 0.8
    assert report.as_dict()["chance"] == pytest.approx(10 / 63, abs=1e-4)


def test_nothing_is_learned_where_nothing_is_common(tmp_path: Path) -> None:
    report = train_clip(tables(700, related=False), home=tmp_path, training=TRAINING)
    assert max(asdict(report.after).values()) < 0.4


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        train_clip(tables(300), home=tmp_path / str(place), training=ClipTraining(epochs=2, seed=seed))
        for place, seed in enumerate((1, 1, 2))
    )
    assert first.version == second.version != other.version
    assert Path(first.file).read_bytes() == Path(second.file).read_bytes()


def test_the_file_opens_as_encoders_and_says_how_it_was_made(tmp_path: Path) -> None:
    given = tables(300)
    padded = {
        "image": EmbeddingTable(
            np.pad(given["image"].vectors, ((0, 0), (0, 1220))), given["image"].present, "efficientnet-lite0", "1"
        ),
        "text": EmbeddingTable(np.pad(given["text"].vectors, ((0, 0), (0, 344))), given["text"].present, "minilm", "2"),
    }
    calls: list[tuple[str, int, int]] = []
    report = train_clip(
        padded, home=tmp_path, training=ClipTraining(epochs=2), progress=lambda *call: calls.append(call)
    )
    assert calls[0][0] == "clip"
    text = open_encoder(f"catalogue-text:{report.file}", device="cpu")
    assert text.encode(["film"]).shape == (1, 256)
    assert text.version != open_encoder("minilm").version
    with safe_open(report.file, framework="numpy") as weights:
        about = json.loads(weights.metadata()["training"])
    assert about["bases"] == {"image": ["efficientnet-lite0", "1"], "text": ["minilm", "2"]}
    assert about["training"]["seed"] == 42


def test_too_few_pairs_and_other_encoders(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="81 items"):
        train_clip(tables(90), home=tmp_path)
    with pytest.raises(InvalidData, match="open-clip"):
        train_clip(tables(300, image="open-clip:ViT-B-32/openai"), home=tmp_path)
    with pytest.raises(InvalidData, match="nothing"):
        train_clip({"text": tables(300)["text"]}, home=tmp_path)
    assert not list(tmp_path.iterdir())
