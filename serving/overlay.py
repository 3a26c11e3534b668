"""What has been put or deleted since the index was published: durable, seen by all workers, written to the graph after.

One SQLite file in the home. A change is on disk before it is acknowledged; a worker asks at every request whether
anybody wrote (one pragma, microseconds) and reads what is new. `serving.flush` writes changes into the graph,
in order, and notes the graph's version after each; `covers` notes which version of the graph an index holds, so that a
change that the index holds itself is no longer laid over it. Rows stay until no index that is kept needs them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.schema import ITEM, USER
from serving.ledger import Ledger

FILE = "overlay.sqlite"
NOTHING: Mapping[str, Any] = {}
CARRIED = ("attributes", "relations")
"""Of an item's body: stands until a later change says otherwise."""

Made: TypeAlias = tuple[str, str, NDArray[np.float32]]
"""Encoder, its version, and the unit vector."""

TABLES: Mapping[str, str] = {ITEM: "items", USER: "users"}
"""Where the changes of a label are."""

SCHEMA = (
    "".join(
        f"""
CREATE TABLE IF NOT EXISTS {table} (
    id TEXT PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE, gone INTEGER NOT NULL, body BLOB NOT NULL,
    vectors BLOB NOT NULL, applied INTEGER
) STRICT;
"""
        for table in TABLES.values()
    )
    + """
CREATE TABLE IF NOT EXISTS counter (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO counter VALUES (1, 0);
"""
)


@dataclass(frozen=True)
class Change:
    """An item (or a user) as it is now, or that it is `gone`. `body`: JSON values as `serving.item_body` keeps them;
    of a user, the properties.

    `applied`: the graph's version since which the graph says so; None while it does not yet.
    """

    sequence: int
    id: str
    gone: bool
    body: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, Made] = field(default_factory=dict)
    applied: int | None = None
    label: str = ITEM


