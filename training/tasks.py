"""What each benchmark task holds out and ranks: from a data set to `Prepared`, by the dataset folder's rules.

Between the snapshot and the fit. `ranking-99` and labelled data (`kg` with values 0/1) rank each user's own candidates
and not the catalogue: validation then ranks candidates of the same kind, so that what is chosen is chosen for the task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import Unsupported
from graph.snapshot import Interactions
from graph.snapshot_read import FolderData
from training.cold import hold_out_items, rank_newcomers
from training.data import HeldOut
from training.metrics import KS
from training.prepare import Prepared, prepare
from training.split import TEST, VALIDATION, How, make_split

NEGATIVES = 99


@dataclass(frozen=True)
class Task:
    """`how`: the split of data without fixed parts. `without`: the side information whose worth is measured.

    `negatives`: only the held-out items and given (else drawn) irrelevant ones are ranked. `labels`: values 0/1, where
    they are all there is, are labels of pairs, and each user's labelled pairs are ranked. `cold`: only items that
    nobody met are ranked; `auto` tries the models that read content, and they are fitted once more on validation too.
    """

    name: str
    how: How
    ks: tuple[int, ...] = KS
    without: str = ""
    negatives: bool = False
    labels: bool = False
    cold: bool = False


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.name: task
        for task in (
            Task("top-n", "random"),
            Task("next-item", "last-out"),
            Task("ranking-99", "last-out", ks=(1, 5, 10), negatives=True),
            Task("social", "random", without="friendships"),
            Task("kg", "random", without="triples", labels=True),
            Task("cold-item", "fixed", ks=(10, 20), cold=True),
        )
    }
)
OTHER_TASKS = ("cold-user", "cross-platform", "friends", "events", "ctr")
"""Measured by modules of their own."""


def find_task(name: str) -> Task:
    """The task of this name; raises `Unsupported` with those that are measured."""
    if name in TASKS:
        return TASKS[name]
    raise Unsupported(
        f"task {name!r} is not a task",
        valid=", ".join((*TASKS, *OTHER_TASKS)),
        remedy="choose one of these",
    )


@dataclass(frozen=True)
class TaskData:
    """`split`: how the parts were made, in words. `labelled`: pairs with labels are ranked."""

    prepared: Prepared
    split: str
    labelled: bool = False


def task_data(task: Task, folder: FolderData, *, min_value: float | None = None, seed: int = 42) -> TaskData:
    """Splits and prepares. Errors: `InvalidData` for data that cannot be split, `Unsupported` where the data lacks the
    side information that the task measures.
    """
    snapshot = folder.snapshot
    if task.cold:
        return _cold_items(folder, min_value, seed)
    labelled = task.labels and min_value is None and _labels(snapshot.interactions)
    split = make_split(
        snapshot.interactions,
        how="fixed" if folder.part is not None else task.how,
        min_value=1.0 if labelled else min_value,
        seed=seed,
        part=folder.part,
        order=folder.order,
    )
    prepared = prepare(snapshot, split, seed=seed)
    _check_side(task, prepared)
    if labelled and folder.part is not None:
        prepared = _with_labels(prepared, snapshot.interactions, folder.part)
        return TaskData(prepared, f"{split.how}; labelled pairs", labelled=True)
    if task.negatives:
        given = folder.negatives
        drawn = "given negatives" if given else f"{NEGATIVES} negatives drawn (seed {seed})"
        return TaskData(with_negatives(prepared, given, seed), f"{split.how}; {drawn}")
    return TaskData(prepared, split.how)


def _cold_items(folder: FolderData, min_value: float | None, seed: int) -> TaskData:
    snapshot = folder.snapshot
    found = hold_out_items(snapshot.interactions, len(snapshot.items), seed=seed, part=folder.part)
    rows = snapshot.interactions.take(found.rows)
    split = make_split(
        rows, how="fixed", min_value=min_value, seed=seed, part=found.part, order=folder.order[found.rows]
    )
    return TaskData(rank_newcomers(prepare(snapshot, split, seed=seed), found), found.how)


def _labels(interactions: Interactions) -> bool:
    """Are the values 0 and 1 and nothing else."""
    return bool(len(interactions)) and set(np.unique(interactions.value)) == {0.0, 1.0}


def _check_side(task: Task, prepared: Prepared) -> None:
    if task.without and not len(getattr(prepared.data.side, task.without)):
        raise Unsupported(
            f"task {task.name!r} measures what {task.without} bring, and this data set has none",
            valid="a folder with friends.csv" if task.without == "friendships" else "a folder with triples.csv",
            remedy="add the file, or measure top-n",
        )


def with_negatives(prepared: Prepared, given: Mapping[int, NDArray[np.int32]], seed: int) -> Prepared:
    """Test among the given negatives (drawn where a user has none), validation among as many drawn ones.

    What is drawn was not met by the user in what the model may read, as the protocols that publish negatives do.
    """
    rng = np.random.default_rng(seed)
    validation = prepared.data.validation
    if validation is not None:
        validation = among(validation, _draw(validation, rng), rng)
    test = prepared.test
    rows = [given.get(int(user), np.empty(0, np.int32)) for user in test.users]
    return replace(prepared, data=replace(prepared.data, validation=validation), test=among(test, rows, rng))


def among(held_out: HeldOut, negatives: list[NDArray[np.int32]], rng: np.random.Generator) -> HeldOut:
    """Only the relevant items and each user's `negatives` are ranked; a user without any gets drawn ones."""
    missing = [place for place, items in enumerate(negatives) if not len(items)]
    if missing:
        negatives = list(negatives)
        for place, items in zip(missing, _draw(held_out.take(np.array(missing)), rng), strict=True):
            negatives[place] = items
    return replace(held_out, candidates=_candidates(held_out, negatives))


