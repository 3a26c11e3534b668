"""The local store: ArcadeDB as a child process, reached over Bolt; its schema commands, bulk path and vector search.

Bulk loads and schema go over the server's HTTP side (`graph.local_bulk`), everything else over Bolt (`graph.bolt`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

import neo4j
import psutil

from graph import changes
from graph.bolt import BoltStore
from graph.local_bulk import LocalBulk
from graph.local_http import READER, LocalHttp
from graph.local_server import PAUSE, Endpoint, Lease, LocalOptions
from graph.local_supervisor import READER_PASSWORD
from graph.local_supervisor import password as made_password
from graph.schema import Batch, safe_name
from graph.store import Table, Written

DATABASE = "interlace"
DYING_SECONDS = 1.0


class LocalStore(BoltStore):
    """The graph in a folder. Open it with `graph.store.open_store("local:FOLDER")`."""

    def __init__(self, home: Path, database: str = DATABASE, options: LocalOptions | None = None) -> None:
        self._home = home
        self._options = options
        self._recovery = Lock()
        self._reader_of: Endpoint | None = None
        self._lease = Lease.take(home, options)
        super().__init__(f"local:{home}", _driver(self._lease.endpoint), database)
        self._http = LocalHttp(self._lease.endpoint, self.url, database)
        try:
            self._http.create_database()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, home: Path, *, database: str = DATABASE, options: LocalOptions | None = None) -> LocalStore:
        """Attaches to the folder's server, starting it when needed, and creates the database when absent."""
        return cls(home, database, options)

    def ensure_schema(self, labels: Iterable[str]) -> None:
        """Type, `id` property and unique index for each label."""
        self._await()
        for label in map(safe_name, labels):
            self._http.sql(f"CREATE VERTEX TYPE `{label}` IF NOT EXISTS")
            self._http.sql(f"CREATE PROPERTY `{label}`.id IF NOT EXISTS STRING")
            self._http.sql(f"CREATE INDEX IF NOT EXISTS ON `{label}` (id) UNIQUE")

    def relationship_count(self, kind: str) -> int:
        """As `GraphStore.relationship_count`. In Cypher this server would walk over all nodes."""
        name = safe_name(kind)
        if (name,) not in map(tuple, self.query("types_known").rows):
            return 0
        return int(self._http.sql(f"SELECT count(*) AS n FROM `{name}`")[0]["n"])  # noqa: S608 - a safe name

    def bulk_load(self, batches: Iterable[Batch], progress: Callable[[int], None] | None = None) -> Written:
        """Through the server's HTTP batch endpoint, as JSON Lines made from the columns."""
        self._await()
        return LocalBulk(self._http, self._prepare).load(batches, progress)

    def ensure_vector_index(self, label: str, property_name: str, dim: int) -> None:
        """As `GraphStore.ensure_vector_index`. Vectors of another length are removed with the index they were in."""
        label, name = safe_name(label), safe_name(property_name)
        self._prepare({label})
        there = self._vector_dim(label, name)
        if there == dim:
            return
        if there is not None:
            changes.unexplained(self)
            self._http.sql(f"DROP INDEX `{label}[{name}]`")
            # Unquoted on purpose: ArcadeDB takes the quotes in REMOVE n.`name` for a part of the name.
            self.query(f"MATCH (n:`{label}`) WHERE n.{name} IS NOT NULL REMOVE n.{name}")
        self._http.sql(f"CREATE PROPERTY `{label}`.`{name}` IF NOT EXISTS ARRAY_OF_FLOATS")
        metadata = f'{{"dimensions": {int(dim)}, "similarity": "COSINE"}}'
        self._http.sql(f"CREATE INDEX ON `{label}` (`{name}`) LSM_VECTOR METADATA {metadata}")

    def nearest(self, label: str, property_name: str, vector: Sequence[float], k: int) -> Table:
        """As `GraphStore.nearest`, through the vector index."""
        index = f"{safe_name(label)}[{safe_name(property_name)}]"
        return self.query("nearest", {"index": index, "vector": list(vector), "k": k})

    def scrub(self, labels: Iterable[str]) -> None:
        """As `GraphStore.scrub`: an index keeps deleted ids until it is built anew, the log until it is closed."""
        self._await()
        there = {row[0] for row in self.query("labels_known").rows}
        for label in sorted(there & set(map(safe_name, labels))):
            self._http.sql(f"REBUILD INDEX `{label}[id]`")
        self._http.close_database()

    def _await(self) -> None:
        """Makes sure that the server is there (HTTP, unlike Bolt, does not bring it back)."""
        self.query("RETURN 1 AS alive")

    def _recover(self) -> bool:
        """Starts the server again when it has died, and connects to the new one."""
        with self._recovery:
            before = self._lease
            if not self._dies(before):
                return True  # It answers no more, or another thread was here first: one more attempt will tell.
            self._lease = Lease.take(self._home, self._options)
            before.release()
            self._driver.close()
            self._http.close()
            self._driver = _driver(self._lease.endpoint)
            self._http = LocalHttp(self._lease.endpoint, self.url, self._database)
            return True

    def _dies(self, lease: Lease) -> bool:
        """Whether the server is gone or goes within a second: a killed process breaks connections before it ends."""
        deadline = time.monotonic() + DYING_SECONDS
        while lease.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE)
        return True

    def _vector_dim(self, label: str, name: str) -> int | None:
        for kind in self._http.sql("SELECT FROM schema:types WHERE name = :label", {"label": label}):
            for index in kind["indexes"]:
                if index["type"] == "LSM_VECTOR" and index["properties"] == [name]:
                    return int(index["dimensions"])
        return None

    @property
    def database(self) -> str:
        return self._database

    @property
    def http(self) -> LocalHttp:
        """The server's HTTP side, as root."""
        return self._http

    def reader_driver(self) -> neo4j.Driver:
        """A single connection as the user who may only read (`graph.local_reader`)."""
        endpoint, password = self._lease.endpoint, made_password(self._home, READER_PASSWORD)
        if self._reader_of != endpoint:
            self._http.ensure_reader(password)
            self._reader_of = endpoint
        return _driver(endpoint, (READER, password), connections=1)

    def recover(self) -> bool:
        """Starts the server again when it has died."""
        return self._recover()

    def end_server(self) -> None:
        """Kills the server: the last resort against a query that does not end. What was acknowledged is on disk."""
        with suppress(psutil.NoSuchProcess):
            psutil.Process(self._lease.endpoint.pid).kill()

    def drop(self) -> None:
        """Deletes this database with everything in it, for good."""
        self._http.drop_database()

    def close(self) -> None:
        """Closes the connections and gives the server back: the last user's close stops it."""
        super().close()
        self._http.close()
        self._lease.release()


def _driver(endpoint: Endpoint, auth: tuple[str, str] | None = None, connections: int = 100) -> neo4j.Driver:
    return neo4j.GraphDatabase.driver(
        f"bolt://127.0.0.1:{endpoint.bolt}",
        auth=auth or ("root", endpoint.password),
        telemetry_disabled=True,
        notifications_min_severity="OFF",
        max_connection_pool_size=connections,
    )
