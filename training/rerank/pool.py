"""Candidates of a first stage: what every re-ranker reads, and how its answer becomes measured lists.

First arrow of re-ranking: first stage -> `Pool` -> lists. A pool is the first stage's best n items of each held-out
user, with its own score and that of each member, standardised over the catalogue as in the blend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.blend import standardise
from training.data import HeldOut
from training.evaluate import BLOCK_CELLS, rank
from training.metrics import hit_matrix, per_user
from training.recommender import Recommender

LIST = 10
"""Items that are shown: what re-ranking is measured at."""
WEIGHTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
"""How much of a learned score may stand in the final one."""


@dataclass(frozen=True)
class Pool:
    """`items` (users, n) int32, the first stage's best first, -1 where there are fewer; `scores` (users, n) its own.

    `members` (users, n, m): the scores of `names`. `relevant` (users, n): which are held-out items. Scores of missing
    candidates are 0. `held_out`: whose candidates these are.
    """

    held_out: HeldOut
    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    members: NDArray[np.float32]
    names: tuple[str, ...]
    relevant: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.items)

    @property
    def there(self) -> NDArray[np.bool_]:
        """(users, n): is there a candidate."""
        return np.asarray(self.items >= 0)

    def take(self, rows: NDArray[np.integer]) -> Pool:
        """The given users, in the given order."""
        return Pool(
            self.held_out.take(rows),
            self.items[rows],
            self.scores[rows],
            self.members[rows],
            self.names,
            self.relevant[rows],
        )

    def best(self, n: int) -> Pool:
        """The first n candidates of everybody."""
        parts = self.items[:, :n], self.scores[:, :n], self.members[:, :n]
        return Pool(self.held_out, *parts, self.names, self.relevant[:, :n])

    def ordered(self, scores: NDArray[np.floating], k: int = LIST) -> NDArray[np.int32]:
        """(users, k) candidates by these scores (users, n), best first, NaN last; ties count against the relevant."""
        worst = np.where(self.there, np.nan_to_num(scores, nan=-np.inf), -np.inf)
        order = np.lexsort((self.relevant, -worst, ~self.there), axis=1)[:, :k]
        found = np.full((len(self), k), -1, np.int32)
        found[:, : order.shape[1]] = np.take_along_axis(self.items, order, 1)
        return found

    def measure(self, lists: NDArray[np.int32], k: int = LIST) -> Mapping[str, NDArray[np.float64]]:
        """Every accuracy measure at k by user, against all that is held out, found by the first stage or not."""
        return per_user(lists, self.held_out.relevant, (k,))

    def ndcg(self, lists: NDArray[np.int32]) -> float:
        """Mean ndcg@10."""
        return float(self.measure(lists)[f"ndcg@{LIST}"].mean())

    def mixed(self, scores: NDArray[np.floating], weight: float) -> NDArray[np.float64]:
        """(users, n) (1 - weight) first + weight `scores`, each standardised within a user's candidates."""
        return (1 - weight) * within(self.scores, self.there) + weight * within(scores, self.there)

    def best_weight(self, scores: NDArray[np.floating]) -> float:
        """Of `WEIGHTS`, that with the best ndcg@10 on these users; the least of equals."""
        return max(WEIGHTS, key=lambda weight: self.ndcg(self.ordered(self.mixed(scores, weight))))


def within(scores: NDArray[np.floating], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Each row less its mean, over its deviation, of what is there; zeros elsewhere and where all are equal."""
    count = np.maximum(there.sum(1, keepdims=True), 1)
    kept = np.where(there, scores, 0.0)
    centred = np.where(there, kept - kept.sum(1, keepdims=True) / count, 0.0)
    spread = np.sqrt((centred**2).sum(1, keepdims=True) / count)
    return np.asarray(centred / np.where(spread > 1e-9, spread, np.inf))


def make_pool(first: Recommender, members: Sequence[Recommender], held_out: HeldOut, n: int) -> Pool:
    """The first stage's n best of each user of `held_out`, scored by it and by each of `members`, block by block."""
    items = rank(first, held_out, min(n, held_out.relevant.shape[1]))
    scored = [_scores(one, held_out, items) for one in (first, *members)]
    names = tuple(one.name for one in members)
    stacked = np.stack(scored[1:], 2) if members else np.zeros((*items.shape, 0), np.float32)
    return Pool(held_out, items, scored[0], stacked, names, hit_matrix(items, held_out.relevant))


def _scores(model: Recommender, held_out: HeldOut, items: NDArray[np.int32]) -> NDArray[np.float32]:
    found = np.zeros(items.shape, np.float32)
    step = max(1, BLOCK_CELLS // max(1, held_out.relevant.shape[1]))
    for start in range(0, len(held_out), step):
        rows = slice(start, start + step)
        scores = standardise(np.asarray(model.score(held_out.batch(rows)), np.float32))
        found[rows] = np.take_along_axis(scores, np.maximum(items[rows], 0), 1)
    return np.where(items >= 0, found, np.float32(0))
