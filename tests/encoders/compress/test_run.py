from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from encoders.compress.contents import Contents, read_contents
from encoders.compress.measure import cosine, neighbours_kept
from encoders.compress.run import compress_encoder
from encoders.compress.student import Tuning
from encoders.registry import open_encoder
from graph.errors import InvalidData, Unsupported
from graph.snapshot_read import read_folder


def test_the_smaller_encoder_opens_under_its_name_and_is_measured(shop: Path, tiny_bert: Path, tmp_path: Path) -> None:
    made = compress_encoder(
        read_folder(shop).snapshot, shop, home=tmp_path / "home", name=f"sentence-transformers:{tiny_bert}",
        how="distill", tuning=Tuning(layers=1, epochs=2), device="cpu",
    )  # fmt: skip
    whole, small = made.rows
    assert (made.things, made.held_out, len(made.losses)) == (80, 16, 2)
    assert (whole.cosine, whole.neighbours) == (pytest.approx(1, abs=1e-4), 1)
    assert 0.5 < small.cosine < 1
    assert small.megabytes <= whole.megabytes
    assert open_encoder(made.encoder).version == small.version != whole.version
    assert [one.name for one in (tmp_path / "home" / "encoders").iterdir()] == ["model-distill"]


def test_what_is_held_out_teaches_nothing(shop: Path) -> None:
    contents = read_contents(read_folder(shop).snapshot, shop, "text", seed=1)
    assert set(contents.fit) | set(contents.held_out) == set(range(80))
    assert not set(contents.fit) & set(contents.held_out)
    assert contents.held_out != read_contents(read_folder(shop).snapshot, shop, "text", seed=2).held_out


def test_neighbours_and_cosine_by_hand() -> None:
    drawn = np.random.default_rng(0).normal(size=(200, 30)).astype(np.float32)
    vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    contents = Contents(["x"] * 200, range(100), range(100, 200))
    turned = vectors @ np.linalg.qr(np.random.default_rng(1).normal(size=(30, 30)))[0].astype(np.float32)
    assert neighbours_kept(turned, vectors, contents) > 0.99  # a turn moves every vector and no neighbour
    assert cosine(turned, vectors, contents) < 0.2
    assert neighbours_kept(np.roll(vectors, 7, axis=0), vectors, contents) < 0.15


def test_what_cannot_be_made_smaller(shop: Path, tmp_path: Path) -> None:
    snapshot = read_folder(shop).snapshot
    with pytest.raises(InvalidData, match="no way 'zip'"):
        compress_encoder(snapshot, shop, home=tmp_path, how="zip")
    with pytest.raises(Unsupported, match="'efficientnet-lite0' cannot be made smaller by 'prune'"):
        compress_encoder(snapshot, shop, home=tmp_path, name="efficientnet-lite0", how="prune")
    with pytest.raises(InvalidData, match="0 different images"):
        compress_encoder(snapshot, shop, home=tmp_path, name="efficientnet-lite0")
