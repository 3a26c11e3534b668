"""Schema changes and administration have an effect without a guard; the guard refuses each."""

from __future__ import annotations

import re
import secrets

import pytest
from neo4j.exceptions import Neo4jError

from graph.errors import Forbidden, InvalidData
from graph.guard.check import check
from tests.graph.guard.attacks import admin, schema
from tests.graph.guard.harm import CATALOGUE, PARAMETERS, POLICY, Victim, named, parameters_of

NEO4J = [*named(schema.BOTH, schema.NEO4J)]
LOCAL = [*named(schema.BOTH, schema.LOCAL)]
ALL = [*named(schema.BOTH, schema.NEO4J, schema.LOCAL, admin.ROWS, admin.SYSTEM)]
KEPT = [
    "CREATE INDEX keep IF NOT EXISTS FOR (n:User) ON (n.keep)",
    "CREATE CONSTRAINT keep_unique IF NOT EXISTS FOR (n:Kept) REQUIRE n.id IS UNIQUE",
]
CONSTRAINTS = "CREATE CONSTRAINT keep_unique IF NOT EXISTS FOR (n:Kept) REQUIRE n.id IS UNIQUE"


def _schema(victim: Victim) -> set[tuple[str, str]]:
    looks = [
        "SHOW INDEXES YIELD name",
        "SHOW CONSTRAINTS YIELD name",
        "CALL db.labels()",
        "CALL db.relationshipTypes()",
        "CALL db.propertyKeys()",
    ]
    return {(look, str(row[0])) for look in looks for row in victim.run(look)}


def _unknown(victim: Victim, name: str) -> set[str]:
    """What Neo4j warns of when a query names a label and type that it never heard of."""
    with victim.driver.session(database="neo4j", notifications_min_severity="INFORMATION") as session:
        summary = session.run(f"EXPLAIN MATCH (n:{name})-[:{name}]->() RETURN n").consume()
    return {status.gql_status for status in summary.gql_status_objects}


def _clean(victim: Victim) -> None:
    """As before the attack: constraints go first, for they own indexes."""
    for name in ("boom", "boom_low"):
        victim.run(f"DROP CONSTRAINT {name} IF EXISTS")
    names = victim.run(
        "SHOW INDEXES YIELD name, type, owningConstraint WHERE owningConstraint IS NULL RETURN name, type"
    )
    for name, kind in names:
        if kind != "LOOKUP" and name not in {"keep", "keep_unique"}:
            victim.run(f"DROP INDEX `{name}` IF EXISTS")
    for one in KEPT:
        victim.run(one)


@pytest.mark.integration
@pytest.mark.neo4j
@pytest.mark.parametrize(("name", "text"), NEO4J, ids=[name for name, _ in NEO4J])
def test_it_changes_the_schema_of_neo4j(neo4j_victim: Victim, name: str, text: str) -> None:
    _clean(neo4j_victim)
    fresh = f"Boom{secrets.token_hex(6)}"  # A name that was there once stays known to Neo4j.
    before = _schema(neo4j_victim), _unknown(neo4j_victim, fresh)
    neo4j_victim.run(re.sub(r"\('(Boom|boom|BOOM)'\)|\( 'Boom' \)|\('Boom' \)", f"('{fresh}')", text))
    after = _schema(neo4j_victim), _unknown(neo4j_victim, fresh)
    _clean(neo4j_victim)
    assert after != before, f"{name} did no harm"


@pytest.mark.integration
@pytest.mark.parametrize(("name", "text"), LOCAL, ids=[name for name, _ in LOCAL])
def test_it_changes_the_schema_of_the_local_store(local_victim: Victim, name: str, text: str) -> None:
    """What a unique constraint lets in shows whether it is there."""
    local_victim.run("MATCH (n:Kept) DELETE n")
    local_victim.run(CONSTRAINTS)
    local_victim.run(text)
    made = re.search(r"\(n:(\w+)\)", text)
    label = made.group(1) if made else "Kept"
    refused = 0
    for _ in range(2):
        try:
            local_victim.run(f"CREATE (:{label} {{id: 'twice'}})")
        except Neo4jError:
            refused += 1
    local_victim.run(f"MATCH (n:{label}) DELETE n")
    assert refused == (0 if "DROP" in text else 1), f"{name} did no harm"


@pytest.mark.integration
@pytest.mark.neo4j
@pytest.mark.parametrize(("name", "text"), [*named(admin.ROWS)], ids=list(admin.ROWS))
def test_neo4j_answers_an_administrator(neo4j_victim: Victim, name: str, text: str) -> None:
    with neo4j_victim.driver.session(database="neo4j") as session:
        result = session.run(text)
        rows = list(result)
        assert rows or result.consume().plan, f"{name} did no harm"


@pytest.mark.integration
@pytest.mark.neo4j
@pytest.mark.parametrize(("name", "text"), [*named(admin.SYSTEM)], ids=list(admin.SYSTEM))
def test_it_changes_the_users_of_neo4j(neo4j_victim: Victim, name: str, text: str) -> None:
    def users() -> list[tuple[object, ...]]:
        return sorted(neo4j_victim.run("SHOW USERS YIELD user, passwordChangeRequired", database="system"))

    neo4j_victim.run("CREATE USER victim IF NOT EXISTS SET PASSWORD 'victim-victim-1'", database="system")
    before = users()
    neo4j_victim.run(text, PARAMETERS, database="system")
    after = users()
    for user in ("boom", "victim"):
        neo4j_victim.run(f"DROP USER {user} IF EXISTS", database="system")
    assert after != before, f"{name} did no harm"


@pytest.mark.parametrize(("name", "text"), ALL, ids=[name for name, _ in ALL])
def test_the_guard_refuses_it(name: str, text: str) -> None:
    with pytest.raises((Forbidden, InvalidData)):
        check(text, parameters_of(text), policy=POLICY, catalogue=CATALOGUE)
