"""A running Neo4j as a source: our own schema as it is, a foreign graph through a map, nodes without ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.errors import InvalidData, StoreUnavailable
from graph.export.as_source import store_source
from graph.ingest import ingest
from graph.local_store import LocalStore
from graph.neo4j_import import open_neo4j
from graph.snapshot_files import content_hash
from graph.snapshot_read import read_snapshot
from graph.sources.graph_map import GraphMap, make_map, read_map
from tests.congruence.graphs import generate

LATER = 2.0e10

FOREIGN = """
CREATE (a:Customer:VIP {nr: 1, name: 'Ann', since: date('2020-02-03')}), (b:Customer {nr: 2}),
  (p:Product {name: 'Pen', tags: ['x', 'y'], price: 1.5}), (q:Product {name: 'Ink'}), (s:`Odd Shop` {name: 'S'}),
  (a)-[:BOUGHT {when: datetime('2020-01-01T00:00:00Z'), amount: 2}]->(p), (b)-[:SAW]->(q), (p)-[:`SOLD IN`]->(s)
"""


@pytest.mark.neo4j
@pytest.mark.integration
def test_a_graph_of_our_own_comes_as_it_is(neo4j_store, neo4j_server, local_store, tmp_path, monkeypatch):
    monkeypatch.setattr("graph.neo4j_import.NODES_A_CHUNK", 20)
    monkeypatch.setattr("graph.neo4j_import.EDGES_A_CHUNK", 50)
    neo4j_store.bulk_load(generate(1).batches)
    neo4j_store.query("MATCH (n) WHERE n:User OR n:Item SET n.platform = 'm'")
    source = open_neo4j(neo4j_server[0], now=LATER, mapping=GraphMap(), user=None, password=neo4j_server[1])
    assert source.whole_ids
    report = ingest(local_store, source, home=tmp_path, max_refused=0)
    assert report.format == "neo4j"
    assert content_hash(read_snapshot(local_store)) == content_hash(read_snapshot(neo4j_store))
    back = ingest(neo4j_store, store_source(local_store), home=tmp_path / "other", now=LATER)
    assert (back.nodes, back.relationships, back.changed) == (0, 0, 0)


@pytest.mark.neo4j
@pytest.mark.integration
def test_a_foreign_graph_is_mapped(neo4j_store, neo4j_server, local_store, tmp_path):
    neo4j_store.query(FOREIGN)
    (tmp_path / "map.toml").write_text(
        '[properties]\n"Product.name" = "title"\n"BOUGHT.when" = "at"\namount = "value"\n[ids]\nCustomer = "nr"\n'
    )
    mapping = make_map(
        users=["Customer"],
        items=["Product"],
        interactions=["BOUGHT=purchased", "SAW=viewed"],
        file=tmp_path / "map.toml",
    )
    source = open_neo4j(neo4j_server[0], now=LATER, mapping=mapping, user=None, password=neo4j_server[1])
    report = ingest(local_store, source, platform="crm", home=tmp_path, max_refused=0)
    assert (report.nodes, report.relationships) == (6, 3)
    ann = local_store.query("MATCH (u:User {id: 'crm:1'}) RETURN properties(u)").rows[0][0]
    assert ann == {
        "id": "crm:1", "platform": "crm", "name": "Ann", "nr": 1, "since": "2020-02-03", "labels": ["Customer", "VIP"],
    }  # fmt: skip
    bought = local_store.query(
        "MATCH (:User)-[r:PURCHASED]->(i:Item) RETURN r.at, r.value, i.title, i.tags, i.kind"
    ).rows
    assert bought == [(1577836800, 2.0, "Pen", ["x", "y"], "item")]
    assert local_store.query("MATCH (:Item)-[r]->(s:Odd_Shop) RETURN type(r), s.name").rows == [("SOLD_IN", "S")]
    again = ingest(local_store, source, platform="crm", home=tmp_path, max_refused=0)
    assert (again.nodes, again.relationships, again.changed) == (0, 0, 0)
    with pytest.raises(InvalidData, match="needs a platform"):
        ingest(local_store, source, home=tmp_path)


def test_a_neo4j_that_is_down_is_named():
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
        open_neo4j("bolt://127.0.0.1:1", now=0, mapping=GraphMap(), user=None, password=None)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("user = 1", "user"),
        ("users = 1", "users"),
        ("[interactions]\nX = 1", "interactions"),
        ("[interactions]\nX = 'stared'", "stared"),
    ],
)
def test_a_map_that_is_wrong_names_the_key(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(InvalidData, match=name):
        read_map(tmp_path / "map.toml")


def test_an_interaction_without_a_kind_is_named():
    with pytest.raises(InvalidData, match="BOUGHT"):
        make_map(interactions=["BOUGHT"])


@pytest.fixture
def other_store(local_home: Path, database_names: Iterator[str]) -> Iterator[LocalStore]:
    store = LocalStore.open(local_home, database=next(database_names))
    yield store
    store.drop()
    store.close()


@pytest.mark.integration
def test_a_store_is_copied_into_another(local_store, other_store, tmp_path):
    local_store.bulk_load(generate(2).batches)
    report = ingest(other_store, store_source(local_store), home=tmp_path, now=LATER)
    assert report.nodes == local_store.query("node_count").rows[0][0]
    assert content_hash(read_snapshot(other_store)) == content_hash(read_snapshot(local_store))
    assert json.dumps(report.platforms) == "[]"
