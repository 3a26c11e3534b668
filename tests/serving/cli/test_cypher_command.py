"""`interlace cypher` on a local store: formats, parameters, and refusals that teach."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from graph.local_store import LocalStore
from graph.schema import Entity, Interaction
from serving.cli.cypher import parameters, query_text
from serving.cli.cypher_table import cell
from tests.serving.cli.conftest import Interlace


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store with two users and two items, up for all tests of this file."""
    store = LocalStore.open(tmp_path_factory.mktemp("cypher") / "store")
    users = [Entity("User", "p:ann", {"email": "ann@example.org", "age": 41}), Entity("User", "p:bob", {"age": 30})]
    items = [Entity("Item", "p:i1", {"title": "One"}), Entity("Item", "p:i2", {"title": "Two"})]
    store.write([*users, *items], [Interaction("p:ann", "p:i1", "rated", 4.5, 100)])
    yield store.url
    store.close()


@pytest.mark.integration
def test_a_table_for_people(interlace: Interlace, store_url: str) -> None:
    answer = interlace("cypher", "MATCH p = (u:User)-[r]->(i) RETURN u.age, i, p", "--store", store_url)
    assert answer.code == 0
    assert '(:Item {id: "p:i1", title: "One"})' in answer.out
    assert "-[:RATED {at: 100, value: 4.5}]->" in answer.out
    assert "1 row in" in answer.out


@pytest.mark.integration
def test_one_json_object(interlace: Interlace, store_url: str) -> None:
    query = "MATCH (u:User {id: $user}) RETURN u.age AS age"
    answer = interlace("cypher", query, "-p", "user=p:bob", "--store", store_url, "--json")
    assert answer.json["rows"] == [[30]]
    assert answer.json["types"] == ["Integer"]


@pytest.mark.integration
def test_files_in_and_out(interlace: Interlace, store_url: str, tmp_path: Path) -> None:
    (tmp_path / "q.cypher").write_text("MATCH (i:Item) RETURN i.title AS title ORDER BY title")
    for form in ("csv", "ndjson", "arrow"):
        target = tmp_path / f"out.{form}"
        arguments = ("--file", tmp_path / "q.cypher", "--format", form, "-o", target, "--store", store_url)
        assert interlace("cypher", *arguments).out == ""
    rows = list(csv.reader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert rows == [["title"], ["One"], ["Two"]]
    assert json.loads((tmp_path / "out.ndjson").read_text().splitlines()[1]) == {"title": "Two"}
    assert pa.ipc.open_stream((tmp_path / "out.arrow").read_bytes()).read_all().to_pydict() == {"title": ["One", "Two"]}


@pytest.mark.integration
def test_private_values_only_for_the_owner_who_asks(interlace: Interlace, store_url: str) -> None:
    query = "MATCH (u:User {id: 'p:ann'}) RETURN u"
    assert "ann@example.org" not in interlace("cypher", query, "--store", store_url).out
    assert "ann@example.org" in interlace("cypher", query, "--show-private", "--store", store_url).out


@pytest.mark.integration
def test_a_cut_off_answer_says_so(interlace: Interlace, store_url: str) -> None:
    answer = interlace("cypher", "UNWIND range(1, 9) AS x RETURN x", "--limit", "3", "--store", store_url)
    assert "--limit 3" in answer.err
    assert "3 rows" in answer.out


@pytest.mark.integration
def test_a_write_is_refused(interlace: Interlace, store_url: str) -> None:
    answer = interlace("cypher", "MATCH (u:User) SET u.age = 1", "--store", store_url, "--json")
    assert answer.code == 2
    assert answer.json["error"]["status"] == 403


def test_exactly_one_query(interlace: Interlace) -> None:
    assert "interlace cypher 'MATCH" in interlace("cypher").err
    assert "two queries" in interlace("cypher", "RETURN 1", "--file", "x.cypher").err
    assert "'x.cypher'" in interlace("cypher", "--file", "x.cypher").err
    assert query_text("RETURN 1", None) == "RETURN 1"


def test_parameters_are_json_or_text() -> None:
    given = ["user=movielens:196", "year=1999", '$ids=["a", 1]', 'text="1999"', "empty="]
    expected = {"user": "movielens:196", "year": 1999, "ids": ["a", 1], "text": "1999", "empty": ""}
    assert parameters(given) == expected


def test_a_parameter_without_a_value_is_named(interlace: Interlace) -> None:
    assert "'user'" in interlace("cypher", "RETURN 1", "-p", "user").err


def test_cells_read_like_cypher() -> None:
    end = {"labels": ["A"], "id": "x"}
    back = {"_type": "relationship", "type": "R", "start": {"labels": ["B"], "id": "y"}, "end": end, "properties": {}}
    a, b = ({"_type": "node", "labels": [one], "id": key, "properties": {}} for one, key in (("A", "x"), ("B", "y")))
    assert cell({"_type": "path", "elements": [a, back, b]}) == "(:A)<-[:R]-(:B)"
    assert cell(back) == '(:B "y")-[:R]->(:A "x")'
    assert cell([1, "a", {"k": None}]) == '[1, "a", {k: null}]'
    assert cell("plain") == "plain"
