"""Planted order: what comes next is certain, and popularity knows nothing of it."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from graph.snapshot import EmbeddingTable, Triples
from tests.training.models.small import histories_of
from training.data import HeldOut, SideInformation, TrainingData, UserBatch

TYPES, EACH = 5, 6
STRANGE = TYPES * EACH
"""An item of type 0 that nobody has met."""


def ring(num_items: int = 30, num_users: int = 200, *, seed: int = 0, validation: bool = True) -> TrainingData:
    """Everybody walks round a ring of items from somewhere, 3 to 9 steps; validation: the step after."""
    rng = np.random.default_rng(seed)
    starts, lengths = rng.integers(num_items, size=num_users), rng.integers(3, 10, num_users)
    rows = [
        ((start + np.arange(length)) % num_items).tolist() for start, length in zip(starts, lengths, strict=True)
    ]  # fmt: skip
    histories = histories_of(rows, num_items)
    held = held_out(rows, (starts + lengths) % num_items, num_items) if validation else None
    return TrainingData(histories, nothing(num_items), held)


def held_out(rows: list[list[int]], following: np.ndarray, num_items: int) -> HeldOut:
    users = np.arange(len(rows), dtype=np.int64)
    relevant = csr_matrix((np.ones(len(rows), np.float32), (users, following)), shape=(len(rows), num_items))
    histories = histories_of(rows, num_items)
    return HeldOut(users, relevant, histories.matrix, histories)


def nothing(num_items: int) -> SideInformation:
    empty = Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32))
    return SideInformation(num_items, (), empty, np.empty((0, 2), np.int32))


def types(num_users: int = 300, *, seed: int = 0, text: bool = True) -> TrainingData:
    """After an item of one type comes any item of the next; a text tells the type, of `STRANGE` too."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(num_users):
        kinds = (rng.integers(TYPES) + np.arange(rng.integers(3, 8))) % TYPES
        rows.append((kinds * EACH + rng.integers(EACH, size=len(kinds))).tolist())
    kind = np.append(np.repeat(np.arange(TYPES), EACH), 0)
    vectors = rng.standard_normal((TYPES, 16))[kind] + 0.3 * rng.standard_normal((len(kind), 16))
    table = EmbeddingTable(vectors.astype(np.float32), np.ones(len(kind), bool), "test", "1")
    side = nothing(len(kind))
    side = SideInformation(side.num_nodes, (), side.triples, side.friendships, {"text": table} if text else {})
    return TrainingData(histories_of(rows, len(kind)), side)


def stranger(history: list[int], num_items: int) -> UserBatch:
    return UserBatch(np.array([-1]), histories_of([history], num_items))
