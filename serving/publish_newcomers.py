"""What an index holds for people of whom nothing is known: a model of profiles, which items to ask them about, and what
their answers say.

Not part of the request path: this file imports `training`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from graph.snapshot import Snapshot
from serving.index_files import write_array, write_rows
from training.covariance import covariance
from training.data import Histories, TrainingData
from training.links import links_of
from training.models.profile import Profile
from training.onboarding import ASKED, onboarding
from training.prepare import side_information
from training.profiles import ProfileColumn, profile_columns

FEWEST_FRIENDS = 3
ANSWERS = ("answers.share", "answers.vectors", "answers.weight")


def write_newcomers(folder: Path, snapshot: Snapshot, known: Histories) -> list[dict[str, Any]] | None:
    """Writes the arrays; returns the manifest's columns of profiles, None where users have none."""
    found = covariance(known.matrix)
    write_array(folder, "onboarding", onboarding(known.matrix, ASKED))
    write_array(folder, "onboarding.likings", found.order(ASKED))
    for name, array in zip(ANSWERS, found.answers().arrays, strict=True):
        write_array(folder, name, array)
    rows, own, lenders = borrowed(snapshot, known)
    write_rows(folder, "borrowed", rows.indptr, rows.indices)
    write_array(folder, "borrowed.own", own)
    write_array(folder, "borrowed.sure", certainty(rows, own))
    write_rows(folder, "borrowed.lenders", lenders.indptr, lenders.indices)
    columns = profile_columns(snapshot.user_properties)
    if not columns or not len(known.items):
        return None
    model = Profile().fit(TrainingData(known, side_information(snapshot), None))
    write_array(folder, "profile.items", model.state()["items"])
    return [_entry(one) for one in columns]


def _entry(column: ProfileColumn) -> dict[str, Any]:
    edges = None if column.edges is None else column.edges.tolist()
    words = None if column.words is None else column.words.to_pylist()
    return {"name": column.name, "edges": edges, "words": words, "size": column.size}


def borrowed(snapshot: Snapshot, known: Histories) -> tuple[csr_matrix, NDArray[np.bool_], csr_matrix]:
    """For users of whom nothing is known: what the same person did elsewhere, else what their friends did.

    (users, items), which rows are a person's own, and from which of their accounts (users, users). In a person's own,
    an item is as likely theirs as the likeliest account it is from (`training.links`). Of friends, at least
    `FEWEST_FRIENDS` with a history: a list from one friend would tell what that friend likes.
    """
    size = len(known)
    idle = np.diff(known.indptr) == 0
    links = links_of(snapshot)
    person = csr_matrix((size, size), dtype=np.float32) if links is None else links.accounts
    friends = snapshot.friendships
    ends = np.concatenate([friends, friends[:, ::-1]])
    pairs = csr_matrix((np.ones(len(ends), np.float32), (ends[:, 0], ends[:, 1])), shape=(size, size))
    enough = np.asarray(pairs @ (~idle).astype(np.float32)).ravel() >= FEWEST_FRIENDS
    own, theirs = _of_accounts(person, known), pairs @ known.matrix
    has_own = np.diff(own.indptr) > 0
    rows = diags((idle & has_own).astype(np.float32)) @ own
    rows = csr_matrix(rows + diags((idle & ~has_own & enough).astype(np.float32)) @ theirs)
    rows.eliminate_zeros()
    rows.sort_indices()
    lenders = csr_matrix(diags((idle & has_own).astype(np.float32)) @ person @ diags((~idle).astype(np.float32)))
    lenders.eliminate_zeros()
    lenders.sort_indices()
    return rows, has_own, lenders


def certainty(rows: csr_matrix, own: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(users,) the mean of how likely each borrowed item is the person's own; one for friends' items."""
    counts = np.diff(rows.indptr)
    found = np.asarray(rows.sum(axis=1), np.float32).ravel() / np.maximum(counts, 1)
    return np.where(own & (counts > 0), np.minimum(found, 1), np.float32(1)).astype(np.float32)


def _of_accounts(person: csr_matrix, known: Histories) -> csr_matrix:
    """(users, items): what each one's other accounts (`person`) did, by the likeliest of them."""
    accounts = person.tocoo()
    theirs = csr_matrix(diags(accounts.data) @ known.matrix[accounts.col]).tocoo()
    order = np.lexsort((theirs.data, theirs.col, accounts.row[theirs.row]))
    user, item = accounts.row[theirs.row][order], theirs.col[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (np.diff(user) != 0) | (np.diff(item) != 0)
    return csr_matrix((theirs.data[order][last], (user[last], item[last])), shape=known.matrix.shape, dtype=np.float32)
