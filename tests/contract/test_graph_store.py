"""The contract of a graph store, on every store there is."""

from __future__ import annotations

import importlib
import math
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import graph
from graph.errors import Conflict, InvalidData, StoreUnavailable
from graph.local_store import LocalStore
from graph.neo4j_store import Neo4jStore
from graph.schema import EdgeBatch, Entity, Interaction, NodeBatch, Triple
from graph.store import GraphStore, Written, open_store

TESTED = {LocalStore, Neo4jStore}
"""What the fixture `any_store` yields."""

HOSTILE_IDS = [
    "it's",
    'say "hi"',
    "back\\slash\\",
    "line\nbreak\r\ttab",
    "`tick`",
    "') DETACH DELETE n //",
    "{$id} ${id} #1:0",
    "\u0001control",
    "naïve café",
    "日本語",
    "👩‍👩‍👧 family",
    "  spaces  ",
    "null",
    "x" * 1000,
]


def test_every_store_is_tested_here() -> None:
    assert _stores() == TESTED


def test_query_by_name_by_text_and_with_parameters(any_store: GraphStore) -> None:
    assert any_store.query("node_count").rows == [(0,)]
    table = any_store.query("UNWIND $rows AS row RETURN row.a AS a, row.b AS b", {"rows": [{"a": 1, "b": "x"}]})
    assert table.columns == ("a", "b")
    assert table.dicts() == [{"a": 1, "b": "x"}]


@pytest.mark.parametrize("query", ["no_such_query", "MATCH (n RETURN n", "RETURN missing_variable", "RETURN $missing"])
def test_a_bad_query_is_invalid_data(any_store: GraphStore, query: str) -> None:
    with pytest.raises(InvalidData):
        any_store.query(query)


def test_write_creates_then_updates(any_store: GraphStore) -> None:
    film = Entity("Item", "m:1", {"title": "Heat", "year": 1995, "rating": 8.0, "seen": True, "cast": ["a", "b"]})
    assert any_store.write([film, Entity("User", "m:u")]) == Written(2, 0)
    assert any_store.write([Entity("Item", "m:1", {"title": "Heat (1995)"})]) == Written(1, 0)
    (properties,) = any_store.query("MATCH (n:Item) RETURN properties(n)").rows[0]
    assert properties == {
        "id": "m:1", "title": "Heat (1995)", "year": 1995, "rating": 8.0, "seen": True, "cast": ["a", "b"],
    }  # fmt: skip
    assert any_store.query("node_count").rows == [(2,)]


def test_write_interactions_once_per_time_and_once_without(any_store: GraphStore) -> None:
    _pair(any_store)
    timed = [Interaction("m:u", "m:i", "rated", 4.0, 10), Interaction("m:u", "m:i", "rated", 5.0, 20)]
    for _ in range(2):
        any_store.write(interactions=[*timed, Interaction("m:u", "m:i", "rated", 1.0)])
    any_store.write(interactions=[Interaction("m:u", "m:i", "rated", 2.0), Interaction("m:u", "m:i", "rated", 4.5, 10)])
    rows = any_store.query("MATCH (:User)-[r:RATED]->(:Item) RETURN r.at, r.value").rows
    assert sorted(rows, key=lambda row: row[0] or 0) == [(None, 2.0), (10, 4.5), (20, 5.0)]


def test_write_triples_between_any_labels(any_store: GraphStore) -> None:
    entities = [Entity("Item", "m:i"), Entity("Genre", "Genre:Noir", {"name": "Noir"}), Entity("Entity", "m:e")]
    triples = [Triple("m:i", "HAS_GENRE", "Genre:Noir", tail_label="Genre"), Triple("m:i", "FILM_ACTOR", "m:e")]
    assert any_store.write(entities, triples=triples) == Written(3, 2)
    assert any_store.write(triples=triples) == Written(0, 2)
    assert any_store.query("relationship_count").rows == [(2,)]


def test_relationships_are_counted_by_type_also_after_some_went(any_store: GraphStore) -> None:
    entities = [Entity("Item", f"m:i{number}") for number in range(4)]
    any_store.write(
        entities, triples=[Triple(f"m:i{number}", "LIKE", "m:i3", tail_label="Item") for number in range(3)]
    )
    assert any_store.relationship_count("LIKE") == 3
    any_store.query("MATCH (:Item {id: 'm:i0'})-[r:LIKE]->() DELETE r")
    assert any_store.relationship_count("LIKE") == 2
    assert any_store.relationship_count("NEVER_SEEN") == 0
    with pytest.raises(InvalidData):
        any_store.relationship_count("A`B")


