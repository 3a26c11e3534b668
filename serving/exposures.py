"""What was shown to whom: exposures of experiments and answers of shadows, in one SQLite file of the home.

An answer never waits for the disk. Rows wait in memory until a thread of the worker writes all of them together, twice
a second; a worker that is killed loses what came in since its last write: `FLUSH_SECONDS` and the write that went on.
Each write is synced, so that a machine without power loses no more. When the disk does not take them, rows wait, up to
`MOST_WAITING`; what comes then is not logged, and that is counted and said in the server's log.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from serving.ledger import Ledger

FILE = "exposures.sqlite"
FLUSH_SECONDS = 0.5
MOST_WAITING = 100_000
TIDY_SECONDS = 3600.0
DAY = 24 * 3600
SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    sequence INTEGER PRIMARY KEY, request TEXT NOT NULL, user TEXT NOT NULL, at INTEGER NOT NULL, model TEXT NOT NULL,
    arms TEXT NOT NULL, items TEXT NOT NULL, propensities TEXT, teams TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS answers_at ON answers (at);
CREATE INDEX IF NOT EXISTS answers_of_user ON answers (user);
CREATE TABLE IF NOT EXISTS shadowed (
    sequence INTEGER PRIMARY KEY, request TEXT NOT NULL, user TEXT NOT NULL, at INTEGER NOT NULL,
    champion TEXT NOT NULL, challenger TEXT NOT NULL, champion_items TEXT NOT NULL, challenger_items TEXT NOT NULL,
    champion_ms REAL NOT NULL, challenger_ms REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS shadowed_of_user ON shadowed (user);
"""
INSERT = {
    "answers": "INSERT INTO answers (request, user, at, model, arms, items, propensities, teams) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "shadowed": "INSERT INTO shadowed (request, user, at, champion, challenger, champion_items, challenger_items, "
    "champion_ms, challenger_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
}
Row: TypeAlias = tuple[Any, ...]
log = logging.getLogger("interlace.api")


@dataclass(frozen=True, slots=True)
class Exposure:
    """An answer with items: `model` is the index's version, `arms` the arm by experiment, `at` Unix seconds.

    `propensities`: the probability of each item at its place, where the order was drawn; `teams`: of an interleaving.
    """

    request: str
    user: str
    at: int
    model: str
    arms: dict[str, str]
    items: Sequence[str]
    propensities: Sequence[float] | None = None
    teams: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Shadowed:
    """One request answered by both. `champion`, `challenger`: versions of the index."""

    request: str
    user: str
    at: int
    champion: str
    challenger: str
    champion_items: Sequence[str]
    challenger_items: Sequence[str]
    champion_ms: float
    challenger_ms: float


class ExposureLog:
    """The file of one home. `clock`: Unix seconds."""

    def __init__(self, home: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.ledger = Ledger(home / FILE, SCHEMA)
        self._clock = clock

    def add(self, rows: Sequence[Exposure | Shadowed]) -> None:
        """All of them in one write; on disk when it returns."""
        with self.ledger.open(make=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for table, kind in (("answers", Exposure), ("shadowed", Shadowed)):
                connection.executemany(INSERT[table], [_row(one) for one in rows if isinstance(one, kind)])

    def read(self, table: str, since: int, until: int, columns: str) -> list[Row]:
        """Columns of the rows from `since` up to, not with, `until`, as they came."""
        if not self.ledger.there:
            return []
        text = f"SELECT {columns} FROM {table} WHERE at >= ? AND at < ? ORDER BY sequence"  # noqa: S608  our own names
        with self.ledger.open() as connection:
            return connection.execute(text, (since, until)).fetchall()

    def tidy(self, days: int) -> None:
        """Removes what is older."""
        self.drop_old(int(self._clock()) - days * DAY)

    def drop_old(self, before: int) -> int:
        """Removes what was shown before a time; returns how many answers."""
        return self._old("DELETE FROM {} WHERE at < ?", before)

    def count_old(self, before: int) -> int:
        """How many answers were shown before a time."""
        return self._old("SELECT 1 FROM {} WHERE at < ?", before)

    def _old(self, text: str, before: int) -> int:
        if not self.ledger.there:
            return 0
        with self.ledger.open() as connection:
            done = [connection.execute(text.format(table), (before,)) for table in INSERT]
            return sum(one.rowcount if one.rowcount >= 0 else len(one.fetchall()) for one in done)

    def close(self) -> None:
        self.ledger.close()


class ExposureWriter:
    """One a worker; `add` may be called by any of its threads and returns at once. `lost`: rows that were not taken."""

    def __init__(self, exposures: ExposureLog, *, days: int) -> None:
        self.log = exposures
        self.lost = 0
        self._days = days
        self._waiting: deque[Exposure | Shadowed] = deque()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = False
        self._tidied = 0.0

    def add(self, row: Exposure | Shadowed) -> None:
        """Written within `FLUSH_SECONDS`, or counted as lost where too many wait."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(row)
        if self._thread is None:
            self._begin()

    def flush(self) -> None:
        """Writes what waits now; what the disk does not take goes on waiting."""
        with self._lock:
            rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not rows:
                return
            try:
                self.log.add(rows)
            except (sqlite3.Error, OSError) as error:
                self._waiting.extendleft(reversed(rows))
                if not self._trouble:  # said once, until it works again
                    log.warning("exposures cannot be written, %d wait: %s", len(rows), error)
                self._trouble = True
            else:
                self._trouble = False

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()
        if self.lost:
            log.warning("%d exposures were not logged: too many waited", self.lost)
        self.log.close()

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="exposures", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            self.flush()
            if time.monotonic() - self._tidied > TIDY_SECONDS:
                self._tidied = time.monotonic()
                try:
                    self.log.tidy(self._days)
                except sqlite3.Error as error:
                    log.warning("old exposures could not be removed: %s", error)


def _row(one: Exposure | Shadowed) -> Row:
    if isinstance(one, Exposure):
        return (one.request, one.user, one.at, one.model, _json(one.arms), _json(one.items),
                _json(one.propensities), _json(one.teams))  # fmt: skip
    return (one.request, one.user, one.at, one.champion, one.challenger, _json(one.champion_items),
            _json(one.challenger_items), one.champion_ms, one.challenger_ms)  # fmt: skip


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
