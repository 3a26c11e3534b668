"""What the attack tests share: a small graph with secrets, its fingerprint, and a session that runs anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import neo4j
from neo4j.exceptions import Neo4jError

from graph.guard.policy import HIDDEN_LABELS, HIDDEN_PROPERTIES, Catalogue, Policy

PARAMETERS: dict[str, Any] = {
    "key": "email",
    "left": "e",
    "right": "mail",
    "keys": ["email"],
    "whole": {"id": "u1", "name": "Ann", "email": "ann@one.example"},
    "label": "Secret",
    "value": "boom-boom-1",
    "big": 10**9,
    "pattern": "(a+)+b",
}
USED = re.compile(r"\$(\w+)")
POLICY = Policy(hidden_labels=HIDDEN_LABELS, hidden_properties=HIDDEN_PROPERTIES)
CATALOGUE = Catalogue(
    labels=frozenset({"User", "Item", "Secret"}),
    types=frozenset({"RATED", "OWNS"}),
    properties=frozenset({"id", "name", "email", "value", "title", "year"}),
    complete=True,
    secret_properties=frozenset({"id", "value"}),
    secret_types=frozenset({"OWNS"}),
)
PLANT = (
    "CREATE (:User {id: 'u1', name: 'Ann', email: $emails[0]})"
    "-[:RATED {value: 5}]->(:Item {id: 'i1', title: 'T', year: 1}) "
    "CREATE (:User {id: 'u2', name: 'Bob', email: $emails[1]})-[:OWNS]->(:Secret {id: 's1', value: $value})"
)
ONE = {"emails": ["ann@one.example", "bob@one.example"], "value": "one-4711"}
OTHER = {"emails": ["zed@the.other.example", "abe@the.other.example"], "value": "and-another"}


@dataclass(frozen=True)
class Victim:
    """A store without a guard: sessions on it run whatever they are given."""

    driver: neo4j.Driver
    database: str

    def run(self, text: str, parameters: dict[str, Any] | None = None, database: str = "") -> list[tuple[Any, ...]]:
        with self.driver.session(database=database or self.database) as session:
            return [tuple(record.values()) for record in session.run(text, parameters or {})]

    def plant(self, secrets: dict[str, Any] = ONE) -> None:
        self.run("MATCH (n) DETACH DELETE n")
        self.run(PLANT, secrets)

    def fingerprint(self) -> str:
        """All nodes and relationships."""
        nodes = self.run("MATCH (n) RETURN labels(n) AS l, properties(n) AS p")
        edges = self.run("MATCH (a)-[r]->(b) RETURN a.id AS a, type(r) AS t, properties(r) AS p, b.id AS b")
        return json.dumps([sorted(map(_text, nodes)), sorted(map(_text, edges))])

    def changes(self, text: str) -> bool:
        """Whether the graph is another one afterwards; it is planted anew then."""
        before = self.fingerprint()
        try:
            self.run(text, PARAMETERS)
        except Neo4jError as error:
            raise AssertionError(f"no attack, it does not run: {error.message}") from error
        if self.fingerprint() == before:
            return False
        self.plant()
        return True


def _text(row: tuple[Any, ...]) -> str:
    return json.dumps(row, sort_keys=True, default=str)


def parameters_of(text: str) -> dict[str, Any]:
    """Those that a query uses: the guard looks at all that it is given."""
    return {name: PARAMETERS[name] for name in USED.findall(text) if name in PARAMETERS}


def named(*groups: dict[str, Any]) -> Iterator[Any]:
    """(name, attack) of each, for parametrize."""
    return (pair for group in groups for pair in group.items())
