"""One SQLite file of things that are dear to make again; what the caches of vectors and of answers have in common.

Each batch is one transaction, so a process that dies loses at most its last batch, and several processes may read and
write at once: the second waits for the first (`BUSY_SECONDS`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from graph.errors import Conflict, InvalidData

BUSY_SECONDS = 60.0


class CacheFile:
    """An open file, made where it is new; `file` None keeps everything in memory, for one run.

    `holds`: what, in words. Raises `Conflict` for a file that is locked or cannot be written, `InvalidData` for a
    broken one.
    """

    def __init__(self, file: Path | None, schema: Sequence[str], holds: str) -> None:
        self._file = file
        self._holds = holds
        with self._errors():
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(file or ":memory:", timeout=BUSY_SECONDS, isolation_level=None)
            with self._transaction():
                for statement in schema:
                    self._database.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or none."""
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
                f"the cache of {self._holds} {self._file} cannot be used: {error}",
                valid="a writable file on a disk with free space, not locked for a minute by another process",
                remedy="free some space or end the other process, and run the command again: what was made is kept",
            ) from error
        except sqlite3.DatabaseError as error:
            raise InvalidData(
                f"the cache of {self._holds} {self._file} is broken: {error}",
                valid="a file that Interlace wrote",
                remedy="delete it: it is made again",
            ) from error
