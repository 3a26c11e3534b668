"""What users agree to: `recommendation`, `transfer` to their other accounts, `explanation` to others. Durable.

One SQLite file in the home, made at the first word; every worker reads it at every request that needs it, so that a
consent that was withdrawn counts from the next answer on. Before it, an account's properties in the graph (a source may
bring them) count as the index holds them, and where nobody said anything, the setting `consent_withheld`. The graph
follows (`serving.consent_graph`); what was said here counts before what a source says later.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.consent import PURPOSES, Defaults, Said
from serving.index_files import MISSING
from serving.ledger import Ledger

FILE = "consent.sqlite"
ARRAY = "consent"
"""The index's array of what users' properties say: bit p where they withhold the p-th purpose, 4 + p where they grant
it."""
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS consent (user TEXT, purpose TEXT, granted INTEGER, at INTEGER NOT NULL, "
    "applied INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (user, purpose)) STRICT;"
)
USER_, DATA, DEFAULT = "user", "data", "default"


@dataclass(frozen=True)
class Consent:
    """Whether an account agrees to a purpose; `by`: who says so (`user`: by `PUT` or the command; `data`: a property
    that a source brought; `default`: the setting), and when they did (Unix seconds).
    """

    granted: bool
    by: str
    at: int | None = None

    def json(self) -> dict[str, Any]:
        return {"granted": self.granted, "by": self.by, "at": self.at}


class Consents:
    """The file of one home, and the `defaults`."""

    def __init__(self, home: Path, defaults: Defaults, *, clock: Callable[[], float] = time.time) -> None:
        self.defaults = defaults
        self._ledger = Ledger(home / FILE, SCHEMA)
        self._clock = clock

    def of(self, user: str, marks: int = 0) -> dict[str, Consent]:
        """By purpose. `marks`: the account's entry in the index's array."""
        there = {purpose: (granted, at) for purpose, granted, at in self._rows(user)}
        return {purpose: self._one(user, place, marks, there.get(purpose)) for place, purpose in enumerate(PURPOSES)}

    def granted(self, user: str, purpose: str, marks: int = 0) -> bool:
        """Does an account agree to the purpose now. Microseconds."""
        return self.of(user, marks)[purpose].granted

    def told(self, user: str, marks: int = 0) -> dict[str, Any]:
        """The same as JSON values: what the API and the command answer."""
        found = {purpose: one.json() for purpose, one in self.of(user, marks).items()}
        return {"user": user, "platform": user.partition(":")[0], "consent": found}

    def say(self, user: str, words: Mapping[str, bool | None]) -> None:
        """From now on; on disk when this returns. None takes back what was said: then the default counts."""
        now = int(self._clock())
        with self._ledger.open(make=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO consent VALUES (?, ?, ?, ?, 0) ON CONFLICT (user, purpose) "
                "DO UPDATE SET granted = excluded.granted, at = excluded.at, applied = 0",
                [(user, purpose, None if yes is None else int(yes), now) for purpose, yes in words.items()],
            )

    def said(self) -> list[Said]:
        """Everything that was said here."""
        text = "SELECT user, purpose, granted FROM consent ORDER BY user, purpose"
        return [(user, purpose, None if yes is None else bool(yes)) for user, purpose, yes in self._ledger.rows(text)]

    def users(self) -> list[str]:
        """Everybody who said something here."""
        return [user for (user,) in self._ledger.rows("SELECT DISTINCT user FROM consent ORDER BY user")]

    def fingerprint(self) -> str:
        """Another text whenever what is said or the defaults change."""
        return hashlib.sha256(orjson.dumps([self.said(), sorted(self.defaults.withheld)])).hexdigest()[:16]

    def waiting(self, most: int) -> dict[str, dict[str, bool | None]]:
        """What `most` users said that the graph does not hold yet, by purpose."""
        text = (
            "SELECT user, purpose, granted FROM consent WHERE user IN "
            "(SELECT DISTINCT user FROM consent WHERE applied = 0 ORDER BY user LIMIT ?)"
        )
        found: dict[str, dict[str, bool | None]] = {}
        for user, purpose, yes in self._ledger.rows(text, (most,)):
            found.setdefault(user, {})[purpose] = None if yes is None else bool(yes)
        return found

    def applied(self, words: Mapping[str, Mapping[str, bool | None]]) -> None:
        """The graph holds these words; what was said otherwise meanwhile waits on."""
        rows = [(user, purpose, None if yes is None else int(yes))
                for user, given in words.items() for purpose, yes in given.items()]  # fmt: skip
        with self._ledger.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "UPDATE consent SET applied = 1 WHERE user = ? AND purpose = ? AND granted IS ?", rows
            )

    def again(self, words: list[tuple[str, str]]) -> None:
        """The graph has to be told of these (user, purpose) again."""
        with self._ledger.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("UPDATE consent SET applied = 0 WHERE user = ? AND purpose = ?", words)

    def close(self) -> None:
        self._ledger.close()

    def _one(self, user: str, place: int, marks: int, said: tuple[int | None, int] | None) -> Consent:
        if said is not None and said[0] is not None:
            return Consent(bool(said[0]), USER_, said[1])
        if said is None and marks & (17 << place):
            return Consent(bool(marks & (16 << place)), DATA)
        return Consent(self.defaults.granted(user, PURPOSES[place]), DEFAULT, None if said is None else said[1])

    def _rows(self, user: str) -> list[tuple[str, int | None, int]]:
        return self._ledger.rows("SELECT purpose, granted, at FROM consent WHERE user = ?", (user,))


def marks_at(marks: NDArray[np.uint8] | None, place: int) -> int:
    """An account's entry of the index's array; 0 for one that the index does not know."""
    return 0 if marks is None or place == MISSING else int(marks[place])
