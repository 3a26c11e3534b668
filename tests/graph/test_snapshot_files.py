"""A snapshot survives saving; its hash sees every part of it; damage is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from graph.errors import Conflict, InvalidData, NotFound
from graph.snapshot import EmbeddingTable, IdMap, Interactions, SameItems, Snapshot, Triples, no_same_items
from graph.snapshot_files import content_hash, load, save


@pytest.fixture
def snapshot() -> Snapshot:
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    return Snapshot(
        users=IdMap(("a:1", "a:'\n\"2"), "user"),
        items=IdMap(("a:x", "a:y", "a:ż🙂"), "item"),
        entities=IdMap(("Genre:Genre:Comedy",), "entity"),
        relations=("HAS_GENRE",),
        interactions=Interactions(
            np.array([0, 1], np.int32), np.array([2, 0], np.int32), np.array([3, 3], np.int8),
            np.array([np.nan, 4.5], np.float32), np.array([7, 8], np.int64),
        ),
        triples=Triples(np.array([0], np.int32), np.array([0], np.int16), np.array([3], np.int32)),
        friendships=np.array([[0, 1]], np.int32),
        identities={1: "p:1"},
        item_properties=pa.table({"id": ["a:x", "a:y", "a:ż🙂"], "title": ["X", None, "Z"], "year": [1, 2, None]}),
        user_properties=pa.table({"id": ["a:1", "a:'\n\"2"]}),
        embeddings={"text": EmbeddingTable(vectors, np.array([True, False, True]), "minilm", "1")},
        doubts={1: 0.7},
        same_items=SameItems(np.array([[0, 2]], np.int32), np.array([0.4], np.float32)),
    )  # fmt: skip


def test_saved_and_loaded_it_is_the_same(snapshot, tmp_path):
    again = load(save(snapshot, tmp_path / "one"))
    assert content_hash(again) == content_hash(snapshot)
    assert again.users == snapshot.users
    assert (again.identities, again.doubts) == (snapshot.identities, snapshot.doubts)
    assert again.same_items.pairs.tolist() == [[0, 2]]
    assert again.same_items.probability.tolist() == snapshot.same_items.probability.tolist()
    assert (again.embeddings["text"].vectors == snapshot.embeddings["text"].vectors).all()
    assert again.item_properties.to_pydict() == snapshot.item_properties.to_pydict()
    assert np.isnan(again.interactions.value[0])


def test_lists_survive_too(snapshot, tmp_path):
    table = pa.table({"id": ["a:1", "a:2"], "Hobby": pa.array([["art", "chess"], None], pa.list_(pa.string()))})
    snapshot = replace(snapshot, user_properties=table)
    again = load(save(snapshot, tmp_path / "one"))  # Parquet calls the values of a list otherwise than Arrow.
    assert again.user_properties.to_pydict() == table.to_pydict()
    assert content_hash(again) == content_hash(snapshot)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, users=IdMap(("a:1", "a:3"), "user")),
        lambda s: replace(s, interactions=s.interactions.take(np.array([0]))),
        lambda s: replace(s, interactions=replace(s.interactions, time=s.interactions.time + 1)),
        lambda s: replace(s, triples=replace(s.triples, head=s.triples.head + 1)),
        lambda s: replace(s, relations=("HAS_ACTOR",)),
        lambda s: replace(s, friendships=np.empty((0, 2), np.int32)),
        lambda s: replace(s, identities={}),
        lambda s: replace(s, doubts={}),
        lambda s: replace(s, same_items=no_same_items()),
        lambda s: replace(s, same_items=replace(s.same_items, probability=np.array([0.5], np.float32))),
        lambda s: replace(s, item_properties=s.item_properties.drop_columns(["title"])),
        lambda s: s.with_embeddings({}),
        lambda s: s.with_embeddings({"text": replace(s.embeddings["text"], version="2")}),
        lambda s: s.with_embeddings({"text": replace(s.embeddings["text"], present=np.array([True, True, True]))}),
    ],
)
def test_the_hash_sees_every_part(snapshot, change):
    assert content_hash(change(snapshot)) != content_hash(snapshot)


def test_the_hash_ignores_how_a_table_is_laid_out(snapshot):
    table = snapshot.item_properties
    shuffled = pa.concat_tables([table.slice(0, 1), table.slice(1)]).select(["year", "title", "id"])
    assert content_hash(replace(snapshot, item_properties=shuffled)) == content_hash(snapshot)


def test_saving_again_changes_nothing_and_another_snapshot_is_refused(snapshot, tmp_path):
    folder = save(snapshot, tmp_path / "one")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    save(snapshot, folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    with pytest.raises(Conflict, match="another snapshot"):
        save(snapshot.with_embeddings({}), folder)


@pytest.mark.parametrize("name", ["interactions.parquet", "text.safetensors", "manifest.json"])
def test_a_damaged_file_is_refused_with_a_remedy(snapshot, tmp_path, name):
    folder = save(snapshot, tmp_path / "one")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (folder / name).write_bytes(content)
    with pytest.raises(InvalidData, match="snapshot"):
        load(folder)


def test_a_missing_file_and_a_missing_folder(snapshot, tmp_path):
    folder = save(snapshot, tmp_path / "one")
    (folder / "triples.parquet").unlink()
    with pytest.raises(InvalidData, match="cannot be read"):
        load(folder)
    with pytest.raises(NotFound, match="no snapshot"):
        load(tmp_path / "nowhere")


def test_a_failed_save_leaves_nothing(snapshot, tmp_path):
    broken = replace(snapshot, item_properties=None)
    with pytest.raises(AttributeError):
        save(broken, tmp_path / "one")
    assert list(tmp_path.iterdir()) == []
