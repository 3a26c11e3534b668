"""The blend's weights: learned on every validation user, from the items that can matter to the top of the ranking.

Between the members' fits and the blend. Greedy forward selection with replacement (Caruana et al. 2004, «Ensemble
selection from libraries of models»), bagged over users (Caruana et al. 2006) so that a small validation part is not
fitted by chance: a member that does not help gets nothing. Full score matrices of a large catalogue would not fit in
memory; of each user only the relevant items and the best of every member are kept, from which the ranking's top and
every measure of it are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.blend import standardise
from training.data import HeldOut
from training.evaluate import BLOCK_CELLS
from training.recommender import Scorer
from training.significance import Comparison, paired_test
from training.topk import top_k

DEPTH = 50
"""Best items of each member that are kept; those of one user together are his candidates."""
MOST_SCORES = 100_000_000
"""Members' scores held at once: 400 MB. Beyond it, a sample of the users."""
TOP = 10
ROUNDS = 30
PATIENCE = 8
"""Rounds without a gain after which selection ends."""
BAGS = 10
SHARE = 0.5
"""Of the users, in each bag."""
IDLE = 1e-3
"""What dropping members may cost in all, as a share of the blend's quality."""


@dataclass(frozen=True)
class Candidates:
    """`scores` (pairs, members), standardised; user u's pairs are `indptr[u]:indptr[u + 1]`, `relevant` says which.

    `counts` (users,): how many relevant items each has. `users`: rows of the held-out part that these are.
    """

    scores: NDArray[np.float32]
    relevant: NDArray[np.bool_]
    indptr: NDArray[np.int64]
    counts: NDArray[np.int64]
    users: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.counts)

    def ndcg(self, weights: NDArray[np.float64], depth: int = TOP) -> NDArray[np.float64]:
        """(users,) ndcg at `depth` of the members' sum with these weights; ties count against."""
        return self.ndcg_of(self.scores @ weights.astype(np.float32), depth)

    def ndcg_of(self, total: NDArray[np.float32], depth: int) -> NDArray[np.float64]:
        """(users,) the same of scores (pairs,)."""
        return self._both(total, np.zeros_like(total), depth)[:, 0]

    def quality(self, total: NDArray[np.float32], more: NDArray[np.float32] | None = None) -> float:
        """Of the scores `total` + `more` (pairs,): mean of ndcg@10 and of ndcg over all candidates.

        The second sees every item and so is less noisy.
        """
        return float(self._both(total, np.zeros_like(total) if more is None else more, TOP).mean())

    def _both(self, total: NDArray[np.float32], more: NDArray[np.float32], depth: int) -> NDArray[np.float64]:
        return np.asarray(_ndcg(total, more, self.relevant, self.indptr, self.counts, depth))

    def take(self, users: NDArray[np.int64]) -> Candidates:
        """The given users, in the given order."""
        lengths = np.diff(self.indptr)[users]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        pairs = np.repeat(self.indptr[:-1][users] - indptr[:-1], lengths) + np.arange(indptr[-1])
        return Candidates(self.scores[pairs], self.relevant[pairs], indptr, self.counts[users], self.users[users])


