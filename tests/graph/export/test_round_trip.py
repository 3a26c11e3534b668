"""Out of one store and into another: the same graph, for every format that can hold everything, on both stores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from graph.errors import Conflict, InvalidData, StoreUnavailable
from graph.export.read import What
from graph.export.write import FORMATS, export_graph
from graph.ingest import ingest
from graph.local_store import LocalStore
from graph.schema import EdgeBatch, Entity, NodeBatch
from graph.snapshot_files import content_hash
from graph.snapshot_read import read_folder, read_snapshot
from graph.store import GraphStore
from tests.congruence.graphs import generate
from tests.graph.made import NOW, SHOP, write

pytestmark = pytest.mark.integration

LOSSLESS = [name for name in FORMATS if name not in {"recbole", "neo4j-csv"}]
LATER = 2.0e10  # the generated times lie in this range


@pytest.fixture
def other_store(local_home: Path, database_names: Iterator[str]) -> Iterator[LocalStore]:
    """A second fresh store."""
    store = LocalStore.open(local_home, database=next(database_names))
    yield store
    store.drop()
    store.close()


def fill(store: GraphStore) -> None:
    """Everything that a graph may hold: odd ids and texts, every kind of property, properties on relationships."""
    store.bulk_load(generate(1).batches)
    rows = pa.table(
        {
            "head": ["m:u0", "m:u1"], "tail": ["m:i00", "m:i01"], "value": [1.0, None], "at": [5, None],
            "note": ["a\n\"b\"", ""], "seen": [True, None], "parts": [["x", "y,z"], []], "count": [7, None],
        }
    )  # fmt: skip
    store.bulk_load([EdgeBatch("PURCHASED", "User", "Item", rows)])
    odd = pa.table({"id": ["odd:1", "odd:2"], "empty": ["", None], "numbers": [[1, 2], None], "flags": [[True], None]})
    store.bulk_load([NodeBatch("Odd", odd)])


def everything(store: GraphStore) -> list[Any]:
    """All nodes and relationships with all properties, in an order of their own."""
    nodes = store.query("MATCH (n) RETURN labels(n), properties(n)").rows
    edges = store.query("MATCH (h)-[r]->(t) RETURN labels(h)[0], h.id, type(r), labels(t)[0], t.id, properties(r)").rows
    return sorted(json.dumps(row, sort_keys=True) for row in [*nodes, *edges] if "GraphChange" not in str(row[0]))


@pytest.mark.parametrize("name", ["parquet", "turtle"])
def test_vectors_come_too_with_their_index(any_store, other_store, tmp_path, name):
    any_store.bulk_load(generate(2).batches)
    vectors = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    any_store.ensure_vector_index("Item", "text_embedding", 4)
    any_store.write(
        [
            Entity(
                "Item",
                f"m:i{n:02}",
                {"text_embedding": vector.tolist(), "text_embedding_encoder": "made", "text_embedding_version": "1"},
            )
            for n, vector in enumerate(vectors)
        ]
    )
    export_graph(any_store, tmp_path / "out", format=name, what=What(embeddings=True))
    ingest(other_store, tmp_path / "out", home=tmp_path / "home", now=LATER, max_refused=0)
    assert content_hash(read_snapshot(other_store)) == content_hash(read_snapshot(any_store))
    assert other_store.nearest("Item", "text_embedding", vectors[7].tolist(), 1).rows[0][0] == "m:i07"
    export_graph(any_store, tmp_path / "without", format=name)
    snapshot = read_snapshot(any_store)
    ingest(other_store, tmp_path / "without", home=tmp_path / "home", now=LATER, sync=True)
    assert content_hash(read_snapshot(other_store)) == content_hash(snapshot)


def test_an_export_is_whole_or_not_there(local_store, tmp_path, monkeypatch):
    local_store.bulk_load(generate(1).batches)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(Conflict, match="there already"):
        export_graph(local_store, tmp_path / "full", format="csv")
    with pytest.raises(InvalidData, match="no format"):
        export_graph(local_store, tmp_path / "out", format="excel")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("graph.export.folder.pyarrow.csv.CSVWriter", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        export_graph(local_store, tmp_path / "out", format="csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]


def test_recbole_holds_one_platform(local_store, tmp_path):
    shop = write(tmp_path / "shop", SHOP)
    ingest(local_store, shop, platform="shop", home=tmp_path, now=NOW)
    report = export_graph(local_store, tmp_path / "atomic", format="recbole")
    assert report.lost
    found = read_folder(tmp_path / "atomic", platform="shop", now=NOW).snapshot
    expected = read_folder(shop, platform="shop", now=NOW).snapshot
    assert (found.users.ids, found.items.ids) == (expected.users.ids, expected.items.ids)
    assert found.interactions.kind.tolist() == expected.interactions.kind.tolist()
    assert found.interactions.time.tolist() == expected.interactions.time.tolist()
    np.testing.assert_array_equal(found.interactions.value, expected.interactions.value)
    assert found.item_properties.column("title").to_pylist() == expected.item_properties.column("title").to_pylist()
    assert len(found.triples) == len(expected.triples)
    local_store.write([Entity("Item", "market:pen")])
    with pytest.raises(InvalidData, match="2 platforms"):
        export_graph(local_store, tmp_path / "again", format="recbole")
    assert export_graph(local_store, tmp_path / "again", format="recbole", platform="shop").folder


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_graph_comes_back_as_it_was(any_store, other_store, tmp_path, name):
    fill(any_store)
    report = export_graph(any_store, tmp_path / "out", format=name)
    assert report.lost == ()
    assert sum(report.nodes.values()) == any_store.query("MATCH (n) RETURN count(n)").rows[0][0]
    loaded = ingest(other_store, tmp_path / "out", home=tmp_path / "home", now=LATER, max_refused=0)
    assert (loaded.nodes, loaded.changed) == (sum(report.nodes.values()), 0)
    assert loaded.relationships == sum(report.relationships.values())
    assert everything(other_store) == everything(any_store)
    assert content_hash(read_snapshot(other_store)) == content_hash(read_snapshot(any_store))
    assert content_hash(read_folder(tmp_path / "out", now=LATER).snapshot) == content_hash(read_snapshot(any_store))
    again = ingest(other_store, tmp_path / "out", home=tmp_path / "home", now=LATER)
    assert (again.nodes, again.relationships, again.changed) == (0, 0, 0)