def test_write_with_a_missing_end_writes_nothing(any_store: GraphStore) -> None:
    _pair(any_store)
    interactions = [Interaction("m:u", "m:i", "viewed", at=1), Interaction("m:u", "m:gone", "viewed", at=2)]
    with pytest.raises(InvalidData, match="m:gone"):
        any_store.write([Entity("Item", "m:other")], interactions)
    assert any_store.query("node_count").rows == [(2,)]
    assert any_store.query("relationship_count").rows == [(0,)]


def test_write_an_unknown_kind_is_invalid(any_store: GraphStore) -> None:
    with pytest.raises(InvalidData, match="stared"):
        any_store.write(interactions=[Interaction("m:u", "m:i", "stared")])


@pytest.mark.parametrize("name", ["a-b", "A`) DETACH DELETE (n", "", "1st", "x" * 129])
def test_a_name_that_is_not_safe_never_reaches_the_store(any_store: GraphStore, name: str) -> None:
    rows = pa.table({"id": ["m:1"]})
    ends = pa.table({"head": ["m:u"], "tail": ["m:i"]})
    with pytest.raises(InvalidData):
        any_store.write([Entity(name, "m:1")])
    with pytest.raises(InvalidData):
        any_store.write([Entity("Item", "m:1", {name: 1})])
    with pytest.raises(InvalidData):
        any_store.bulk_load([NodeBatch(name, rows)])
    with pytest.raises(InvalidData):
        any_store.bulk_load([EdgeBatch(name, "User", "Item", ends)])
    with pytest.raises(InvalidData):
        any_store.ensure_schema([name])
    with pytest.raises(InvalidData):
        any_store.ensure_vector_index("Item", name, 3)
    with pytest.raises(InvalidData):
        any_store.nearest(name, "embedding", [1.0], 1)


def test_hostile_ids_and_values_are_data(any_store: GraphStore) -> None:
    half = len(HOSTILE_IDS) // 2
    any_store.write([Entity("Item", name, {"title": name}) for name in HOSTILE_IDS[:half]])
    rest = pa.table({"id": HOSTILE_IDS[half:], "title": HOSTILE_IDS[half:]})
    any_store.bulk_load([NodeBatch("Item", rest)])
    any_store.write([Entity("User", "m:u")])
    ends = pa.table({"head": ["m:u"] * len(HOSTILE_IDS), "tail": HOSTILE_IDS, "note": HOSTILE_IDS})
    any_store.bulk_load([EdgeBatch("VIEWED", "User", "Item", ends)])
    rows = any_store.query("MATCH (:User)-[r:VIEWED]->(i:Item) RETURN i.id, i.title, r.note").rows
    assert sorted(rows) == sorted((name, name, name) for name in HOSTILE_IDS)
    assert any_store.query("MATCH (n:Item {id: $id}) RETURN count(n)", {"id": HOSTILE_IDS[5]}).rows == [(1,)]


def test_transaction_commits_or_rolls_back(any_store: GraphStore) -> None:
    any_store.ensure_schema(["Item"])
    with any_store.transaction() as transaction:
        transaction.query("CREATE (:Item {id: 'm:1'})")
        assert transaction.query("node_count").rows == [(1,)]
    with pytest.raises(InvalidData), any_store.transaction() as transaction:  # noqa: PT012
        transaction.query("CREATE (:Item {id: 'm:2'})")
        transaction.query("no_such_query")
    assert any_store.query("MATCH (n:Item) RETURN n.id").rows == [("m:1",)]


