"""Small pools of candidates with a planted truth."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from training.data import HeldOut, Histories
from training.rerank.features import ItemFacts
from training.rerank.pool import Pool, make_pool


class Given:
    """A model whose scores are a given matrix (all users, items)."""

    def __init__(self, name, scores):
        self.name, self.scores = name, np.asarray(scores, np.float32)

    def score(self, users):
        return self.scores[users.index]


def histories_of(matrix, start=1_000_000):
    """Row by row, items in order of position, one a day."""
    user, item = np.nonzero(matrix)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(matrix)))])
    order = np.arange(len(item)) - np.repeat(indptr[:-1], np.diff(indptr))
    return Histories(indptr, item.astype(np.int32), start + 86_400 * order.astype(np.int64), matrix.shape[1])


def planted_pool(users=120, items=80, n=20, seed=0, groups=4) -> tuple[Pool, ItemFacts]:
    """The first stage and member `a` know a little; what they do not know is the items' likeness to the history."""
    rng = np.random.default_rng(seed)
    group = np.arange(items) % 4
    own = np.arange(users) % groups
    seen = (group[None] == own[:, None]) & (rng.random((users, items)) < 0.3)
    relevant = (group[None] == own[:, None]) & ~seen & (rng.random((users, items)) < 0.4)
    relevant[np.arange(users), (own + 4 * rng.integers(items // 4, size=users))] |= True
    relevant &= ~seen
    rows = np.flatnonzero(relevant.any(1))
    seen_csr, relevant_csr = (csr_matrix(one.astype(np.float32)) for one in (seen, relevant))
    history = histories_of(seen)
    held = HeldOut(np.arange(users), relevant_csr, seen_csr, history).take(rows)
    noisy = [Given(name, 0.7 * relevant + rng.normal(size=relevant.shape)) for name in ("b", "a")]
    space = np.eye(4, dtype=np.float32)[group]
    unknown = np.full(items, np.nan)
    facts = ItemFacts(seen.sum(0), unknown, unknown, {"attributes": space})
    return make_pool(noisy[0], noisy, held, n), facts
