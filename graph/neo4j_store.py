"""Neo4j 5.26 or later as the store: its schema commands, its vector indexes and its bulk path (`graph.neo4j_bulk`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import neo4j
from neo4j.exceptions import ConfigurationError, DriverError, Neo4jError

from graph import changes
from graph.bolt import BoltStore
from graph.bolt_errors import translate
from graph.errors import InvalidData
from graph.neo4j_bulk import CONNECTIONS, Neo4jBulk
from graph.schema import Batch, safe_name
from graph.store import Table, Written

DATABASE = "neo4j"
CONNECT_SECONDS = 5.0


class Neo4jStore(BoltStore):
    """A Neo4j server. Open it with `graph.store.open_store("bolt://HOST:7687")`."""

    writers = CONNECTIONS

    def __init__(self, url: str, driver: neo4j.Driver, database: str, connect: Callable[..., neo4j.Driver]) -> None:
        super().__init__(url, driver, database)
        self._connect = connect

    @classmethod
    def open(cls, url: str, *, user: str | None = None, password: str | None = None) -> Neo4jStore:
        """Connects, so that a wrong address or password shows now. Without a password it connects without one."""
        auth = None if password is None else (user or "neo4j", password)
        connect = partial(
            neo4j.GraphDatabase.driver,
            url,
            auth=auth,
            connection_timeout=CONNECT_SECONDS,
            notifications_min_severity="OFF",
            telemetry_disabled=True,
        )
        try:
            driver = connect(max_connection_pool_size=4 * CONNECTIONS)
        except (ConfigurationError, ValueError) as error:
            raise InvalidData(
                f"{url!r} is no address of a Neo4j: {error}",
                valid="bolt://HOST:7687 or neo4j://HOST",
                remedy="correct --store or INTERLACE_STORE",
            ) from error
        try:
            driver.verify_connectivity()
        except (DriverError, Neo4jError) as error:
            driver.close()
            raise translate(error, url, "connect") from error
        return cls(url, driver, DATABASE, connect)

    @property
    def database(self) -> str:
        return self._database

    def another_driver(self) -> neo4j.Driver:
        """A single connection of its own, as the same user (`graph.neo4j_reader`)."""
        return self._connect(max_connection_pool_size=1)

    def ensure_schema(self, labels: Iterable[str]) -> None:
        """A unique constraint on `id` (an index with it) for each label."""
        for label in map(safe_name, labels):
            self.query(f"CREATE CONSTRAINT `id_{label}` IF NOT EXISTS FOR (n:`{label}`) REQUIRE n.id IS UNIQUE")

    def bulk_load(self, batches: Iterable[Batch], progress: Callable[[int], None] | None = None) -> Written:
        """As labelled UNWIND batches, each its own transaction, over several connections."""
        return Neo4jBulk(self.query, self._prepare).load(batches, progress)

    def ensure_vector_index(self, label: str, property_name: str, dim: int) -> None:
        """As `GraphStore.ensure_vector_index`. Vectors of another length are removed with the index they were in."""
        name = _index_name(label, property_name)
        there = self.query("vector_index_dim", {"name": name}).rows
        if there and there[0][0] == dim:
            return
        if there:
            changes.unexplained(self)
            self.query(f"DROP INDEX `{name}` IF EXISTS")
            self.query(f"MATCH (n:`{label}`) WHERE n.{property_name} IS NOT NULL REMOVE n.{property_name}")
        self.query(
            f"CREATE VECTOR INDEX `{name}` IF NOT EXISTS FOR (n:`{label}`) ON (n.{property_name}) "
            "OPTIONS {indexConfig: {`vector.dimensions`: $dim, `vector.similarity_function`: 'cosine', "
            "`vector.quantization.enabled`: false}}",
            {"dim": dim},
        )
        self.query("CALL db.awaitIndexes(300)")

    def scrub(self, labels: Iterable[str]) -> None:
        """As `GraphStore.scrub`: nothing, its files are the server's (docs/guide/erasure.md)."""

    def nearest(self, label: str, property_name: str, vector: Sequence[float], k: int) -> Table:
        """As `GraphStore.nearest`, through the vector index."""
        parameters = {"index": _index_name(label, property_name), "vector": [float(x) for x in vector], "k": k}
        return self.query("nearest", parameters)


def _index_name(label: str, property_name: str) -> str:
    return f"vector_{safe_name(label)}_{safe_name(property_name)}"