def test_bulk_load_keeps_types_and_leaves_nulls_out(any_store: GraphStore) -> None:
    rows = pa.table(
        {
            "id": ["m:1", "m:2"],
            "whole_float": [3.0, None],
            "small_float": pa.array([0.1, None], pa.float32()),
            "int": pa.array([2**53 + 1, None], pa.int64()),
            "flag": [True, None],
            "text": ["a\nb", None],
            "words": [["x", 'y"'], None],
            "numbers": pa.array([[1.0, 2.5], None], pa.list_(pa.float64())),
            "category": pa.array(["c", None]).dictionary_encode(),
            "nothing": pa.nulls(2),
        }
    )
    any_store.bulk_load([NodeBatch("Item", rows)])
    (first,), (second,) = any_store.query("MATCH (n:Item) RETURN properties(n) ORDER BY n.id").rows
    assert np.float32(first.pop("small_float")) == np.float32(0.1)
    assert first == {
        "id": "m:1", "whole_float": 3.0, "int": 2**53 + 1, "flag": True, "text": "a\nb", "words": ["x", 'y"'],
        "numbers": [1.0, 2.5], "category": "c",
    }  # fmt: skip
    assert isinstance(first["whole_float"], float)
    assert isinstance(first["flag"], bool)
    assert second == {"id": "m:2"}


def test_bulk_load_joins_new_and_old_nodes_and_reports_progress(any_store: GraphStore) -> None:
    any_store.write([Entity("User", "m:old")])
    done: list[int] = []
    written = any_store.bulk_load(
        [
            NodeBatch("Item", pa.table({"id": [f"m:{n}" for n in range(300)]})),
            EdgeBatch("RATED", "User", "Item", _ratings("m:old", range(300))),
            NodeBatch("User", pa.table({"id": ["m:new"]})),
            EdgeBatch("RATED", "User", "Item", _ratings("m:new", range(100))),
        ],
        done.append,
    )
    assert written == Written(301, 400)
    assert sum(done) == 701
    rows = any_store.query("MATCH (u:User)-[r:RATED]->(i) RETURN u.id, count(i), sum(r.value)").rows
    assert sorted(rows) == [("m:new", 100, 50.0), ("m:old", 300, 150.0)]


def test_bulk_load_of_nothing(any_store: GraphStore) -> None:
    empty = NodeBatch("Item", pa.table({"id": pa.array([], pa.string())}))
    no_edges = EdgeBatch("RATED", "User", "Item", _ratings("m:u", range(0)))
    assert any_store.bulk_load([]) == Written(0, 0)
    assert any_store.bulk_load([empty, no_edges]) == Written(0, 0)


def test_bulk_load_refuses_an_end_that_is_not_there(any_store: GraphStore) -> None:
    _pair(any_store)
    with pytest.raises(InvalidData, match="not there"):
        any_store.bulk_load([EdgeBatch("RATED", "User", "Item", _ratings("m:u", range(3)))])
    assert any_store.query("relationship_count").rows == [(0,)]


def test_bulk_load_of_an_id_that_is_there_is_a_conflict(any_store: GraphStore) -> None:
    _pair(any_store)
    with pytest.raises(Conflict):
        any_store.bulk_load([NodeBatch("Item", pa.table({"id": ["m:new", "m:i"]}))])
    assert any_store.query("MATCH (n:Item) RETURN n.id").rows == [("m:i",)]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_bulk_load_refuses_a_number_that_is_none(any_store: GraphStore, bad: float) -> None:
    _pair(any_store)
    ends = pa.table({"head": ["m:u"], "tail": ["m:i"], "value": [bad]})
    with pytest.raises(InvalidData, match="NaN or infinite"):
        any_store.bulk_load([EdgeBatch("RATED", "User", "Item", ends)])
    with pytest.raises(InvalidData, match="NaN or infinite"):
        any_store.bulk_load([NodeBatch("Item", pa.table({"id": ["m:2"], "vector": [[1.0, bad]]}))])


def test_ensure_schema_makes_ids_unique(any_store: GraphStore) -> None:
    any_store.ensure_schema(["Genre"])
    any_store.ensure_schema(["Genre"])
    any_store.query("CREATE (:Genre {id: 'Genre:Noir'})")
    with pytest.raises(Conflict):
        any_store.query("CREATE (:Genre {id: 'Genre:Noir'})")


