"""What an index holds of who may know whom: friendships, suggestions, and who wants none of it.

Not part of the request path: this file imports `training`. `serving.acquaintances` reads it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.schema import USER_BLOCKED, USER_DISCOVERABLE, USER_HIDES_FRIENDS
from graph.snapshot import Snapshot
from serving.index_files import MISSING, write_array, write_rows
from training.bench_friends import taste_of
from training.friends import LEAST, Friends, adjacency, fit_friends

SUGGESTED = 50
BATCH = 256
MOST_USERS = 100_000
"""Beyond it nothing is suggested: every user is scored against every other one."""


def write_people(folder: Path, snapshot: Snapshot) -> bool:
    """Writes the arrays; False, and nothing is written, where there are too few friendships or too many users."""
    users = len(snapshot.users)
    if len(snapshot.friendships) < LEAST or users > MOST_USERS:
        return False
    known = adjacency(snapshot.friendships, users)
    write_rows(folder, "people.friends", known.indptr, known.indices)
    quiet, hides, blocked = wishes(snapshot)
    write_array(folder, "people.quiet", quiet)
    write_array(folder, "people.hides", hides)
    write_rows(folder, "people.blocked", blocked.indptr, blocked.indices)
    model = fit_friends(snapshot.friendships, users, taste_of(snapshot))
    places, scores, taste = _suggestions(model, quiet, blocked)
    write_array(folder, "people.suggested", places)
    write_array(folder, "people.scores", scores)
    write_array(folder, "people.taste", taste)
    return True


def wishes(snapshot: Snapshot) -> tuple[NDArray[np.bool_], NDArray[np.bool_], csr_matrix]:
    """(users,) who shall not be suggested, (users,) who does not show their friends, and who blocks whom, both ways."""
    users, table = len(snapshot.users), snapshot.user_properties
    names = set(table.column_names)

    def flags(name: str, when: bool) -> NDArray[np.bool_]:
        if name not in names:
            return np.zeros(users, np.bool_)
        return np.array([str(value).lower() == str(when).lower() for value in table.column(name).to_pylist()], np.bool_)

    pairs = []
    if USER_BLOCKED in names:
        for user, given in enumerate(table.column(USER_BLOCKED).to_pylist()):
            for other in [given] if isinstance(given, str) else given or ():
                place = snapshot.users.positions.get(other)
                pairs += [] if place is None else [(user, place), (place, user)]
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    blocked = csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(users, users))
    blocked.sum_duplicates()
    return flags(USER_DISCOVERABLE, False), flags(USER_HIDES_FRIENDS, True), blocked


def _suggestions(
    model: Friends, quiet: NDArray[np.bool_], blocked: csr_matrix
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Each user's best, their log-odds, and how alike their tastes are (0 where unknown)."""
    users = len(model.measures.degree)
    size = min(SUGGESTED, users)
    places = np.full((users, size), MISSING, np.int32)
    scores, taste = np.zeros((users, size), np.float32), np.zeros((users, size), np.float32)
    for start in range(0, users, BATCH):
        batch = np.arange(start, min(start + BATCH, users))
        rows = model.score(batch)
        rows[(model.measures.links + blocked)[batch].nonzero()] = -np.inf
        rows[np.arange(len(batch)), batch] = -np.inf
        rows[:, quiet] = -np.inf
        order = np.argsort(-rows, axis=1, kind="stable")[:, :size]
        found = np.take_along_axis(rows, order, axis=1)
        there = np.isfinite(found)
        places[batch] = np.where(there, order, MISSING)
        scores[batch] = np.where(there, found, 0)
        if "taste" in model.names:
            taste[batch] = np.take_along_axis(model.measures.rows("taste", batch), order, axis=1) * there
    return places, scores, taste
