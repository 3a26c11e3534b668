"""What people did since the index was published: durable before it is acknowledged, read anew at every request.

One SQLite file in the home, written by every worker. An event is known by its id: sent again it changes nothing, for at
least `REMEMBER_SECONDS`. `serving.foldin` lays a user's events over their history, in order of their own times however
late they came; `serving.flush` writes them into the graph.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graph.schema import KINDS
from serving.ledger import Ledger

FILE = "events.sqlite"
REMEMBER_SECONDS = 7 * 24 * 3600
SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, user TEXT NOT NULL, item TEXT NOT NULL,
    kind INTEGER NOT NULL, value REAL, at INTEGER NOT NULL, received INTEGER NOT NULL, applied INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS events_of_user ON events (user, at);
CREATE INDEX IF NOT EXISTS events_waiting ON events (sequence) WHERE applied IS NULL;
"""
COLUMNS = "sequence, id, user, item, kind, value, at"


@dataclass(frozen=True, slots=True)
class Event:
    """What a user did with an item. `kind`: its code in `graph.schema.KINDS`; `at`: Unix seconds.

    `sequence`: place in which it came; 0 before it has been kept.
    """

    id: str
    user: str
    item: str
    kind: int
    value: float | None
    at: int
    sequence: int = 0

    @property
    def kind_name(self) -> str:
        return KINDS[self.kind]


@dataclass(frozen=True)
class Kept:
    """How many events were new, and how many had come before."""

    accepted: int
    duplicates: int


class EventLog:
    """The events of one home. `clock`: Unix seconds."""

    def __init__(self, home: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.ledger = Ledger(home / FILE, SCHEMA)
        self._clock = clock

    def add(self, events: Sequence[Event]) -> Kept:
        """Keeps those that are new, all or none of them; on disk when it returns."""
        return self.add_all([events])[0]

    def add_all(self, calls: Sequence[Sequence[Event]]) -> list[Kept]:
        """`add` for several calls that wait at the same time: one write to the disk for all of them."""
        received = int(self._clock())
        with self.ledger.open(make=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            return [_insert(connection, events, received) for events in calls]

    def of(self, user: str, held: int = -1) -> list[Event]:
        """The user's events that a graph of version `held` has not, in order of their time, then of their coming."""
        if not self.ledger.there:
            return []
        text = f"SELECT {COLUMNS} FROM events WHERE user = ? AND (applied IS NULL OR applied > ?) ORDER BY at, sequence"  # noqa: S608
        with self.ledger.open() as connection:
            rows = connection.execute(text, (user, held)).fetchall()
        return [_event(row) for row in rows]

    def users(self, held: int = -1) -> list[str]:
        """Everybody with events that a graph of version `held` has not."""
        if not self.ledger.there:
            return []
        text = "SELECT DISTINCT user FROM events WHERE applied IS NULL OR applied > ?"
        with self.ledger.open() as connection:
            return [row[0] for row in connection.execute(text, (held,))]

    def waiting(self, limit: int, after: int = 0) -> list[Event]:
        """Events later than `after` that the graph does not hold yet, as they came."""
        if not self.ledger.there:
            return []
        text = f"SELECT {COLUMNS} FROM events WHERE applied IS NULL AND sequence > ? ORDER BY sequence LIMIT ?"  # noqa: S608
        with self.ledger.open() as connection:
            return [_event(row) for row in connection.execute(text, (after, limit))]

    def apply(self, sequences: Iterable[int], graph: int) -> None:
        """The graph of this version holds these events."""
        with self.ledger.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "UPDATE events SET applied = ? WHERE sequence = ?", [(graph, one) for one in sequences]
            )

    def count_old(self, before: Mapping[int, int]) -> int:
        """How many events of each kind (its code) happened before a time."""
        if not self.ledger.there:
            return 0
        with self.ledger.open() as connection:
            text = "SELECT count(*) FROM events WHERE kind = ? AND at < ?"
            return sum(int(connection.execute(text, cut).fetchone()[0]) for cut in before.items())

    def drop_old(self, before: Mapping[int, int]) -> int:
        """Forgets events of each kind (its code) that happened before a time; returns how many."""
        if not self.ledger.there:
            return 0
        with self.ledger.open() as connection:
            text = "DELETE FROM events WHERE kind = ? AND at < ?"
            return sum(connection.execute(text, cut).rowcount for cut in before.items())

    def covers(self, index_version: str, graph: int) -> None:
        """See `Ledger.covers`."""
        self.ledger.covers(index_version, graph)

    def covered(self, index_version: str) -> int:
        """See `Ledger.covered`."""
        return self.ledger.covered(index_version)

    def tidy(self, index_versions: Iterable[str]) -> int:
        """Removes what every one of these indexes holds itself, and is old enough not to be sent again."""
        oldest = self.ledger.oldest(index_versions)
        if oldest is None:
            return 0
        before = int(self._clock()) - REMEMBER_SECONDS
        with self.ledger.open() as connection:
            return connection.execute(
                "DELETE FROM events WHERE applied <= ? AND received < ?", (oldest, before)
            ).rowcount

    def close(self) -> None:
        self.ledger.close()


@dataclass(frozen=True)
class Recent:
    """What an index does not hold yet: the events after the graph of version `held`."""

    events: EventLog
    held: int

    def of(self, user: str) -> list[Event]:
        """The user's, in order of time."""
        return self.events.of(user, self.held)

    def users(self) -> list[str]:
        """Everybody who did something since."""
        return self.events.users(self.held)


def _insert(connection: sqlite3.Connection, events: Sequence[Event], received: int) -> Kept:
    before = connection.total_changes
    connection.executemany(
        "INSERT OR IGNORE INTO events (id, user, item, kind, value, at, received) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(one.id, one.user, one.item, one.kind, one.value, one.at, received) for one in events],
    )
    accepted = connection.total_changes - before
    return Kept(accepted, len(events) - accepted)


def _event(row: tuple[int, str, str, str, int, float | None, int]) -> Event:
    sequence, name, user, item, kind, value, at = row
    return Event(name, user, item, kind, value, at, sequence)
