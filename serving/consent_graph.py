"""Consents and the graph: what was said goes onto users' nodes, and what their nodes say into the index.

Beside `serving.consent`, apart from the request path.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph import changes
from graph.consent import PURPOSES, property_of
from graph.consent_snapshot import said_by
from graph.queries_users import SET_USER_PROPERTIES
from graph.schema import USER
from graph.snapshot import Snapshot
from graph.store import GraphStore
from serving.consent import Consents

USERS_A_WRITE = 500


def flush_consents(store: GraphStore, home: Path, consents: Consents) -> int:
    """Writes what waits onto the users' nodes; returns how many users. Done again to the same end."""
    written = 0
    while words := consents.waiting(USERS_A_WRITE):
        changes.prepare(store)
        rows = [{"user": user, "properties": {property_of(purpose): yes for purpose, yes in given.items()}}
                for user, given in words.items()]  # fmt: skip
        changes.write_nodes(store, home, SET_USER_PROPERTIES, {"rows": rows}, {USER: list(words)})
        consents.applied(words)
        written += len(words)
    return written


def say_again(consents: Consents, snapshot: Snapshot) -> int:
    """Where the graph says otherwise than the user did (a source came later), the next flush tells it again; returns
    how many words.
    """
    columns = {purpose: said_by(snapshot.user_properties, purpose) for purpose in PURPOSES}
    other = []
    for user, purpose, yes in consents.said():
        place = snapshot.users.positions.get(user)
        wanted = 0 if yes is None else 1 if yes else -1
        if place is not None and columns[purpose][place] != wanted:
            other.append((user, purpose))
    if other:
        consents.again(other)
    return len(other)


def marks_of(snapshot: Snapshot) -> NDArray[np.uint8]:
    """(users,) what users' properties say, as the index keeps it (`ARRAY`)."""
    found = np.zeros(len(snapshot.users), np.uint8)
    for place, purpose in enumerate(PURPOSES):
        said = said_by(snapshot.user_properties, purpose)
        found |= np.where(said < 0, 1 << place, np.where(said > 0, 16 << place, 0)).astype(np.uint8)
    return found
