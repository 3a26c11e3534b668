"""Cross-fitting by users: nobody is re-ranked by a model that learned from what was held out of his history.

Users of validation fall into folds. The model of a fold learns from the others and is chosen (rounds, epochs) by the
fold itself; a fold's users are then scored by it, on validation, where the weight of the mix is chosen, and on test.
Nothing is learned or chosen by test items. (Out-of-fold predictions: Wolpert 1992, «Stacked generalization».)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from training.rerank.pool import Pool


class Scorer(Protocol):
    """A learned re-ranker: `score` gives (users, n), higher is better."""

    def score(self, pool: Pool) -> NDArray[np.float32]: ...


Learner = Callable[[Pool, Pool], Scorer]
"""From the users to learn from and the users to stop by to a scorer."""


@dataclass(frozen=True)
class CrossFitted:
    """One scorer a fold. `users` are the validation users, `fold` (users,) which each is in."""

    scorers: tuple[Scorer, ...]
    users: NDArray[np.int64]
    fold: NDArray[np.int64]

    def score(self, pool: Pool) -> NDArray[np.float32]:
        """(users, n): each user by the scorer of his fold; who is in none, by his position."""
        fold = self._folds(pool.held_out.users)
        found = np.zeros(pool.items.shape, np.float32)
        for number, scorer in enumerate(self.scorers):
            rows = np.flatnonzero(fold == number)
            if len(rows):
                found[rows] = scorer.score(pool.take(rows))
        return found

    def _folds(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        place = np.minimum(np.searchsorted(self.users, users), len(self.users) - 1)
        return np.where(self.users[place] == users, self.fold[place], users % len(self.scorers))


def cross_fit(learn: Learner, validation: Pool, *, folds: int, seed: int = 42) -> CrossFitted:
    """Learns one scorer a fold. Raises `InvalidData` where too few users have a held-out item among the candidates."""
    useful = np.flatnonzero(validation.relevant.any(1))
    if len(useful) < 2 * folds:
        raise InvalidData(
            f"{len(useful)} validation users with a relevant candidate, for {folds} folds",
            valid=f"at least {2 * folds} users whose validation items the first stage found",
            remedy="take more candidates (--candidates), a better first stage, or ways that learn nothing (mmr, dpp)",
        )
    fold = np.empty(len(validation), np.int64)
    for rows in (useful, np.setdiff1d(np.arange(len(validation)), useful)):
        fold[np.random.default_rng(seed).permutation(rows)] = np.arange(len(rows)) % folds
    scorers = []
    for number in range(folds):
        rest, own = useful[fold[useful] != number], useful[fold[useful] == number]
        scorers.append(learn(validation.take(rest), validation.take(own)))
    assert len(set(map(id, scorers))) == folds, "a learner must make a new scorer for each fold"
    return CrossFitted(tuple(scorers), validation.held_out.users, fold)
