"""What the small SQLite files of a home share: a connection, commits that are on disk, and which graph an index holds.

`serving.overlay` and `serving.events` are such files. Every worker has a connection of its own; SQLite's write-ahead
log lets them read while one writes.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAIT_SECONDS = 10.0
COVERED = "CREATE TABLE IF NOT EXISTS covered (index_version TEXT PRIMARY KEY, graph INTEGER NOT NULL) STRICT;"


class Ledger:
    """A file of one home, made at the first write; before that every question is answered by its absence."""

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._name = os.fspath(path)
        self._schema = schema + COVERED
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @property
    def there(self) -> bool:
        """Is there a file. Asked several times a request, where `Path.is_file` costs three times as much."""
        return self._connection is not None or os.path.isfile(self._name)  # noqa: PTH113

    @contextmanager
    def open(self, *, make: bool = False) -> Iterator[sqlite3.Connection]:
        """The connection, to one thread at a time; commits at the end, or takes everything back."""
        with self._lock:
            if self._connection is None:
                self._connection = _connect(self.path, self._schema, make=make)
            try:
                yield self._connection
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    def rows(self, text: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs one statement; the rows that it finds, none while there is no file."""
        if not self.there:
            return []
        with self.open() as connection:
            return connection.execute(text, parameters).fetchall()

    def stamp(self) -> int:
        """Another number whenever another process or object wrote; 0 while there is no file. Cheap."""
        if not self.there:
            return 0
        with self.open() as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def covers(self, index_version: str, graph: int) -> None:
        """An index of this version was made from the graph of version `graph` or a later one."""
        if self.there:
            with self.open() as connection:
                connection.execute(
                    "INSERT INTO covered VALUES (?, ?) "
                    "ON CONFLICT (index_version) DO UPDATE SET graph = max(graph, excluded.graph)",
                    (index_version, graph),
                )

    def covered(self, index_version: str) -> int:
        """The graph's version that an index holds; -1 where nobody noted it."""
        if not self.there:
            return -1
        with self.open() as connection:
            row = connection.execute("SELECT graph FROM covered WHERE index_version = ?", (index_version,)).fetchone()
        return -1 if row is None else int(row[0])

    def oldest(self, index_versions: Iterable[str]) -> int | None:
        """The graph's version that every one of these indexes holds, what is noted of others forgotten; None where
        there is no file, or no index. -1 where nobody noted what one of them holds.
        """
        kept = list(index_versions)
        if not self.there or not kept:
            return None
        marks = ",".join("?" * len(kept))
        with self.open() as connection:
            connection.execute(f"DELETE FROM covered WHERE index_version NOT IN ({marks})", kept)  # noqa: S608  marks
        return min(self.covered(version) for version in kept)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _connect(path: Path, schema: str, *, make: bool) -> sqlite3.Connection:
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=32
    )
    path.chmod(0o600)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten: an erasure leaves no bytes behind
    connection.executescript(schema)
    return connection
