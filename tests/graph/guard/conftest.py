"""Stores without a guard for the attack tests, planted once a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import neo4j
import pytest

from graph.local_store import LocalStore
from tests.graph.guard.harm import Victim


@pytest.fixture(scope="module")
def local_victim(local_home: Path, database_names: Iterator[str]) -> Iterator[Victim]:
    """A fresh database of the session's local server."""
    store = LocalStore.open(local_home, database=next(database_names))
    victim = Victim(store._driver, store.database)
    victim.plant()
    yield victim
    store.drop()
    store.close()


@pytest.fixture(scope="module")
def neo4j_victim(neo4j_server: tuple[str, str | None]) -> Iterator[Victim]:
    """The session's Neo4j, emptied."""
    url, password = neo4j_server
    auth = None if password is None else ("neo4j", password)
    with neo4j.GraphDatabase.driver(url, auth=auth, notifications_min_severity="OFF") as driver:
        victim = Victim(driver, "neo4j")
        victim.plant()
        yield victim
        victim.run("MATCH (n) DETACH DELETE n")


@pytest.fixture(params=["local", pytest.param("neo4j", marks=pytest.mark.neo4j)], scope="module")
def victim(request: pytest.FixtureRequest) -> Victim:
    """Each store in turn."""
    found: Victim = request.getfixturevalue(f"{request.param}_victim")
    return found
