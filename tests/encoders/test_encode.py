from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from encoders.encode import embed_folder, encode_items
from encoders.registry import open_encoder
from graph.errors import NotFound
from graph.local_store import LocalStore
from graph.schema import Entity
from graph.snapshot import IdMap, Interactions, Snapshot, Triples
from graph.store import GraphStore
from tests.encoders.tiny import make_open_clip, make_sentence_model, picture, saved, saved_sound, sound

AUDIO = {"audio": "ab/one.flac"}
ODD_ID = 'shop:it\'s "5"\n}) DETACH DELETE n //'


@pytest.fixture(scope="session")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Tiny encoders, 32 and 24 wide."""
    folder = tmp_path_factory.mktemp("encoders")
    return {
        "text": f"sentence-transformers:{make_sentence_model(folder)}",
        "image": f"open-clip:{make_open_clip(folder / 'clip')}",
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    media = tmp_path / "home" / "media" / "ab"
    media.mkdir(parents=True)
    (media / "one.jpg").write_bytes(saved(picture(1)))
    (media / "two.png").write_bytes(saved(picture(2), "PNG"))
    (media / "one.flac").write_bytes(saved_sound(sound(1), "FLAC"))
    (media / "broken.mp3").write_bytes(b"ID3 and then nothing")
    (media / "broken.jpg").write_bytes(saved(picture(3))[:300])
    return tmp_path / "home"


def items() -> list[Entity]:
    return [
        Entity("Item", "shop:1", {"title": "film", "text": "love in space", "image": "ab/one.jpg"} | AUDIO),
        Entity("Item", "shop:2", {"title": "film", "image": "ab/two.png"}),
        Entity("Item", "shop:3", {"text": "a b c", "image": "ab/broken.jpg", "audio": "ab/broken.mp3"}),
        Entity("Item", "shop:4", {"title": "film", "image": "ab/gone.jpg"}),
        Entity("Item", "shop:5", {"image": "../../secret.jpg", "title": " "}),
        Entity("Item", ODD_ID, {"title": "🎬 film"}),
    ]


def properties(store: GraphStore, item: str) -> dict[str, Any]:
    found: dict[str, Any] = store.query("MATCH (n:Item {id: $id}) RETURN properties(n)", {"id": item}).rows[0][0]
    return found


@pytest.mark.integration
def test_vectors_are_written_and_can_be_searched(any_store: GraphStore, home: Path, names: Mapping[str, str]) -> None:
    any_store.write(items())
    calls: list[tuple[str, int, int]] = []
    report = encode_items(any_store, home=home, names=names, batch_size=4, progress=lambda *call: calls.append(call))
    text, image = report.of("text"), report.of("image")
    assert (text.encoded + text.cached, text.missing, text.refused) == (5, 1, 0)
    assert (image.encoded, image.missing, image.refused) == (2, 1, 3)
    assert calls == [(name, done, 6) for name in ("text", "image", "audio") for done in (4, 6)]

    expected = open_encoder(names["text"], device="cpu").encode(["film. love in space"])[0]
    found = properties(any_store, "shop:1")
    np.testing.assert_allclose(found["text_embedding"], expected, atol=4e-3)
    assert (found["text_embedding_encoder"], found["text_embedding_version"]) == (names["text"], text.version)
    assert len(found["image_embedding"]) == 24
    nearest = any_store.nearest("Item", "image_embedding", found["image_embedding"], 2)
    assert nearest.rows[0][0] == "shop:1"
    assert nearest.rows[0][1] == pytest.approx(1.0, abs=1e-4)
    assert properties(any_store, ODD_ID)["text_embedding_encoder"] == names["text"]

    audio = report.of("audio")
    assert (audio.encoder, audio.encoded, audio.missing, audio.refused) == ("signal", 1, 4, 1)
    assert "ab/broken.mp3" in dict(audio.reasons)["shop:3"]
    heard = open_encoder("signal").encode([(home / "media" / "ab" / "one.flac").read_bytes()])[0]
    np.testing.assert_allclose(found["audio_embedding"], heard, atol=1e-5)
    assert any_store.nearest("Item", "audio_embedding", heard.tolist(), 1).rows[0][0] == "shop:1"


@pytest.mark.integration
def test_what_cannot_be_read_is_reported_and_has_no_vector(
    local_store: LocalStore, home: Path, names: Mapping[str, str]
) -> None:
    local_store.write(items())
    report = encode_items(local_store, home=home, names=names).of("image")
    reasons = dict(report.reasons)
    assert "broken image" in reasons["shop:3"]
    assert "ab/gone.jpg" in reasons["shop:4"]
    assert "leaves its folder" in reasons["shop:5"]
    for item in reasons:
        assert not any(name.startswith("image_embedding") for name in properties(local_store, item))


class Watched:
    """Passes everything on to a store and keeps the names of the queries."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self.queries: list[str] = []

    def query(self, query: str, parameters: Mapping[str, Any] | None = None) -> Any:
        self.queries.append(query)
        return self._store.query(query, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.mark.integration
def test_again_costs_nothing_and_writes_nothing(local_store: LocalStore, home: Path, names: Mapping[str, str]) -> None:
    local_store.write(items())
    encode_items(local_store, home=home, names=names)
    before = properties(local_store, "shop:1")
    watched = Watched(local_store)
    report = encode_items(watched, home=home, names=names)  # type: ignore[arg-type]
    assert [one.encoded for one in report.modalities] == [0, 0, 0]
    assert report.of("text").cached == 5
    assert "set_item_properties" not in watched.queries
    assert properties(local_store, "shop:1") == before


@pytest.mark.integration
def test_a_fresh_store_is_filled_from_the_cache(local_store: LocalStore, home: Path, names: Mapping[str, str]) -> None:
    local_store.write(items())
    encode_items(local_store, home=home, names=names)
    before = properties(local_store, "shop:1")
    local_store.query("MATCH (n:Item) DETACH DELETE n")
    local_store.write(items())
    report = encode_items(local_store, home=home, names=names)
    assert [one.encoded for one in report.modalities] == [0, 0, 0]
    assert properties(local_store, "shop:1") == before


@pytest.mark.integration
def test_only_what_changed_is_encoded_and_what_lost_its_source_is_removed(
    local_store: LocalStore, home: Path, names: Mapping[str, str]
) -> None:
    local_store.write(items())
    encode_items(local_store, home=home, names=names)
    changes = {"shop:1": {"text": None, "title": None, "image": "ab/two.png"}, "shop:2": {"image": "ab/broken.jpg"}}
    local_store.write([Entity("Item", item, change) for item, change in changes.items()])
    report = encode_items(local_store, home=home, names=names)
    first, second = properties(local_store, "shop:1"), properties(local_store, "shop:2")
    assert not any(name.startswith("text_embedding") for name in first)
    assert first["image_embedding_source"] == "ab/two.png"
    assert not any(name.startswith("image_embedding") for name in second)
    assert (report.of("image").encoded, report.of("image").cached, report.of("image").refused) == (0, 1, 4)


@pytest.mark.integration
def test_another_encoder_of_another_length_replaces_all(
    local_store: LocalStore, home: Path, names: Mapping[str, str]
) -> None:
    local_store.write(items())
    encode_items(local_store, home=home, names=names, modalities=("text",))
    report = encode_items(local_store, home=home, modalities=("text",))  # the shipped one
    assert report.of("text").encoder == "minilm"
    found = properties(local_store, "shop:1")["text_embedding"]
    assert len(found) == 384
    assert local_store.nearest("Item", "text_embedding", found, 1).rows[0][0] == "shop:1"


@pytest.mark.integration
def test_an_unknown_encoder_changes_nothing(local_store: LocalStore, home: Path) -> None:
    local_store.write(items())
    with pytest.raises(NotFound, match="magic"):
        encode_items(local_store, home=home, names={"image": "magic"})
    assert "text_embedding" not in properties(local_store, "shop:1")


@pytest.mark.integration
def test_an_empty_store(local_store: LocalStore, home: Path) -> None:
    local_store.ensure_schema(["Item"])
    report = encode_items(local_store, home=home)
    assert [(one.encoded, one.cached, one.missing) for one in report.modalities] == [(0, 0, 0)] * 3
    assert report.as_dict()["modalities"][0]["encoder"] == "minilm"


def snapshot(columns: Mapping[str, list[Any]], count: int) -> Snapshot:
    nothing = np.zeros(0, dtype=np.int32)
    return Snapshot(
        users=IdMap(()),
        items=IdMap(tuple(f"shop:{number}" for number in range(count))),
        entities=IdMap(()),
        relations=(),
        interactions=Interactions(
            nothing, nothing, nothing.astype(np.int8), nothing.astype(np.float32), nothing.astype(np.int64)
        ),
        triples=Triples(nothing, nothing.astype(np.int16), nothing),
        friendships=np.zeros((0, 2), dtype=np.int32),
        identities={},
        item_properties=pa.table(columns),
        user_properties=pa.table({}),
    )


def test_a_folder_gives_tables_in_the_order_of_the_snapshot(home: Path, names: Mapping[str, str]) -> None:
    columns = {"title": ["film", None, "love"], "image": ["ab/two.png", "ab/broken.jpg", None]}
    columns["audio"] = ["ab/broken.mp3", None, "ab/one.flac"]
    tables = embed_folder(snapshot(columns, 3), home / "media", home=home, names=names)
    text, image = tables["text"], tables["image"]
    np.testing.assert_array_equal(text.present, [True, False, True])
    np.testing.assert_array_equal(image.present, [True, False, False])
    assert (text.vectors.shape, image.vectors.shape) == ((3, 32), (3, 24))
    assert not text.vectors[1].any()
    np.testing.assert_array_equal(tables["audio"].present, [False, False, True])
    np.testing.assert_allclose(text.vectors[2], open_encoder(names["text"]).encode(["love"])[0], atol=4e-3)
    again = embed_folder(snapshot(columns, 3), home / "media", home=home, names=names)
    np.testing.assert_array_equal(again["text"].vectors, text.vectors)
    assert (again["text"].encoder, again["text"].version) == (text.encoder, text.version)


def test_a_modality_that_no_item_has_is_left_out(tmp_path: Path, names: Mapping[str, str]) -> None:
    assert embed_folder(snapshot({"year": [1995, 1996]}, 2), tmp_path, names=names) == {}
    found = embed_folder(snapshot({"title": ["film", "love"]}, 2), tmp_path, names=names)
    assert set(found) == {"text"}
    assert not (tmp_path / "cache").exists()


def test_the_shipped_encoders_on_real_posters(data_root: Path, tmp_path: Path) -> None:
    folder = data_root / "ml-100k"
    files = sorted(path.name for path in (folder / "posters").glob("*.jpg"))[:6]
    columns = {"title": [f"film {name}" for name in files], "image": [f"posters/{name}" for name in files]}
    tables = embed_folder(snapshot(columns, len(files)), folder, home=tmp_path)
    assert {name: (table.dim, int(table.present.sum())) for name, table in tables.items()} == {
        "text": (384, 6),
        "image": (1280, 6),
    }
    shutil.rmtree(tmp_path / "cache")