def test_vectors_come_back_exactly_and_nearest_is_by_cosine(any_store: GraphStore) -> None:
    vectors = np.random.default_rng(5).normal(size=(60, 8)).astype(np.float32)
    any_store.ensure_vector_index("Item", "embedding", 8)
    _write_vectors(any_store, vectors)
    for name, vector in any_store.query("MATCH (n:Item) RETURN n.id, n.embedding"):
        np.testing.assert_array_equal(np.array(vector, np.float32), vectors[int(name[2:])])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit[7]
    best = np.argsort(-cosine)[:5]
    found = any_store.nearest("Item", "embedding", vectors[7].tolist(), 5)
    assert found.columns == ("id", "score")
    assert [row[0] for row in found] == [f"m:{n}" for n in best]
    np.testing.assert_allclose([row[1] for row in found], cosine[best], atol=2e-3)


def test_vector_index_on_what_is_there_and_of_another_length(any_store: GraphStore) -> None:
    vectors = np.eye(4, dtype=np.float32)
    _write_vectors(any_store, vectors)
    for _ in range(2):
        any_store.ensure_vector_index("Item", "embedding", 4)
    assert any_store.nearest("Item", "embedding", [0.0, 0.0, 1.0, 0.1], 1).rows[0][0] == "m:2"
    any_store.ensure_vector_index("Item", "embedding", 3)
    assert any_store.query("MATCH (n:Item) WHERE n.embedding IS NOT NULL RETURN count(n)").rows == [(0,)]
    _write_vectors(any_store, vectors[:3, :3])
    assert any_store.nearest("Item", "embedding", [0.0, 1.0, 0.1], 1).rows[0][0] == "m:1"


def test_writers_that_meet_are_retried_and_lose_nothing(any_store: GraphStore) -> None:
    _pair(any_store)

    def add(worker: int) -> None:
        for step in range(10):
            any_store.write([Entity("Item", "m:i", {f"worker{worker}": step})])
            any_store.write(interactions=[Interaction("m:u", "m:i", "viewed", at=worker * 100 + step)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert any_store.query("relationship_count").rows == [(40,)]
    (properties,) = any_store.query("MATCH (n:Item) RETURN properties(n)").rows[0]
    assert properties == {"id": "m:i", **{f"worker{worker}": 9 for worker in range(4)}}


@pytest.mark.parametrize("url", ["bolt://127.0.0.1:1", "neo4j://127.0.0.1:1"])
def test_a_store_that_is_down_is_unavailable_and_named(url: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1") as caught:
        open_store(url, password="none")
    assert caught.value.remedy


@pytest.mark.parametrize("url", ["", "local:", "http://x", "bolt:", "neo4j://", "sqlite:///x", "bolt://", "x"])
def test_another_url_is_invalid_and_the_valid_ones_are_listed(url: str) -> None:
    with pytest.raises(InvalidData, match="local:FOLDER") as caught:
        open_store(url)
    assert "neo4j+s://" in caught.value.valid


@pytest.mark.neo4j
def test_a_wrong_password_is_unavailable(neo4j_server: tuple[str, str | None]) -> None:
    url, password = neo4j_server
    if password is None:
        pytest.skip("this Neo4j wants no password")
    with pytest.raises(StoreUnavailable, match="password"):
        open_store(url, password="wrong")


def _stores() -> set[type]:
    """Classes below `graph` that have every method of the contract, but for bases."""
    methods = {name for name in vars(GraphStore) if not name.startswith("_")}
    modules = [importlib.import_module(f"graph.{found.name}") for found in pkgutil.iter_modules(graph.__path__)]
    classes = {thing for module in modules for thing in vars(module).values() if isinstance(thing, type)}
    return {one for one in classes if one is not GraphStore and all(callable(getattr(one, m, None)) for m in methods)}


def _pair(store: GraphStore) -> None:
    store.write([Entity("User", "m:u"), Entity("Item", "m:i")])


def _ratings(user: str, items: range) -> pa.Table:
    tails = pa.array([f"m:{n}" for n in items], pa.string())
    heads = pa.array([user] * len(items), pa.string())
    return pa.table({"head": heads, "tail": tails, "value": pa.array([0.5] * len(items), pa.float64())})


def _write_vectors(store: GraphStore, vectors: np.ndarray) -> None:
    store.write([Entity("Item", f"m:{n}", {"embedding": vector.tolist()}) for n, vector in enumerate(vectors)])


def test_local_urls_open_the_folder(local_home: Path) -> None:
    store = open_store(f"local:{local_home}")
    assert store.query("RETURN 1 AS one").rows == [(1,)]
    store.close()
