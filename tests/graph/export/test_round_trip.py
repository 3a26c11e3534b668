"""Out of one store and into another: the same graph, for every format that can hold everything, on both stores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from graph.errors import Conflict, InvalidData
from graph.export.read import What
from graph.export.write import FORMATS, export_graph
from graph.ingest import ingest
from graph.local_store import LocalStore
from graph.schema import EdgeBatch, NodeBatch
from graph.snapshot_files import content_hash
from graph.snapshot_read import read_folder, read_snapshot
from graph.store import GraphStore
from tests.congruence.graphs import generate
from tests.graph.made import NOW

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
    again = ingest(other_store, tmp_path / "out", home=tmp_path / "home", now=LATER)
    assert (again.nodes, again.relationships, again.changed) == (0, 0, 0)
