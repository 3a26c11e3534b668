"""What LambdaMART knows about a candidate: every member's score and rank, popularity, age, history, likeness.

Beside the pool. All of it is made of the history that a model may read for that user and of the train part; held-out
items are in none of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from graph.snapshot import NO_TIME, Snapshot
from training.beyond import Categories, attribute_vectors, categories_of, embedding_vectors
from training.data import Histories, TrainingData
from training.rerank.calibration import proportions
from training.rerank.pool import Pool, within

WIDTH = 64
"""Of attribute vectors: tens of thousands of attributes, in so many directions."""
NEWEST = 20
"""Items of a history that a candidate is compared with one by one."""
DAY = 86_400.0
BLOCK = 256
"""Users whose features are made at once."""


@dataclass(frozen=True)
class ItemFacts:
    """What is known of items without a user, from the train part: `counts` of interactions, `first` and `last` times.

    Times (items,) float64 are seconds, NaN where unknown. `spaces`: name -> (items, d) unit rows, zero where unknown.
    """

    counts: NDArray[np.int64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    spaces: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    categories: Categories | None = None

    @property
    def space(self) -> NDArray[np.float32]:
        """The space in which lists are made diverse: attributes, else text, else what there is, else by kinds."""
        for name in ("attributes", "text", *self.spaces):
            if name in self.spaces:
                return self.spaces[name]
        return np.zeros((len(self.counts), 1), np.float32)


def item_facts(snapshot: Snapshot, data: TrainingData) -> ItemFacts:
    """From the train part, the triples and the embeddings."""
    spaces = {name: embedding_vectors(table) for name, table in snapshot.embeddings.items() if table.present.any()}
    attributes = attribute_vectors(snapshot)
    if attributes is not None:
        spaces["attributes"] = narrowed(attributes, WIDTH)
    known = data.histories.times != NO_TIME
    items, times = data.histories.items[known], data.histories.times[known].astype(np.float64)
    first, last = np.full(data.num_items, np.inf), np.full(data.num_items, -np.inf)
    np.minimum.at(first, items, times)
    np.maximum.at(last, items, times)
    first, last = np.where(np.isfinite(first), first, np.nan), np.where(np.isfinite(last), last, np.nan)
    counts = np.bincount(data.matrix.indices, minlength=data.num_items)
    return ItemFacts(counts, first, last, spaces, categories_of(snapshot))


def narrowed(vectors: csr_matrix, width: int) -> NDArray[np.float32]:
    """(items, width) unit rows whose inner products are nearest to those of `vectors` (truncated SVD); zero rows stay.

    Where there are no more items or columns than `width`, all directions are kept.
    """
    if min(vectors.shape) <= width + 1:
        full = np.asarray(vectors.todense())
        left, size, _ = np.linalg.svd(full, full_matrices=False)
    else:
        left, size, _ = svds(vectors.astype(np.float64), k=width, v0=np.ones(min(vectors.shape)))
    found = left * size
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(np.where(lengths > 1e-9, found / np.maximum(lengths, 1e-12), 0.0), np.float32)


def feature_names(pool: Pool, facts: ItemFacts) -> tuple[str, ...]:
    """The columns of `features`, in order."""
    names = ["first score", "first score within", "first rank"]
    names += [f"{name} {what}" for name in pool.names for what in ("score", "rank")]
    names += ["popularity", "age days", "since last days", "history length", "history popularity"]
    names += [f"{name} {what}" for name in facts.spaces for what in ("mean likeness", "greatest likeness")]
    return tuple([*names, "kinds"] if facts.categories else names)


def features(pool: Pool, facts: ItemFacts) -> NDArray[np.float32]:
    """(users, n, features) float32, NaN where unknown; columns as `feature_names` says."""
    blocks = [_block(pool.take(np.arange(start, min(start + BLOCK, len(pool)))), facts)
              for start in range(0, len(pool), BLOCK)]  # fmt: skip
    empty = np.zeros((0, pool.items.shape[1], len(feature_names(pool, facts))), np.float32)
    return np.concatenate([empty, *blocks])


def _block(pool: Pool, facts: ItemFacts) -> NDArray[np.float32]:
    histories, items = pool.held_out.histories, np.maximum(pool.items, 0)
    columns = [pool.scores, within(pool.scores, pool.there), _ranks(pool.scores, pool.there)]
    for member in range(len(pool.names)):
        columns += [pool.members[:, :, member], _ranks(pool.members[:, :, member], pool.there)]
    columns += _of_items(histories, items, facts)
    for space in facts.spaces.values():
        columns += _likeness(histories, items, space)
    if facts.categories is not None:
        shares = facts.categories.shares
        dense = np.asarray(shares[items.ravel()].todense()).reshape(*items.shape, -1)
        columns.append(np.einsum("uc,unc->un", proportions(histories.matrix, shares), dense))
    return np.stack([np.asarray(column, np.float32) for column in columns], 2)


def _ranks(scores: NDArray[np.floating], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """log2(1 + rank) within a user's candidates, rank 1 the best."""
    order = np.argsort(-np.where(there, scores, -np.inf), axis=1, kind="stable")
    ranks = np.empty(order.shape)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(1.0, order.shape[1] + 1), order.shape), 1)
    return np.log2(1 + ranks)


def _of_items(histories: Histories, items: NDArray[np.int32], facts: ItemFacts) -> list[NDArray[np.floating]]:
    popularity = np.log1p(facts.counts)
    matrix = histories.matrix
    length = np.diff(matrix.indptr)
    mean = matrix @ popularity / np.maximum(length, 1)
    now = _newest_time(histories)[:, None]
    wide = np.broadcast_to
    return [
        popularity[items],
        (now - facts.first[items]) / DAY,
        (now - facts.last[items]) / DAY,
        wide(np.log1p(length)[:, None], items.shape),
        wide(np.where(length > 0, mean, np.nan)[:, None], items.shape),
    ]


def _newest_time(histories: Histories) -> NDArray[np.float64]:
    found = np.full(len(histories), np.nan)
    has = np.flatnonzero(np.diff(histories.indptr))
    times = histories.times[histories.indptr[has + 1] - 1]
    found[has] = np.where(times == NO_TIME, np.nan, times)
    return found


def _likeness(histories: Histories, items: NDArray[np.int32], space: NDArray[np.float32]) -> list[NDArray[np.floating]]:
    """Cosine with the mean of a history, and the greatest with one of its newest items; NaN for unknown items."""
    total = np.asarray(histories.matrix @ space)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    vectors = space[items]
    unknown = ~vectors.any(2)
    newest = newest_items(histories, NEWEST)
    single = np.where((newest >= 0)[:, :, None], space[np.maximum(newest, 0)], 0.0)
    mean = np.einsum("ud,und->un", total, vectors)
    greatest = np.matmul(vectors, single.transpose(0, 2, 1)).max(2)
    return [np.where(unknown, np.nan, one) for one in (mean, greatest)]


def newest_items(histories: Histories, most: int) -> NDArray[np.int32]:
    """(users, most) each user's newest items, newest first, repeats kept, -1 where there are fewer."""
    lengths = np.diff(histories.indptr)
    place = histories.indptr[1:, None] - 1 - np.arange(most)
    there = np.arange(most) < lengths[:, None]
    if not len(histories.items):
        return np.full(there.shape, -1, np.int32)
    return np.where(there, histories.items[np.maximum(place, 0)], -1).astype(np.int32)
