"""Lists of every user, made when an index is published: what a request, a write-back and `recommend --all` begin with.

By the model's own scores of all items where that takes minutes; in a large graph for those who were here last, and for
all others by what the index retrieves (`serving.all_lists`), as they would be answered if they asked. Not part of the
request path.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import Conflict, InvalidData
from serving.all_lists import Everybody, blocks
from serving.index import Index
from serving.index_files import MISSING, write_array
from serving.live import Live
from serving.publish_inherit import Fill
from serving.retrieve import can_retrieve
from training.data import Histories, UserBatch
from training.recommender import Recommender
from training.topk import top_k

LIST_SIZE = 200
LARGE_LIST_SIZE = 100
"""Where not every user's is made by the scores of all items: a gigabyte for a million users."""
USERS_A_BATCH = 1024
SCORES_A_BATCH = 1 << 26
LIST_CELLS = 10_000_000_000
"""Most scores that are computed for the lists: minutes of work."""
ITEMS, SCORES = "list.items", "list.scores"


def write_lists(folder: Path, recommender: Recommender, known: Histories, seen: csr_matrix, fill: Fill) -> None:
    """Each listed user's best unseen items by the model's own scores; users without a history get none.

    Items that nobody met have what they inherit (`serving.inherit`).
    """
    users = len(known)
    some, whole = _listed(known)
    size = min(LIST_SIZE if whole else LARGE_LIST_SIZE, known.num_items)
    items, scores = np.full((users, size), MISSING, np.int32), np.zeros((users, size), np.float32)
    step = max(1, min(USERS_A_BATCH, SCORES_A_BATCH // max(1, known.num_items)))
    for start in range(0, len(some), step):
        batch = some[start : start + step].astype(np.int64)
        block = np.asarray(recommender.score(UserBatch(batch, known.take(batch))), np.float32)
        check_shape((len(batch), block.shape[1]), (len(batch), known.num_items))
        if not np.isfinite(block).all():
            raise InvalidData(f"the model {recommender.name!r} gives scores that are not finite",
                              valid="finite scores", remedy="train it again with a lower learning rate")  # fmt: skip
        fill(block)
        items[batch], found = top_k(block, seen[batch], size)
        scores[batch] = np.where(items[batch] == MISSING, 0, found)
    write_array(folder, ITEMS, items)
    write_array(folder, SCORES, scores)


def _listed(known: Histories) -> tuple[NDArray[np.int64], bool]:
    """Users who get a list by the scores of all items, and whether those are all: in a large graph those who were here
    last.
    """
    some = np.flatnonzero(np.diff(known.indptr) > 0)
    most = LIST_CELLS // max(1, known.num_items)
    if len(some) <= most:
        return some, True
    latest = known.times[known.indptr[some + 1] - 1]
    return np.sort(some[np.argsort(-latest.astype(np.float64), kind="stable")[:most]]), False


def complete_lists(folder: Path, index: Index, tell: Callable[[str], None]) -> None:
    """Gives those who have a history and no list theirs, written into the files of the index that is being made.

    `index`: those files, mapped. Where it cannot retrieve, such users are scored when they ask.
    """
    if not can_retrieve(index):
        return
    empty = np.asarray(index.list_items[:, 0]) == MISSING
    users = np.flatnonzero(empty & (np.diff(index.known.indptr) > 0))
    items, scores = (np.load(folder / f"{name}.npy", mmap_mode="r+") for name in (ITEMS, SCORES))
    done = 0
    for lists in blocks(Everybody(Live(index), items.shape[1]), users):
        items[lists.users], scores[lists.users] = lists.items, lists.scores
        done += len(lists.users)
        tell(f"lists of every user: {done:,} of {len(users):,}")
    for array in (items, scores):
        array.flush()


def check_shape(found: tuple[int, int], expected: tuple[int, int]) -> None:
    """Raises `Conflict` for a model of other users or items than the snapshot's."""
    if found != expected:
        raise Conflict(
            f"the model knows {found[0]} users and {found[1]} items, the snapshot has {expected[0]} and {expected[1]}",
            valid="a model fitted on this snapshot",
            remedy="train again on it: interlace train",
        )
