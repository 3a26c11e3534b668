"""Answers by question: asking the same model the same thing again costs a look-up.

One SQLite file under the home folder. The key is a hash of the provider's name, the prompt's name and version and every
word of it, so the file says nothing of who was asked about. What was refused is kept too, or it would be paid for again
with every run.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from encoders.language.provider import Completion, Prompt
from graph.errors import Conflict, InvalidData

FILE = Path("cache") / "language.sqlite"
BUSY_SECONDS = 60.0
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, text TEXT, tokens_in INTEGER, tokens_out INTEGER) "
    "WITHOUT ROWID"
)


def answer_key(provider: str, prompt: Prompt) -> bytes:
    """SHA-256 over everything that the answer depends on."""
    parts = [provider, prompt.name, prompt.version, prompt.system, prompt.user, prompt.start, prompt.max_tokens]
    return hashlib.sha256(orjson.dumps(parts)).digest()


class AnswerCache:
    """Raw answers of any number of providers; they are checked again whenever they are read.

    `file` None keeps them in memory, for one run. Raises `Conflict` for a file that is locked or cannot be written,
    `InvalidData` for a broken one.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        with self._errors():
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(file or ":memory:", timeout=BUSY_SECONDS, isolation_level=None)
            self._database.execute(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Completion]:
        """The answers that are known, by key."""
        found: dict[bytes, Completion] = {}
        with self._errors():
            for key in keys:
                row = self._database.execute(
                    "SELECT text, tokens_in, tokens_out FROM answers WHERE key = ?", (key,)
                ).fetchone()
                if row is not None:
                    found[key] = Completion(*row)
        return found

    def put(self, answers: Mapping[bytes, Completion]) -> None:
        """Adds or replaces answers, all of them or none."""
        rows = [(key, one.text, one.tokens_in, one.tokens_out) for key, one in answers.items()]
        with self._errors():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", rows)
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
                f"the cache of answers {self._file} cannot be used: {error}",
                valid="a writable file on a disk with free space, not locked for a minute by another process",
                remedy="free some space or end the other process, and run the command again: what was answered is kept",
            ) from error
        except sqlite3.DatabaseError as error:
            raise InvalidData(
                f"the cache of answers {self._file} is broken: {error}",
                valid="a file that Interlace wrote",
                remedy="delete it: the model is asked again",
            ) from error