def candidates(members: Sequence[Scorer], held_out: HeldOut, *, seed: int = 42, most: int = MOST_SCORES) -> Candidates:
    """Scores every held-out user by every member, block by block; at most `most` scores are kept."""
    num_items = held_out.relevant.shape[1]
    a_user = len(members) * min(num_items, DEPTH * len(members))
    users = np.arange(len(held_out))
    if len(users) * a_user > most:
        users = np.sort(np.random.default_rng(seed).choice(len(users), max(1, most // a_user), replace=False))
    step = max(1, BLOCK_CELLS // (num_items * max(1, len(members))))
    blocks = [_block(members, held_out.take(users[start : start + step])) for start in range(0, len(users), step)]
    scores, relevant, lengths = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    counts = np.diff(held_out.relevant.indptr)[users].astype(np.int64)
    return Candidates(scores, relevant, np.concatenate([[0], np.cumsum(lengths)]), counts, users)


def _block(
    members: Sequence[Scorer], held_out: HeldOut
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    batch = held_out.batch(slice(None))
    kept = np.asarray(held_out.relevant.toarray() > 0)
    relevant = kept.copy()
    found = []
    for member in members:
        scores = standardise(member.score(batch))
        held_out.mask(scores)
        best = top_k(scores, None, min(DEPTH, scores.shape[1]))[0]
        rows, places = np.nonzero(best >= 0)
        kept[rows, best[rows, places]] = True
        found.append(scores)
    allowed = np.isfinite(found[0])
    kept &= allowed  # what may not be ranked never is, relevant or not
    rows, items = np.nonzero(kept)
    stacked = np.stack([scores[rows, items] for scores in found], axis=1)
    # A member may forbid an item that another ranks: then it stands below all that the first allows.
    return np.nan_to_num(stacked, neginf=-100.0), relevant[rows, items], kept.sum(1).astype(np.int64)


@njit(cache=True)
def _ndcg(total, more, relevant, indptr, counts, depth):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(users, 2) of the scores `total` + `more`: ndcg at `depth`, and over all candidates.

    Selection asks for both thousands of times: they come of one pass, and the sum of scores is not made first.
    """
    found = np.zeros((len(counts), 2))
    for user in range(len(counts)):
        start, end = indptr[user], indptr[user + 1]
        gain, ideal = np.zeros(2), np.zeros(2)
        for pair in range(start, end):
            if relevant[pair]:
                mine, rank = total[pair] + more[pair], 0
                for other in range(start, end):
                    its = total[other] + more[other]
                    # itself, and whatever is as good and not relevant
                    rank += its > mine or (its == mine and not relevant[other])
                _credit(gain, rank, depth)
        for rank in range(counts[user]):
            _credit(ideal, rank, depth)
        if ideal[1] > 0:
            found[user] = gain / ideal
    return found


@njit(cache=True)
def _credit(gain, rank, depth):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Adds what a relevant item at `rank` (0 is the top) is worth, at `depth` and over all."""
    worth = 1 / np.log2(rank + 2.0)
    gain[1] += worth
    if rank < depth:
        gain[0] += worth


def learn(held: Candidates, *, seed: int = 42) -> NDArray[np.float64]:
    """(members,) weights >= 0 that sum to one: the mean of what greedy selection finds on each bag of users.

    Members without which the blend is as good to a thousandth (`IDLE`), which no user would notice and every fit and
    request would pay for, are dropped. Where no sum is better than one member alone, it is that member.
    """
    rng = np.random.default_rng(seed)
    members = held.scores.shape[1]
    found = np.zeros(members)
    size = max(1, round(SHARE * len(held)))
    for _ in range(BAGS):
        users = np.sort(rng.choice(len(held), size, replace=False))
        found += greedy(held.take(users))
    found = without_idle(held, found / found.sum())
    alone = [held.quality(np.ascontiguousarray(held.scores[:, member])) for member in range(members)]
    if max(alone) >= held.quality(held.scores @ found.astype(np.float32)):
        found = np.eye(members)[int(np.argmax(alone))]
    return np.asarray(found)


def without_idle(held: Candidates, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights, less those members that can all go before quality falls by `IDLE` of itself; least missed first."""

    def quality(part: NDArray[np.float64]) -> float:
        return held.quality(held.scores @ part.astype(np.float32))

    enough = (1 - IDLE) * quality(weights)
    while True:
        used = np.flatnonzero(weights)
        rests = [np.where(np.arange(len(weights)) == member, 0.0, weights) for member in used]
        left = [quality(rest) for rest in rests] if len(used) > 1 else []
        if not left or max(left) < enough:
            return np.asarray(weights / weights.sum())
        weights = rests[int(np.argmax(left))]


def greedy(held: Candidates) -> NDArray[np.float64]:
    """(members,) how often each is taken, over the sum, at the round that was best."""
    members = held.scores.shape[1]
    counts, best_counts, best, waited = np.zeros(members), np.zeros(members), -1.0, 0
    columns = [np.ascontiguousarray(held.scores[:, member]) for member in range(members)]
    total = np.zeros(len(held.relevant), np.float32)
    while counts.sum() < ROUNDS and waited < PATIENCE:
        quality = [held.quality(total, column) for column in columns]
        place = int(np.argmax(quality))
        total += columns[place]
        counts[place] += 1
        waited += 1
        if quality[place] > best + 1e-6:
            best, best_counts, waited = quality[place], counts.copy(), 0
    return np.asarray(best_counts / best_counts.sum())


def left_out(
    held: Candidates, weights: NDArray[np.float64], groups: Sequence[str], *, seed: int = 42
) -> dict[str, Comparison]:
    """For each group of members with a weight: ndcg@10 of the blend beside that without the group, user by user.

    `groups` (members,): the name of each member's.
    """
    names = np.array(groups)
    used = list(dict.fromkeys(names[weights > 0].tolist()))
    if len(used) < 2:
        return {}
    whole = held.ndcg(weights)
    without = {name: np.where(names == name, 0.0, weights) for name in used}
    return {name: paired_test(whole, held.ndcg(rest), seed=seed) for name, rest in without.items()}
