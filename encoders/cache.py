"""Vectors by content: encoding the same thing with the same encoder again costs a look-up.

One SQLite file under the home folder (`encoders.cache_file`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from encoders.base import Vectors
from encoders.cache_file import CacheFile

KEYS_PER_QUERY = 500
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS encoders (id INTEGER PRIMARY KEY, name TEXT, version TEXT, UNIQUE (name, version))",
    "CREATE TABLE IF NOT EXISTS vectors (encoder INTEGER, key BLOB, vector BLOB, UNIQUE (encoder, key))",
)


def content_key(content: str | bytes) -> bytes:
    """SHA-256 of a text (UTF-8) or of a file's content."""
    return hashlib.sha256(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content).digest()


class VectorCache(CacheFile):
    """Vectors of any number of encoders. `file` None keeps them in memory, for one run."""

    def __init__(self, file: Path | None) -> None:
        super().__init__(file, _SCHEMA, "embeddings")

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


def _parts(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for begin in range(0, len(keys), KEYS_PER_QUERY):
        yield keys[begin : begin + KEYS_PER_QUERY]
