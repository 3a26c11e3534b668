"""Both stores give the same answers about the same graphs. A known gap is a strict xfail with its reason."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from graph.bolt import BoltStore
from graph.local_store import LocalStore
from graph.neo4j_store import Neo4jStore
from graph.queries import QUERIES
from graph.queries_changes import CHANGES
from graph.queries_erase import ERASE
from graph.queries_link import LINK
from graph.queries_refresh import REFRESH
from graph.queries_snapshot import acts_of, all_ids, count_nodes, nodes_between, nodes_of, triples_from
from graph.queries_tags import TAGS
from graph.queries_write_back import DERIVED
from graph.schema import KIND_TO_TYPE, TYPE_TO_KIND, EdgeBatch
from graph.snapshot import NO_TIME
from tests.conftest import empty
from tests.congruence.graphs import Graph, generate
from tests.congruence.reads import READS, WRITES

pytestmark = [pytest.mark.integration, pytest.mark.neo4j]

GAPS = {
    "no rows": "ArcadeDB names the columns of an answer by its first row: none, no names",
    "remove a quoted name": "ArcadeDB takes the quotes in REMOVE n.`name` for a part of the name",
}
LAST = "\U0010ffff"
RANGE = {"after": "", "upto": LAST}
NOT_COMPARED = {
    "vector_index_dim": "Neo4j's own",
    "nearest": "needs a vector index, whose name is the store's own: the contract suite compares it with NumPy",
    "set_item_properties": "a write, in the tests of encoders",
    "set_user_properties": "a write, on both stores in tests/encoders/language/test_enrich.py",
    **dict.fromkeys(TAGS, "vectors and tags, written and read on both stores in tests/encoders/test_zeroshot.py"),
    **dict.fromkeys(DERIVED, "written and read on both stores in tests/serving/test_write_back.py"),
    **dict.fromkeys(ERASE, "people and who names them, on both stores in tests/graph/test_erased.py"),
    **dict.fromkeys(CHANGES, "versions and tokens, written and read on both stores in tests/graph/test_changes.py"),
    **dict.fromkeys(
        [name for name in LINK if name not in ("link_users", "link_items")],
        "links and their removal, in tests/graph/link",
    ),
    **dict.fromkeys(REFRESH, "runs and leases, written and read on both stores in tests/serving/test_refresh_runs.py"),
}

_VECTORS = "the generated graphs hold no vectors: tests/graph/test_explain.py has some"
_CHANCE = "what comes next, and which friends tell, is chance in the generated graphs: tests/graph/test_explain.py"
MAY_FIND_NOTHING = {
    **{f"path_{new}similar_{name}": _VECTORS for new in ("", "new_") for name in ("text", "image", "audio")},
    **dict.fromkeys(("path_next", "path_new_next", "path_friend", "path_friends", "items_friends"), _CHANCE),
}


class Both(NamedTuple):
    """The same graph in both stores."""

    graph: Graph
    local: BoltStore
    neo4j: BoltStore

    def parameters(self) -> dict[str, Any]:
        graph = self.graph
        return {
            "user": graph.users[0], "item": graph.items[5], "genre": graph.genres[0], "types": ["RATED", "VIEWED"],
            "ids": [*graph.items[-6:], "none"], "text": "TITLE Q", "limit": 4, "name": "year",
        }  # fmt: skip


@pytest.fixture(scope="module", params=[1, 2])
def both(
    request: pytest.FixtureRequest,
    local_home: Path,
    database_names: Iterator[str],
    neo4j_server: tuple[str, str | None],
) -> Iterator[Both]:
    graph = generate(request.param)
    local = LocalStore.open(local_home, database=next(database_names))
    neo4j = Neo4jStore.open(neo4j_server[0], password=neo4j_server[1])
    empty(neo4j)
    for store in (local, neo4j):
        store.bulk_load(graph.batches)
    yield Both(graph, local, neo4j)
    local.drop()
    for store in (local, neo4j):
        store.close()


def _cases(names: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=GAPS[name])) if name in GAPS else name
        for name in names
    ]


@pytest.mark.parametrize("name", _cases(READS))
def test_read(both: Both, name: str) -> None:
    _compare(both, READS[name], both.parameters())


@pytest.mark.parametrize("name", _cases(WRITES))
def test_write(both: Both, name: str) -> None:
    write, read = WRITES[name]
    answers = []
    for store in (both.local, both.neo4j):
        with pytest.raises(_UndoError), store.transaction() as transaction:  # noqa: PT012
            transaction.query(write, both.parameters())
            answers.append(transaction.query(read, both.parameters()))
            raise _UndoError
    assert _canonical(answers[0].rows, read) == _canonical(answers[1].rows, read)


@pytest.mark.parametrize("name", sorted(set(QUERIES) - set(NOT_COMPARED)))
def test_named_query(both: Both, name: str) -> None:
    rows = [_compare(both, QUERIES[name], parameters) for parameters in _named_parameters(both.graph, name)]
    assert any(rows) or name in MAY_FIND_NOTHING, "no parameters of this test find anything"


@pytest.mark.parametrize("label", ["User", "Item", "Genre", "Entity", "Person"])
def test_reads_of_a_snapshot(both: Both, label: str) -> None:
    _compare(both, all_ids(label), {})
    _compare_columns(both, nodes_between(label), RANGE)
    _compare_columns(both, nodes_between(label), {"after": "m:i05", "upto": "m:i07"})
    _compare(
        both, nodes_of(label), {"ids": [*both.graph.items[:3], *both.graph.users[:3], *both.graph.genres[:2], "none"]}
    )
    _compare(both, count_nodes(label), {})
    types = {batch.type for batch in both.graph.batches if isinstance(batch, EdgeBatch)}
    for name in sorted(types):
        counts = {store.relationship_count(name) for store in (both.local, both.neo4j)}
        assert len(counts) == 1
        assert counts.pop() > 0
    relations = sorted(types - TYPE_TO_KIND.keys())
    _compare_columns(both, triples_from(label, relations), RANGE)
    for name in sorted(types & TYPE_TO_KIND.keys()):
        _compare_columns(both, acts_of(name), {**RANGE, "unknown_value": -1.0, "unknown_time": -1})


def _compare_columns(both: Both, text: str, parameters: dict[str, Any]) -> None:
    """One row of lists of equal length: their entries in any order, and what an entry has collected too."""
    answers = []
    for store in (both.local, both.neo4j):
        (columns,) = store.query(text, parameters).rows
        answers.append(_canonical(list(zip(*columns, strict=True)), text))
    assert answers[0] == answers[1]


def _compare(both: Both, text: str, parameters: dict[str, Any]) -> int:
    ours, theirs = both.local.query(text, parameters), both.neo4j.query(text, parameters)
    assert _canonical(ours.rows, text) == _canonical(theirs.rows, text)
    assert ours.columns == theirs.columns or (not ours.rows and "MATCH (n:Nowhere)" not in text)
    return len(ours)


def _canonical(rows: list[tuple[Any, ...]], text: str) -> list[Any]:
    """Rows that compare: floats to 9 digits, lists sorted; rows sorted too unless the query orders them last."""
    canonical = [tuple(_value(value) for value in row) for row in rows]
    last = text.rpartition("RETURN")[2]
    return canonical if "ORDER BY" in last else sorted(canonical, key=repr)


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else round(value, 9)
    if isinstance(value, list):
        return sorted((_value(one) for one in value), key=repr)
    if isinstance(value, dict):
        return {name: _value(one) for name, one in sorted(value.items())}
    return value


def _named_parameters(graph: Graph, name: str) -> list[dict[str, Any]]:
    """Parameters for a named query: its own, or for proofs of paths many, so that some find something."""
    common = {
        "user": graph.users[0], "users": graph.users, "items": graph.items, "ids": graph.items, "limit": 50,
        "types": list(KIND_TO_TYPE.values()), "at_least": 3.0, "after": "", "upto": LAST, "until": LAST,
        "unknown_value": float("nan"), "unknown_time": NO_TIME, "item": graph.items[0], "before": LAST, "page": 50,
        "agreed": True,
    }  # fmt: skip
    if name.startswith("pairs_"):
        return [{**common, "pairs": [{**path, "label": "Genre"} for path in _paths(graph)]}]
    if name.startswith("paths_"):
        return [{**common, "paths": _paths(graph)}]
    if name.startswith("path_"):
        return [{**common, **path} for path in _paths(graph)]
    return [common]


def _paths(graph: Graph) -> list[dict[str, Any]]:
    """Paths of each kind that `graph.explain` proves, a few each, and one that is not there."""
    pairs = {batch.type: list(zip(*(batch.rows[end].to_pylist() for end in ("head", "tail")), strict=True))
             for batch in graph.batches if isinstance(batch, EdgeBatch)}  # fmt: skip
    rated, genres, sequels = pairs["RATED"], pairs["HAS_GENRE"], pairs["SEQUEL_OF"]
    attribute = [
        _path(user, liked, item, "HAS_GENRE", genre)
        for user, liked in rated for film, genre in genres if film == liked for item, other in genres if other == genre
    ]  # fmt: skip
    neighbour = [
        _path(user, liked, item, "RATED", fan)
        for user, liked in rated for fan, film in rated if film == liked for other, item in rated if other == fan
    ]  # fmt: skip
    after = [
        _path(user, head, tail, "SEQUEL_OF", "") for user, liked in rated for head, tail in sequels if head == liked
    ]
    before = [
        _path(user, tail, head, "SEQUEL_OF", "") for user, liked in rated for head, tail in sequels if tail == liked
    ]
    absent = _path(graph.users[0], "m:none", graph.items[0], "HAS_GENRE", graph.genres[0])
    return [*attribute[::20][:8], *neighbour[::20][:8], *after[:6], *before[:6], absent]


def _path(user: str, liked: str, item: str, relation: str, via: str) -> dict[str, Any]:
    ends = {"user": user, "liked": liked, "item": item, "relation": relation, "via": via}
    return {**ends, "liking": "RATED", "at_least": 0.0, "last": "RATED", "label": "Genre", "by": "RATED", "people": 1,
            "cosine": 0.0}  # fmt: skip


class _UndoError(Exception):
    """Rolls a transaction back."""
