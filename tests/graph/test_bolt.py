"""Driver values and errors, and the statements of `write`, without a store."""

from __future__ import annotations

import datetime as dt

import neo4j.time
import pytest
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConstraintError,
    CypherSyntaxError,
    Neo4jError,
    ServiceUnavailable,
    TransientError,
)
from neo4j.spatial import CartesianPoint

from graph.bolt import cypher
from graph.bolt_errors import is_transient, translate
from graph.bolt_values import plain, plain_row
from graph.errors import Conflict, InterlaceError, InvalidData, StoreUnavailable
from graph.queries import QUERIES
from graph.schema import Entity, Interaction, Triple
from graph.upsert import ROWS_PER_STATEMENT, upserts


def test_values_are_plain() -> None:
    moment = neo4j.time.DateTime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    row = plain_row([1, "x", None, [1, 2], [neo4j.time.Date(2020, 1, 2)], {"at": moment}, CartesianPoint((1.0, 2.0))])
    wanted = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    assert row == (1, "x", None, [1, 2], [dt.date(2020, 1, 2)], {"at": wanted}, (1.0, 2.0))
    assert plain(neo4j.time.Duration(days=1, seconds=2)) == "P1DT2S"


def test_a_list_of_plain_values_is_not_copied() -> None:
    long = list(range(1000))
    assert plain(long) is long


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("Neo.ClientError.Statement.SyntaxError", InvalidData),
        ("Neo.ClientError.Statement.ParameterMissing", InvalidData),
        ("Neo.ClientError.Schema.ConstraintValidationFailed", Conflict),
        ("Neo.ClientError.Security.Unauthorized", StoreUnavailable),
        ("Neo.ClientError.Transaction.TransactionTimedOut", StoreUnavailable),
        ("Neo.TransientError.Transaction.DeadlockDetected", StoreUnavailable),
        ("Neo.DatabaseError.General.UnknownError", StoreUnavailable),
    ],
)
def test_server_errors(code: str, kind: type[InterlaceError]) -> None:
    error = Neo4jError._hydrate_neo4j(code=code, message="said so")
    found = translate(error, "bolt://host:7687", "RETURN 1")
    assert type(found) is kind
    assert found.remedy


def test_errors_are_of_the_classes_that_the_driver_raises() -> None:
    assert isinstance(Neo4jError._hydrate_neo4j(code="Neo.ClientError.Statement.SyntaxError"), CypherSyntaxError)
    assert issubclass(AuthError, ClientError)
    assert issubclass(ConstraintError, ClientError)
    assert is_transient(TransientError())


def test_a_store_that_is_gone_is_named() -> None:
    assert "bolt://host:7687" in str(translate(ServiceUnavailable("refused"), "bolt://host:7687", "RETURN 1"))


def test_names_and_texts_of_queries() -> None:
    assert cypher("node_count") == QUERIES["node_count"]
    assert cypher("RETURN 1") == "RETURN 1"
    with pytest.raises(InvalidData, match="node_cuont") as caught:
        cypher("node_cuont")
    assert "node_count" in caught.value.valid


def test_write_joins_what_is_said_twice() -> None:
    (step,) = upserts([Entity("Item", "m:1", {"a": 1}), Entity("Item", "m:1", {"b": 2})], [], [])
    assert step.rows == [{"id": "m:1", "properties": {"a": 1, "b": 2}}]
    values = [(1.0, None), (2.0, None), (3.0, 1)]
    once, timed = upserts([], [Interaction("u", "i", "rated", value, at) for value, at in values], [])
    assert [row["value"] for row in once.rows] == [2.0]
    assert [row["value"] for row in timed.rows] == [3.0]


def test_write_groups_by_label_and_type_and_cuts_long_lists() -> None:
    entities = [Entity("Item", f"m:{n}") for n in range(ROWS_PER_STATEMENT + 1)]
    triples = [Triple("m:1", "HAS_GENRE", "g", tail_label="Genre"), Triple("m:1", "FILM_ACTOR", "e")]
    steps = upserts(entities, [], triples)
    assert [len(step.rows) for step in steps] == [ROWS_PER_STATEMENT, 1, 1, 1]
    assert "`Genre`" in steps[2].cypher
