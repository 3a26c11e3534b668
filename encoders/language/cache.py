"""Answers by question: asking the same model the same thing again costs a look-up.

One SQLite file under the home folder (`encoders.cache_file`). The key is a hash of the provider's name, the prompt's
name and version and every word of it, so the file says nothing of who was asked about. What was refused is kept too, or
it would be paid for again with every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from encoders.cache_file import CacheFile
from encoders.language.provider import Completion, Prompt

FILE = Path("cache") / "language.sqlite"
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, text TEXT, tokens_in INTEGER, tokens_out INTEGER) "
    "WITHOUT ROWID"
)


def answer_key(provider: str, prompt: Prompt) -> bytes:
    """SHA-256 over everything that the answer depends on."""
    parts = [provider, prompt.name, prompt.version, prompt.system, prompt.user, prompt.start, prompt.max_tokens]
    return hashlib.sha256(orjson.dumps(parts)).digest()


class AnswerCache(CacheFile):
    """Raw answers of any number of providers; they are checked again whenever they are read.

    `file` None keeps them in memory, for one run. Raises `Conflict` for a file that is locked or cannot be written,
    `InvalidData` for a broken one.
    """

    def __init__(self, file: Path | None) -> None:
        super().__init__(file, (_SCHEMA,), "answers")

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
        with self._errors(), self._transaction():
            self._database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", rows)
