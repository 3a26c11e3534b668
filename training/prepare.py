"""From a snapshot and a split to what models and the evaluator read: `TrainingData` and `HeldOut`.

The one place that says what a model may know when: fitted on train; validation scored with train histories; test scored
with train and validation histories, and both excluded from the ranking. What users are known to have done that is no
liking (`Histories.said`) stays in the ranking, as published protocols have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import Interactions, Snapshot
from training.data import Feedback, HeldOut, Histories, SideInformation, TrainingData
from training.links import links_of
from training.profiles import profile_features
from training.split import Split, positives, varied


@dataclass(frozen=True)
class Prepared:
    """`data` to fit on (validation inside), `test` to measure on once, `everything` to refit on before production."""

    data: TrainingData
    test: HeldOut
    everything: TrainingData


def prepare(snapshot: Snapshot, split: Split, *, seed: int = 42) -> Prepared:
    """Users and items keep their snapshot positions; a user with no train interaction has an empty history."""
    return prepare_parts(split, (len(snapshot.users), len(snapshot.items)), side_information(snapshot), seed)


def prepare_parts(split: Split, shape: tuple[int, int], side: SideInformation, seed: int) -> Prepared:
    """The same of (num_users, num_items) and side information that are given."""
    train = histories(split.train, shape, split.said)
    seen = histories(_join(split.train, split.validation), shape, split.said_later)
    validation = _held_out(split.validation, train)
    return Prepared(
        data=TrainingData(train, side, validation, seed),
        test=_held_out(split.test, seen),
        everything=TrainingData(seen, side, None, seed),
    )


def side_information(snapshot: Snapshot) -> SideInformation:
    """The snapshot's triples, friendships, embeddings, profiles and links across platforms."""
    return SideInformation(
        snapshot.num_nodes,
        snapshot.relations,
        snapshot.triples,
        snapshot.friendships,
        snapshot.embeddings,
        profile_features(snapshot.user_properties, len(snapshot.users)),
        links_of(snapshot),
    )


def histories(interactions: Interactions, shape: tuple[int, int], said: Interactions | None = None) -> Histories:
    """Rows must be in time order within each user; `shape` is (num_users, num_items). `said`: all that they did."""
    order = np.argsort(interactions.user, kind="stable")
    counts = np.bincount(interactions.user, minlength=shape[0])
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    feedback = None if said is None else _feedback(said, shape[0])
    return Histories(indptr, interactions.item[order], interactions.time[order], shape[1], None, feedback)


def _feedback(rows: Interactions, num_users: int) -> Feedback:
    order = np.argsort(rows.user, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows.user, minlength=num_users))]).astype(np.int64)
    return Feedback(indptr, rows.item[order], rows.kind[order], rows.value[order])


def known_histories(snapshot: Snapshot, min_value: float | None) -> Histories:
    """All that the snapshot's users like, oldest first, and all that they did."""
    rows = snapshot.interactions
    kept = rows.take(positives(rows, min_value))
    kept = kept.take(np.lexsort((kept.time, kept.user)))
    return histories(kept, (len(snapshot.users), len(snapshot.items)), rows if varied(rows) else None)


def _join(first: Interactions, second: Interactions) -> Interactions:
    """Both, by user and time; what has the same time keeps its order, `first` before `second`."""
    columns = [
        np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("user", "item", "kind", "value", "time")
    ]
    joined = Interactions(*columns)
    return joined.take(np.lexsort((joined.time, joined.user)))


def _held_out(relevant: Interactions, seen: Histories) -> HeldOut:
    users: NDArray[np.int64] = np.unique(relevant.user).astype(np.int64)
    rows = np.searchsorted(users, relevant.user)
    ones = np.ones(len(rows), np.float32)
    matrix = csr_matrix((ones, (rows, relevant.item)), shape=(len(users), seen.num_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    known = seen.take(users)
    return HeldOut(users, matrix, known.matrix, known)
