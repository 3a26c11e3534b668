"""What has been put or deleted since the index was published: durable, seen by all workers, written to the graph after.

One SQLite file in the home. A change is on disk before it is acknowledged; a worker asks at every request whether
anybody wrote (one pragma, microseconds) and reads what is new. `serving.overlay_flush` writes changes into the graph,
in order, and notes the graph's version after each; `covers` notes which version of the graph an index holds, so that a
change that the index holds itself is no longer laid over it. Rows stay until no index that is kept needs them.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

FILE = "overlay.sqlite"
WAIT_SECONDS = 10.0
NOTHING: Mapping[str, Any] = {}
CARRIED = ("attributes", "relations")
"""Of an item's body: stands until a later change says otherwise."""

Made: TypeAlias = tuple[str, str, NDArray[np.float32]]
"""Encoder, its version, and the unit vector."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    id TEXT PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE, gone INTEGER NOT NULL, body BLOB NOT NULL,
    vectors BLOB NOT NULL, applied INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS counter (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO counter VALUES (1, 0);
CREATE TABLE IF NOT EXISTS covered (index_version TEXT PRIMARY KEY, graph INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True)
class Change:
    """An item as it is now, or that it is `gone`. `body`: JSON values as `serving.item_body` keeps them.

    `applied`: the graph's version since which the graph says so; None while it does not yet.
    """

    sequence: int
    id: str
    gone: bool
    body: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, Made] = field(default_factory=dict)
    applied: int | None = None


class Overlay:
    """The file of one home. Made at the first change; before that every question is answered by its absence."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def put(self, item: str, body: Mapping[str, Any], vectors: Mapping[str, Made]) -> int:
        """The item as it is from now on; returns the change's number. On disk when it returns."""
        return self._write(item, gone=False, body=body, vectors=vectors)

    def delete(self, item: str) -> int:
        """The item is gone from now on; returns the change's number."""
        return self._write(item, gone=True, body=NOTHING, vectors={})

    def stamp(self) -> int:
        """Another number whenever another process or object wrote; 0 while there is no file. Cheap."""
        if self._connection is None and not self._path.is_file():
            return 0
        with self._open() as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def since(self, sequence: int) -> list[Change]:
        """Changes with a greater number, oldest first."""
        return self._changes("sequence > ? ORDER BY sequence", (sequence,))

    def waiting(self) -> list[Change]:
        """Changes that the graph does not hold yet, oldest first."""
        return self._changes("applied IS NULL ORDER BY sequence", ())

    def count_waiting(self) -> int:
        """How many changes the graph does not hold yet."""
        if not self._path.is_file():
            return 0
        with self._open() as connection:
            return int(connection.execute("SELECT count(*) FROM items WHERE applied IS NULL").fetchone()[0])

    def applied(self) -> dict[str, int | None]:
        """Every item with a change, and the graph's version since which the graph says so."""
        if not self._path.is_file():
            return {}
        with self._open() as connection:
            return dict(connection.execute("SELECT id, applied FROM items").fetchall())

    def apply(self, change: Change, graph: int) -> None:
        """The graph of this version holds the change; ignored where the item changed again meanwhile."""
        with self._open() as connection:
            connection.execute(
                "UPDATE items SET applied = ? WHERE id = ? AND sequence = ?", (graph, change.id, change.sequence)
            )

    def covers(self, index_version: str, graph: int) -> None:
        """An index of this version was made from the graph of version `graph` or a later one."""
        if self._path.is_file():
            with self._open() as connection:
                connection.execute(
                    "INSERT INTO covered VALUES (?, ?) "
                    "ON CONFLICT (index_version) DO UPDATE SET graph = max(graph, excluded.graph)",
                    (index_version, graph),
                )

    def covered(self, index_version: str) -> int:
        """The graph's version that an index holds; -1 where nobody noted it."""
        if not self._path.is_file():
            return -1
        with self._open() as connection:
            row = connection.execute("SELECT graph FROM covered WHERE index_version = ?", (index_version,)).fetchone()
        return -1 if row is None else int(row[0])

    def tidy(self, index_versions: Iterable[str]) -> int:
        """Removes what every one of these indexes holds itself, and what is noted of others; returns how many changes.

        An index of which nobody noted what it holds keeps everything.
        """
        kept = list(index_versions)
        if not self._path.is_file() or not kept:
            return 0
        oldest = min(self.covered(version) for version in kept)
        with self._open() as connection:
            marks = ",".join("?" * len(kept))
            connection.execute(f"DELETE FROM covered WHERE index_version NOT IN ({marks})", kept)  # noqa: S608  marks
            return connection.execute("DELETE FROM items WHERE applied <= ?", (oldest,)).rowcount

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _write(self, item: str, *, gone: bool, body: Mapping[str, Any], vectors: Mapping[str, Made]) -> int:
        packed = orjson.dumps({name: [encoder, version, len(one)] for name, (encoder, version, one) in vectors.items()})
        blob = b"\n".join([packed, b"".join(np.asarray(one, "<f4").tobytes() for _, _, one in vectors.values())])
        with self._open(make=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            body = _carried(connection, item, body)
            connection.execute("UPDATE counter SET last = last + 1")
            sequence = int(connection.execute("SELECT last FROM counter").fetchone()[0])
            connection.execute(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, NULL)",
                (item, sequence, int(gone), orjson.dumps(body), blob),
            )
            return sequence

    def _changes(self, where: str, parameters: tuple[Any, ...]) -> list[Change]:
        if not self._path.is_file():
            return []
        text = f"SELECT sequence, id, gone, body, vectors, applied FROM items WHERE {where}"  # noqa: S608  constants
        with self._open() as connection:
            rows = connection.execute(text, parameters).fetchall()
        return [
            Change(sequence, item, bool(gone), orjson.loads(body), _vectors(blob), applied)
            for sequence, item, gone, body, blob, applied in rows
        ]

    @contextmanager
    def _open(self, *, make: bool = False) -> Iterator[sqlite3.Connection]:
        """The connection, to one thread at a time; commits at the end, or takes everything back."""
        with self._lock:
            if self._connection is None:
                self._connection = _connect(self._path, make=make)
            try:
                yield self._connection
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()


def _connect(path: Path, *, make: bool) -> sqlite3.Connection:
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=32
    )
    path.chmod(0o600)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(SCHEMA)
    return connection


def _carried(connection: sqlite3.Connection, item: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """With what an earlier change said of `CARRIED` where this one is silent."""
    row = connection.execute("SELECT body FROM items WHERE id = ? AND gone = 0", (item,)).fetchone()
    if row is None or not body:
        return body
    before = orjson.loads(row[0])
    return {**{name: before[name] for name in CARRIED if name in before}, **body}


def _vectors(blob: bytes) -> dict[str, Made]:
    head, _, data = blob.partition(b"\n")
    found, start = {}, 0
    for name, (encoder, version, size) in orjson.loads(head).items():
        found[name] = encoder, version, np.frombuffer(data, "<f4", size, start).astype(np.float32)
        start += 4 * size
    return found