def _draw(held_out: HeldOut, rng: np.random.Generator) -> list[NDArray[np.int32]]:
    drawn = []
    num_items = held_out.relevant.shape[1]
    for row in range(len(held_out)):
        free = np.ones(num_items, bool)
        for met in (held_out.excluded, held_out.relevant):
            free[met.indices[met.indptr[row] : met.indptr[row + 1]]] = False
        left = np.flatnonzero(free)
        drawn.append(rng.choice(left, min(NEGATIVES, len(left)), replace=False).astype(np.int32))
    return drawn


def _candidates(held_out: HeldOut, negatives: list[NDArray[np.int32]]) -> csr_matrix:
    indptr = np.concatenate([[0], np.cumsum([len(items) for items in negatives])]).astype(np.int64)
    indices = np.concatenate(negatives) if negatives else np.empty(0, np.int32)
    ones = np.ones(len(indices), np.float32)
    matrix = csr_matrix((ones, indices, indptr), shape=held_out.relevant.shape) + held_out.relevant
    matrix.sort_indices()
    matrix.data[:] = 1.0
    return matrix


def _with_labels(prepared: Prepared, interactions: Interactions, part: NDArray[np.int8]) -> Prepared:
    """Each user's pairs of label 0 beside those of label 1; users who have only one kind say nothing of a ranking."""
    validation = prepared.data.validation
    if validation is not None:
        validation = _labelled(validation, interactions.take(np.flatnonzero(part == VALIDATION)))
    test = _labelled(prepared.test, interactions.take(np.flatnonzero(part == TEST)))
    return replace(prepared, data=replace(prepared.data, validation=validation), test=test)


def _labelled(held_out: HeldOut, rows: Interactions) -> HeldOut:
    rows = rows.take(np.flatnonzero((rows.value == 0) & np.isin(rows.user, held_out.users)))
    order = np.argsort(rows.user, kind="stable")
    place = np.searchsorted(held_out.users, rows.user[order])
    negatives = np.split(rows.item[order], np.cumsum(np.bincount(place, minlength=len(held_out)))[:-1])
    has = np.flatnonzero([len(items) > 0 for items in negatives])
    kept = held_out.take(has)
    return replace(kept, candidates=_candidates(kept, [negatives[row] for row in has]))
