"""POST /v1/cypher through the real application on both stores: formats, caps, time-outs, errors, privacy."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pyarrow as pa
import pytest

from graph.schema import Entity, Interaction
from graph.store import GraphStore
from serving.app import create_app
from serving.gateway import Gateway
from serving.middleware import Wrapped
from serving.service import make_service
from serving.settings import Settings
from tests.serving.conftest import client

pytestmark = pytest.mark.integration

Post = Callable[..., httpx.Response]
ENDLESS = "MATCH (a:N), (b:N), (c:N), (d:N) WHERE a.x + b.x + c.x + d.x = -1 RETURN count(*) AS n"
MANY = "UNWIND range(1, 300) AS x CREATE (:N {x: x})"
BIG = 2**53 + 1


@pytest.fixture
def app(any_store: GraphStore, home: Path) -> Iterator[Wrapped]:
    """The application on a small graph."""
    any_store.write(
        [
            Entity("User", "p:ann", {"platform": "p", "email": "ann@example.org", "age": 41}),
            Entity("User", "p:bob", {"platform": "p", "password_hash": "x", "age": 30}),
            Entity("Item", "p:i1", {"title": "One", "year": 1999, "text_embedding": [0.25] * 40, "big": BIG}),
            Entity("Item", "p:i2", {"title": "=2+3", "tags": ["a", "b"]}),
        ],
        [Interaction("p:ann", "p:i1", "rated", 4.5, 100), Interaction("p:bob", "p:i2", "liked", None, 200)],
    )
    settings = Settings(home=home, cypher_max_timeout=20, cypher_max_rows=5000, cypher_in_flight=2)
    service = make_service(settings, gateway=Gateway(lambda: any_store))
    yield create_app(settings, service)
    service.cypher.close()


@pytest.fixture
def post(app: Wrapped) -> Post:
    send = client(app)

    def ask(query: str, accept: str = "application/json", **options: Any) -> httpx.Response:
        return send("/v1/cypher", "POST", json={"query": query, **options}, headers={"accept": accept})

    return ask


def rows(answer: httpx.Response) -> list[list[Any]]:
    assert answer.status_code == 200, answer.text
    found: list[list[Any]] = answer.json()["rows"]
    return found


def test_rows_columns_and_types(post: Post) -> None:
    answer = post("MATCH (i:Item) RETURN i.title AS title, i.year AS year, i.tags AS tags ORDER BY i.id").json()
    assert answer["columns"] == ["title", "year", "tags"]
    assert answer["rows"] == [["One", 1999, None], ["=2+3", None, ["a", "b"]]]
    assert answer["types"] == ["String", "Integer", "List<String>"]
    assert answer["truncated"] is False
    assert 0 <= answer["seconds"] < 10


def test_nodes_relationships_and_paths_have_the_documented_shape(post: Post) -> None:
    node = {
        "_type": "node",
        "labels": ["User"],
        "id": "p:ann",
        "properties": {"age": 41, "id": "p:ann", "platform": "p"},
    }
    item = {"_type": "node", "labels": ["Item"], "id": "p:i1"}
    item["properties"] = {"big": BIG, "id": "p:i1", "title": "One", "year": 1999}
    rated = {
        "_type": "relationship",
        "type": "RATED",
        "start": {"labels": ["User"], "id": "p:ann"},
        "end": {"labels": ["Item"], "id": "p:i1"},
        "properties": {"at": 100, "value": 4.5},
    }
    assert rows(post("MATCH p = (u:User {id: $u})-[r]->() RETURN u, r, p", parameters={"u": "p:ann"})) == [
        [node, rated, {"_type": "path", "elements": [node, rated, item]}]
    ]


def test_a_relationship_alone_names_its_ends(post: Post) -> None:
    (found,) = rows(post("MATCH (:User)-[r:LIKED]->() RETURN [r] AS list, {r: r} AS map"))
    assert found[0][0]["start"] == {"labels": ["User"], "id": "p:bob"}
    assert found[1]["r"]["end"] == {"labels": ["Item"], "id": "p:i2"}


def test_answers_follow_the_openapi_document(app: Wrapped, post: Post) -> None:
    document = client(app)("/v1/openapi.json").json()
    schema = {"$ref": "#/components/schemas/CypherAnswer", "components": document["components"]}
    query = "MATCH p = (u:User)-[r]->(i) RETURN u, r, p, i, point({x: 1.5, y: 2}) AS at, date('2020-01-02') AS day"
    jsonschema.validate(post(query).json(), schema)


def test_values_of_every_type(post: Post) -> None:
    query = (
        "RETURN date('2020-02-03') AS d, localtime('12:30:00.5') AS lt, time('12:30+01:00') AS t, "
        "localdatetime('2020-02-03T12:30') AS ldt, datetime('2020-02-03T12:30Z') AS dt, duration('P1M2DT3S') AS du, "
        "point({x: 1, y: 2}) AS p, 0.0 / 0.0 AS nan, 1 / 0.0 AS inf, true AS b, null AS n, "
        f"{BIG} AS big, [1, 2.5] AS l, {{b: 1, a: [date('2020-02-03')]}} AS m, 2.0 AS f"
    )
    answer = post(query).json()
    times = ["2020-02-03", "12:30:00.5", "12:30:00+01:00", "2020-02-03T12:30:00", "2020-02-03T12:30:00Z", "P1M2DT3S"]
    point = {"_type": "point", "srid": 7203, "x": 1.0, "y": 2.0}
    assert answer["rows"] == [
        [*times, point, "NaN", "Infinity", True, None, BIG, [1, 2.5], {"a": ["2020-02-03"], "b": 1}, 2.0]
    ]
    types = "Date LocalTime Time LocalDateTime DateTime Duration Point Float Float Boolean Null Integer List<Number>"
    assert answer["types"] == [*types.split(), "Map", "Float"]


def test_an_empty_answer_has_its_columns(post: Post) -> None:
    answer = post("MATCH (n:Nowhere) RETURN n.id, count { (n)--() } AS degree, n AS `a b` ORDER BY degree").json()
    assert answer["columns"] == ["n.id", "degree", "a b"]
    assert answer["rows"] == []


def test_embeddings_only_where_asked_for(post: Post) -> None:
    query = "MATCH (i:Item {id: 'p:i1'}) RETURN i"
    assert "text_embedding" not in rows(post(query))[0][0]["properties"]
    assert len(rows(post(query, embeddings=True))[0][0]["properties"]["text_embedding"]) == 40
    assert len(rows(post("MATCH (i:Item {id: 'p:i1'}) RETURN i.text_embedding AS e"))[0][0]) == 40


def test_private_properties_are_never_shown(post: Post) -> None:
    shown = post("MATCH (u:User) RETURN u, [u] AS l, {u: u} AS m").text
    assert "ann@example.org" not in shown
    assert "password" not in shown
    for query in ("MATCH (u:User) RETURN u.email AS x", "MATCH (u:User) RETURN u.`E_Mail` AS x"):
        answer = post(query)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    [
        "CREATE (n:User {id: 'x'}) RETURN n",
        "MATCH (u:User) SET u.age = 1 RETURN u",
        "MATCH (u:User) DETACH DELETE u",
        "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
        "CALL dbms.listConfig()",
        "SHOW TRANSACTIONS",
        "EXPLAIN MATCH (n) RETURN n",
        "CREATE INDEX FOR (n:User) ON (n.age)",
    ],
)
def test_what_is_no_read_is_refused(post: Post, query: str) -> None:
    assert post(query).status_code == 403
    assert rows(post("MATCH (u:User) RETURN count(u) AS n, sum(u.age) AS ages")) == [[2, 71]]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("MATCH (n:Item) RETURN m", "variable 'm' is not defined"),
        ("RETURN $missing", "$missing"),
        ("RETURN 1 / 0", "/ by zero"),
    ],
)
def test_a_wrong_query_is_named_alike_by_both_stores(post: Post, query: str, words: str) -> None:
    answer = post(query)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert answer.json()["remedy"]


def test_the_row_cap(post: Post) -> None:
    answer = post("UNWIND range(1, 3000) AS x RETURN x", limit=10).json()
    assert answer["rows"] == [[x] for x in range(1, 11)]
    assert answer["truncated"] is True
    usual = post("UNWIND range(1, 3000) AS x RETURN x").json()
    assert (len(usual["rows"]), usual["truncated"]) == (1000, True)
    exact = post("UNWIND range(1, 10) AS x RETURN x", limit=10).json()
    assert (len(exact["rows"]), exact["truncated"]) == (10, False)
    assert post("RETURN 1 AS x", limit=5001).status_code == 422


def test_a_query_that_runs_too_long_is_ended(post: Post, any_store: GraphStore) -> None:
    any_store.query(MANY)
    began = time.monotonic()
    answer = post(ENDLESS, timeout=1)
    assert answer.status_code == 504
    assert "1 s" in answer.json()["detail"]
    assert time.monotonic() - began < 8
    assert rows(post("RETURN 1 AS x")) == [[1]]


def test_no_more_at_once_than_a_caller_may(post: Post, any_store: GraphStore) -> None:
    any_store.query(MANY)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(ENDLESS, timeout=2), range(4)))
    assert sorted(answer.status_code for answer in answers) == [429, 429, 504, 504]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert rows(post("RETURN 1 AS x")) == [[1]]


def test_json_lines(post: Post) -> None:
    lines = [json.loads(line) for line in post("UNWIND [1, 2] AS x RETURN x", "application/x-ndjson").text.splitlines()]
    assert lines[:2] == [{"x": 1}, {"x": 2}]
    assert (lines[2]["_type"], lines[2]["columns"], lines[2]["truncated"]) == ("summary", ["x"], False)


def test_csv_is_quoted_and_runs_no_formula(post: Post) -> None:
    items = "MATCH (i:Item) RETURN i.title AS title, i.tags AS `t, ags`"
    query = f"{items}, -1.5 AS n, 'a\"b\nc' AS q, i.year AS y ORDER BY i.id"
    answer = post(query, "text/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-interlace-truncated"] == "false"
    assert list(csv.reader(io.StringIO(answer.text, newline=""))) == [
        ["title", "t, ags", "n", "q", "y"],
        ["One", "", "-1.5", 'a"b\nc', "1999"],
        ["'=2+3", '["a","b"]', "-1.5", 'a"b\nc', ""],
    ]


def test_arrow(post: Post) -> None:
    query = (
        "MATCH (i:Item) RETURN i.title AS t, i.year AS y, 0.5 AS f, i.tags AS l, i AS node, i.year > 1 AS b ORDER BY t"
    )
    answer = post(query, "application/vnd.apache.arrow.stream")
    table = pa.ipc.open_stream(answer.content).read_all()
    assert [str(field.type) for field in table.schema] == [
        "string",
        "int64",
        "double",
        "list<item: string>",
        "string",
        "bool",
    ]
    assert table.column("y").to_pylist() == [None, 1999]
    assert table.column("l").to_pylist() == [["a", "b"], None]
    assert json.loads(table.column("node")[1].as_py())["id"] == "p:i1"
    assert table.schema.field("node").metadata == {b"interlace.type": b"Node"}
    assert table.schema.metadata == {b"interlace.truncated": b"false"}


def test_large_answers_stream_in_every_format(post: Post) -> None:
    query = "UNWIND range(1, 4000) AS x RETURN x, 'text ' + toString(x) AS t, 'y' AS y"
    accepts = ("application/json", "application/x-ndjson", "text/csv", "application/vnd.apache.arrow.stream")
    answers = [post(query, accept, limit=4000) for accept in accepts]
    assert len(rows(answers[0])) == 4000
    assert len(answers[1].text.splitlines()) == 4001
    assert len(answers[2].text.splitlines()) == 4001
    assert pa.ipc.open_stream(answers[3].content).read_all().num_rows == 4000


def test_the_byte_cap(any_store: GraphStore, home: Path) -> None:
    settings = Settings(home=home, cypher_bytes=5000)
    service = make_service(settings, gateway=Gateway(lambda: any_store))
    send = client(create_app(settings, service))
    for accept in ("application/json", "application/x-ndjson", "text/csv", "application/vnd.apache.arrow.stream"):
        body = {"query": "UNWIND range(1, 900) AS x RETURN 'some text' AS t, x"}
        answer = send("/v1/cypher", "POST", json=body, headers={"accept": accept})
        assert answer.status_code == 200
        assert answer.headers["x-interlace-truncated"] == "true"
        assert len(answer.content) < 60_000
    service.cypher.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"query": 1}', 422),
        (b'{"query": "RETURN 1", "else": 1}', 422),
        (b'{"query": "RETURN 1", "timeout": 21}', 422),
        (b'{"query": "RETURN 1", "timeout": 0}', 422),
        (b'{"query": "RETURN 1", "limit": true}', 422),
        (b'{"query": "' + b"x" * (2 << 20) + b'"}', 413),
    ],
)
def test_requests_that_are_none(app: Wrapped, body: bytes, status: int) -> None:
    answer = client(app)("/v1/cypher", "POST", content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_formats_that_are_none(post: Post) -> None:
    assert post("RETURN 1 AS x", "image/png").status_code == 406
    assert post("RETURN 1 AS x", "image/png, */*;q=0.1").status_code == 200
    assert post("RETURN 1 AS x", "text/*").headers["content-type"].startswith("text/csv")


def test_numbers_of_parameters(post: Post) -> None:
    assert rows(post("RETURN $i AS i, $f AS f, $l AS l", parameters={"i": BIG, "f": 1.0, "l": [1, "a", None]})) == [
        [BIG, 1.0, [1, "a", None]]
    ]
    assert math.isclose(rows(post("RETURN $x * 2 AS y", parameters={"x": 0.1}))[0][0], 0.2)
    assert post("RETURN $x AS x", parameters={"x": 2**70}).status_code == 422
