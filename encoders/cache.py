"""Vectors by content: encoding the same thing with the same encoder again costs a look-up.

One SQLite file under the home folder. Each batch is one transaction, so a process that dies loses at most its last
batch, and several processes may read and write at once: the second waits for the first (`BUSY_SECONDS`).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from encoders.base import Vectors
from graph.errors import Conflict, InvalidData

BUSY_SECONDS = 60.0
KEYS_PER_QUERY = 500
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS encoders (id INTEGER PRIMARY KEY, name TEXT, version TEXT, UNIQUE (name, version))",
    "CREATE TABLE IF NOT EXISTS vectors (encoder INTEGER, key BLOB, vector BLOB, UNIQUE (encoder, key))",
)


def content_key(content: str | bytes) -> bytes:
    """SHA-256 of a text (UTF-8) or of a file's content."""
    return hashlib.sha256(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content).digest()


class VectorCache:
    """Vectors of any number of encoders. `file` None keeps them in memory, for one run."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        with self._errors():
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(file or ":memory:", timeout=BUSY_SECONDS, isolation_level=None)
            with self._transaction():
                for statement in _SCHEMA:
                    self._database.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def get(self, name: str, version: str, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        """The vectors that are known, by key."""
        found: dict[bytes, Vectors] = {}
        with self._errors():
            encoder = self._encoder(name, version)
            for part in _parts(keys):
                marks = ",".join("?" * len(part))
                rows = self._database.execute(
                    f"SELECT key, vector FROM vectors WHERE encoder = ? AND key IN ({marks})",  # noqa: S608 (marks alone)
                    (encoder, *part),
                )
                found.update((key, np.frombuffer(vector, dtype="<f4")) for key, vector in rows)
        return found

    def put(self, name: str, version: str, vectors: Mapping[bytes, Vectors]) -> None:
        """Adds vectors, all of them or none. What is there already stays as it is."""
        with self._errors(), self._transaction():
            self._database.execute("INSERT OR IGNORE INTO encoders (name, version) VALUES (?, ?)", (name, version))
            encoder = self._encoder(name, version)
            rows = ((encoder, key, vector.astype("<f4").tobytes()) for key, vector in vectors.items())
            self._database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)", rows)

    def _encoder(self, name: str, version: str) -> int | None:
        row = self._database.execute(
            "SELECT id FROM encoders WHERE name = ? AND version = ?", (name, version)
        ).fetchone()
        return None if row is None else int(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Conflict(
                f"the cache of embeddings {self._file} cannot be used: {error}",
                valid="a writable file on a disk with free space, not locked for a minute by another process",
                remedy="free some space or end the other process, and run the command again: what is encoded is kept",
            ) from error
        except sqlite3.DatabaseError as error:
            raise InvalidData(
                f"the cache of embeddings {self._file} is broken: {error}",
                valid="a file that Interlace wrote",
                remedy="delete it: it is made again",
            ) from error


def _parts(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for begin in range(0, len(keys), KEYS_PER_QUERY):
        yield keys[begin : begin + KEYS_PER_QUERY]
