"""Rows about people in the small SQLite files of a home: overlay, events, exposures, corrections, keys.

Rows are deleted some hundred users a transaction, so that a server writes between them; `secure_delete` overwrites what
they held, and the write-ahead log is emptied, so that nothing of them stays in a file.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import orjson

from graph.portions import portions
from graph.schema import USER, USER_BLOCKED
from serving.access.keys import FILE as KEYS
from serving.consent import FILE as CONSENTS
from serving.corrections import FILE as CORRECTIONS
from serving.erasure.work import Counts, Work
from serving.events import FILE as EVENTS
from serving.exposures import FILE as EXPOSURES
from serving.index import CURRENT
from serving.index import FOLDER as INDEX
from serving.overlay import FILE as OVERLAY
from serving.overlay import Overlay

KEYS_AT_ONCE = 200
WAIT_SECONDS = 30.0
CHECKPOINT_TRIES = 20
PAUSE = 0.05
NOTICED_SECONDS = 3.0
"""A worker looks once a second which index is current."""


def answers(work: Work) -> Counts:
    """A mark in the overlay: from the next request on every worker says that they are not there."""
    with closing(Overlay(work.home)) as overlay:
        return {"users": overlay.delete_users(work.users)}


def events(work: Work) -> Counts:
    """Events, those that the graph does not hold yet among them, with the ids by which they count once."""
    return {"events": delete(work.home / EVENTS, ["DELETE FROM events WHERE user = ?"], work.users)}


def exposures(work: Work) -> Counts:
    """What was shown to them, in experiments, shadows or otherwise."""
    texts = [f"DELETE FROM {table} WHERE user = ?" for table in ("answers", "shadowed")]  # noqa: S608  our own names
    return {"answers": delete(work.home / EXPOSURES, texts, work.users)}


def corrections(work: Work) -> Counts:
    """Interests that they removed from their profile."""
    return {"interests": delete(work.home / CORRECTIONS, ["DELETE FROM removed WHERE user = ?"], work.users)}


def consents(work: Work) -> Counts:
    """What they said that may be done with what is known of them."""
    return {"consents": delete(work.home / CONSENTS, ["DELETE FROM consent WHERE user = ?"], work.users)}


def keys(work: Work) -> Counts:
    """Their own tokens, good for nothing from now on."""
    return {"keys": delete(work.home / KEYS, ["DELETE FROM keys WHERE user = ?"], work.users)}


def blocks(work: Work) -> Counts:
    """Lists of other users' whom they want nothing to do with, as far as these wait to be written to the graph."""
    changed = 0
    with closing(Overlay(work.home)) as overlay:
        for change in overlay.since(0):
            blocked = change.body.get(USER_BLOCKED) or ()
            if change.label == USER and not change.gone and not work.names.isdisjoint(blocked):
                overlay.put_user(change.id, {USER_BLOCKED: [one for one in blocked if one not in work.names]})
                changed += 1
    return {"lists": changed}


def marks(work: Work) -> Counts:
    """The marks of `answers`, once no worker answers from an index that needs them."""
    pointer = work.home / INDEX / CURRENT
    while pointer.is_file() and time.time() - pointer.stat().st_mtime < NOTICED_SECONDS:
        time.sleep(PAUSE)
    return {"users": delete(work.home / OVERLAY, ["DELETE FROM users WHERE id = ? AND gone = 1"], work.users)}


def delete(path: Path, texts: Sequence[str], keys: Iterable[str | bytes]) -> int:
    """Runs statements that delete a key's rows, such as a user's; how many rows are gone, 0 where there is no file."""
    if not path.is_file():
        return 0
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        before = connection.total_changes
        for some in portions(keys, KEYS_AT_ONCE):
            connection.execute("BEGIN IMMEDIATE")
            for text in texts:
                connection.executemany(text, [(key,) for key in some])
            connection.execute("COMMIT")
        found = connection.total_changes - before
        empty_log(connection)
    return found


def empty_log(connection: sqlite3.Connection) -> None:
    """Moves the write-ahead log into the file and empties it; readers that hold it up are gone in a moment."""
    for _ in range(CHECKPOINT_TRIES):
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if not busy:
            return
        time.sleep(PAUSE)


def rows_about(path: Path, table: str, column: str, user: str) -> list[dict[str, object]]:
    """A user's rows of a table, for an export."""
    if not path.is_file():
        return []
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS)) as connection:
        found = connection.execute(f"SELECT * FROM {table} WHERE {column} = ?", (user,))  # noqa: S608  our own names
        names = [one[0] for one in found.description]
        return [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in found]


def _plain(value: object) -> object:
    """JSON where bytes hold it."""
    if not isinstance(value, bytes):
        return value
    try:
        found: object = orjson.loads(value)
        return found
    except orjson.JSONDecodeError:
        return value.hex()