class Overlay:
    """The file of one home. Made at the first change; before that every question is answered by its absence."""

    def __init__(self, home: Path) -> None:
        self.ledger = Ledger(home / FILE, SCHEMA)

    def put(self, item: str, body: Mapping[str, Any], vectors: Mapping[str, Made]) -> int:
        """The item as it is from now on; returns the change's number. On disk when it returns."""
        return self._write(Change(0, item, gone=False, body=body, vectors=vectors))

    def put_user(self, user: str, properties: Mapping[str, Any]) -> int:
        """The user as they are from now on; returns the change's number."""
        return self._write(Change(0, user, gone=False, body=properties, label=USER))

    def delete(self, name: str, label: str = ITEM) -> int:
        """The item (or user) is gone from now on; returns the change's number."""
        return self._write(Change(0, name, gone=True, body=NOTHING, label=label))

    def delete_users(self, users: Iterable[str]) -> int:
        """The users are gone from now on, all at the same moment; returns how many were not gone before."""
        with self.ledger.open(make=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            before = {row[0] for row in connection.execute("SELECT id FROM users WHERE gone = 1")}
            new = [user for user in dict.fromkeys(users) if user not in before]
            last = int(connection.execute("SELECT last FROM counter").fetchone()[0])
            connection.execute("UPDATE counter SET last = ?", (last + len(new),))
            connection.executemany(
                "INSERT OR REPLACE INTO users VALUES (?, ?, 1, ?, ?, NULL)",
                [(user, last + 1 + place, orjson.dumps({}), b"{}\n") for place, user in enumerate(new)],
            )
        return len(new)

    def stamp(self) -> int:
        """Another number whenever another process or object wrote; 0 while there is no file. Cheap."""
        return self.ledger.stamp()

    def since(self, sequence: int) -> list[Change]:
        """Changes with a greater number, oldest first."""
        return self._changes("sequence > ?", (sequence,))

    def waiting(self) -> list[Change]:
        """Changes that the graph does not hold yet, oldest first."""
        return self._changes("applied IS NULL", ())

    def count_waiting(self) -> int:
        """How many changes the graph does not hold yet."""
        if not self.ledger.there:
            return 0
        texts = [f"SELECT count(*) FROM {table} WHERE applied IS NULL" for table in TABLES.values()]  # noqa: S608
        with self.ledger.open() as connection:
            return sum(int(connection.execute(text).fetchone()[0]) for text in texts)

    def applied(self) -> dict[tuple[str, str], int | None]:
        """Label and id of everything with a change, and the graph's version since which the graph says so."""
        if not self.ledger.there:
            return {}
        with self.ledger.open() as connection:
            return {
                (label, name): graph
                for label, table in TABLES.items()
                for name, graph in connection.execute(f"SELECT id, applied FROM {table}")  # noqa: S608  constants
            }

    def apply(self, change: Change, graph: int) -> None:
        """The graph of this version holds the change; ignored where the thing changed again meanwhile."""
        text = f"UPDATE {TABLES[change.label]} SET applied = ? WHERE id = ? AND sequence = ?"  # noqa: S608  constants
        with self.ledger.open() as connection:
            connection.execute(text, (graph, change.id, change.sequence))

    def covers(self, index_version: str, graph: int) -> None:
        """See `Ledger.covers`."""
        self.ledger.covers(index_version, graph)

    def covered(self, index_version: str) -> int:
        """See `Ledger.covered`."""
        return self.ledger.covered(index_version)

    def tidy(self, index_versions: Iterable[str]) -> int:
        """Removes what every one of these indexes holds itself, and what is noted of others; returns how many changes.

        An index of which nobody noted what it holds keeps everything.
        """
        oldest = self.ledger.oldest(index_versions)
        if oldest is None:
            return 0
        with self.ledger.open() as connection:
            texts = [f"DELETE FROM {table} WHERE applied <= ?" for table in TABLES.values()]  # noqa: S608  constants
            return sum(connection.execute(text, (oldest,)).rowcount for text in texts)

    def rewrite_users(self, renewed: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]) -> int:
        """Puts other texts in the place of some properties, by user and body; no change that anybody is told of.
        Returns how many users' bodies were written.
        """
        if not self.ledger.there:
            return 0
        with self.ledger.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            rows = [(name, orjson.loads(body)) for name, body in connection.execute("SELECT id, body FROM users")]
            new = [({**body, **found}, name) for name, body in rows if (found := renewed(name, body))]
            connection.executemany(
                "UPDATE users SET body = ? WHERE id = ?", [(orjson.dumps(body), name) for body, name in new]
            )
            return len(new)

    def close(self) -> None:
        self.ledger.close()

    def _write(self, change: Change) -> int:
        vectors = change.vectors
        packed = orjson.dumps({name: [encoder, version, len(one)] for name, (encoder, version, one) in vectors.items()})
        blob = b"\n".join([packed, b"".join(np.asarray(one, "<f4").tobytes() for _, _, one in vectors.values())])
        with self.ledger.open(make=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            body = _carried(connection, change)
            connection.execute("UPDATE counter SET last = last + 1")
            sequence = int(connection.execute("SELECT last FROM counter").fetchone()[0])
            connection.execute(
                f"INSERT OR REPLACE INTO {TABLES[change.label]} VALUES (?, ?, ?, ?, ?, NULL)",  # noqa: S608  constants
                (change.id, sequence, int(change.gone), orjson.dumps(body), blob),
            )
            return sequence

    def _changes(self, where: str, parameters: tuple[Any, ...]) -> list[Change]:
        if not self.ledger.there:
            return []
        found = []
        with self.ledger.open() as connection:
            for label, table in TABLES.items():
                text = f"SELECT sequence, id, gone, body, vectors, applied FROM {table} WHERE {where}"  # noqa: S608
                found += [(*row, label) for row in connection.execute(text, parameters)]
        return [
            Change(sequence, name, bool(gone), orjson.loads(body), _vectors(blob), applied, label)
            for sequence, name, gone, body, blob, applied, label in sorted(found, key=lambda row: row[0])
        ]


def _carried(connection: sqlite3.Connection, change: Change) -> Mapping[str, Any]:
    """With what an earlier change said where this one is silent: of items `CARRIED`, of users every property."""
    text = f"SELECT body FROM {TABLES[change.label]} WHERE id = ? AND gone = 0"  # noqa: S608  constants
    row = connection.execute(text, (change.id,)).fetchone()
    if row is None or change.gone:
        return change.body
    before = orjson.loads(row[0])
    return {**{name: before[name] for name in (CARRIED if change.label == ITEM else before) if name in before},
            **change.body}  # fmt: skip


def _vectors(blob: bytes) -> dict[str, Made]:
    head, _, data = blob.partition(b"\n")
    found, start = {}, 0
    for name, (encoder, version, size) in orjson.loads(head).items():
        found[name] = encoder, version, np.frombuffer(data, "<f4", size, start).astype(np.float32)
        start += 4 * size
    return found
