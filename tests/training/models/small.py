"""Small random data for the models' tests: every part of the side information is there, with gaps."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from graph.snapshot import EmbeddingTable, Triples
from training.data import UNKNOWN, HeldOut, Histories, SideInformation, TrainingData, UserBatch


def histories_of(rows: list[list[int]], num_items: int) -> Histories:
    items = np.array([item for row in rows for item in row], np.int32)
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Histories(indptr, items, np.arange(len(items), dtype=np.int64), num_items)


def small_data(num_users: int = 40, num_items: int = 25, seed: int = 0) -> TrainingData:
    """Two groups; a repeat, a user without history, an item that nobody knows, items without text or image."""
    rng = np.random.default_rng(seed)
    same = np.equal.outer(np.arange(num_users) % 2, np.arange(num_items) % 2)
    liked = rng.random(same.shape) < np.where(same, 0.5, 0.1)
    liked[3], liked[:, 7] = False, False
    held = liked & (rng.random(liked.shape) < 0.15)
    rows = [rng.permutation(np.flatnonzero(row)).tolist() for row in liked & ~held]
    rows[0] = [*rows[0], rows[0][0]]
    train = histories_of(rows, num_items)
    users = np.flatnonzero(held.any(1)).astype(np.int64)
    validation = HeldOut(
        users, csr_matrix(held[users].astype(np.float32)), train.take(users).matrix, train.take(users)
    )  # fmt: skip
    profiles = np.stack(
        [np.arange(num_users) % 2 == 0, np.arange(num_users) % 2 == 1, np.arange(num_users) % 5 == 0], 1
    )
    return TrainingData(train, _side(num_items, csr_matrix(profiles.astype(np.float32)), rng), validation)


def _side(num_items: int, profiles: csr_matrix, rng: np.random.Generator) -> SideInformation:
    head = np.repeat(np.arange(num_items, dtype=np.int32), 2)
    tail = (num_items + np.stack([np.arange(num_items) % 2, rng.integers(2, 6, num_items)], 1).ravel()).astype(np.int32)
    relation = np.tile(np.array([0, 1], np.int16), num_items)
    kept = head != 5
    triples = Triples(head[kept], relation[kept], tail[kept])
    embeddings = {name: table(num_items, 8, rng, gap) for name, gap in (("text", 2), ("image", 9))}
    friends = np.array([[0, 2]], np.int32)
    return SideInformation(num_items + 6, ("HAS_GENRE", "HAS_ACTOR"), triples, friends, embeddings, profiles)


def table(num_items: int, dim: int, rng: np.random.Generator, gap: int) -> EmbeddingTable:
    """Unit vectors near one of two centres; item `gap` has none."""
    centres = rng.standard_normal((2, dim))
    vectors = centres[np.arange(num_items) % 2] + 0.5 * rng.standard_normal((num_items, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    present = np.arange(num_items) != gap
    return EmbeddingTable((vectors * present[:, None]).astype(np.float32), present, "test", "1")


def everybody(data: TrainingData) -> UserBatch:
    return UserBatch(np.arange(data.num_users), data.histories)


def newcomers(data: TrainingData, rows: list[int]) -> UserBatch:
    """The histories of these users, shown as of people the model does not know."""
    return UserBatch(np.full(len(rows), UNKNOWN, np.int64), data.histories.take(np.array(rows)))
