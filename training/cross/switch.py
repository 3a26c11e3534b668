"""The joint blend, and where it is switched off: transfer is used for a group of users only where validation says so.

Groups go by how much is known of a user on the target. Both blends' weights are learned on some of the validation
users and compared on the others, in turn (`FOLDS` parts), so that the blend with more members is not the better one
by being fitted to what it is judged by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.blend import standardise
from training.cross.members import Member
from training.data import HeldOut, UserBatch
from training.metrics import TARGET
from training.significance import paired_test
from training.stacking import Candidates, candidates, learn

FOLDS = 4
GROUPS = 3
SURE = 0.1
"""Chance at most that a group's gain is none: what cannot be told from noise may as well be harm."""
LEAST_USERS = 30
"""Of a group that is judged by itself."""


@dataclass(frozen=True)
class Weighted:
    """A sum of members' scores, each standardised by user; zero weights are left out."""

    members: tuple[Any, ...]
    weights: tuple[float, ...]
    name: str = "blend"

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        """(len(users), num_items)."""
        total = np.zeros((len(users), users.histories.num_items), np.float32)
        for member, weight in zip(self.members, self.weights, strict=True):
            total += np.float32(weight) * standardise(member.score(users))
        return total


@dataclass(frozen=True)
class Switched:
    """`across` for users of the groups that are `on`, `alone` for the others. Group: bisect(`bounds`, items known)."""

    alone: Weighted
    across: Weighted
    bounds: tuple[int, ...]
    on: tuple[bool, ...]
    name: str = "cross-platform"

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        """(len(users), num_items)."""
        on = np.array(self.on)[groups_of(np.diff(users.histories.indptr), self.bounds)]
        if on.all():
            return self.across.score(users)
        scores = self.alone.score(users)
        rows = np.flatnonzero(on)
        if len(rows):
            part = UserBatch(users.index[rows], users.histories.take(rows))
            scores[rows] = self.across.score(part)
        return scores


@dataclass(frozen=True)
class Learned:
    """`groups`: for each, its users, both blends' held-out ndcg@10, their paired comparison, and whether it is on."""

    alone: Weighted
    switched: Switched
    groups: tuple[dict[str, Any], ...] = field(default_factory=tuple)
    recipe: str = ""
    recipe_alone: str = ""


def groups_of(known: NDArray[np.integer], bounds: Sequence[int]) -> NDArray[np.int64]:
    """(users,) which group each is in."""
    return np.searchsorted(np.asarray(bounds), known, side="right").astype(np.int64)


def learn_switched(members: Sequence[Member], held_out: HeldOut, *, seed: int = 42) -> Learned:
    """Weights of both blends, and for which groups of users the one with the other platforms is better."""
    recommenders = [one.recommender for one in members]
    held = candidates(recommenders, held_out, seed=seed)
    mine = np.flatnonzero([not one.across for one in members])
    plain = replace(held, scores=np.ascontiguousarray(held.scores[:, mine]))
    without, whole = _out_of_fold(plain, seed), _out_of_fold(held, seed)
    known = np.diff(held_out.histories.indptr)[held.users]
    bounds = _bounds(known)
    groups = [_judged(known, bounds, place, without, whole, seed) for place in range(len(bounds) + 1)]
    weights = np.zeros(len(members))
    weights[mine] = learn(plain, seed=seed)
    alone, recipe_alone = _weighted(members, weights, "without")
    across, recipe = _weighted(members, learn(held, seed=seed), "with")
    switched = Switched(alone, across, tuple(bounds), tuple(bool(one["on"]) for one in groups))
    return Learned(alone, switched, tuple(groups), recipe, recipe_alone)


def _weighted(members: Sequence[Member], weights: NDArray[np.float64], name: str) -> tuple[Weighted, str]:
    used = [int(place) for place in np.argsort(-weights, kind="stable") if weights[place] > 0]
    blend = Weighted(tuple(members[one].recommender for one in used), tuple(float(weights[one]) for one in used), name)
    return blend, " + ".join(f"{weights[one]:.2f} {members[one].name}" for one in used)


def _out_of_fold(held: Candidates, seed: int) -> NDArray[np.float64]:
    """(users,) ndcg@10 of each by weights that were learned on others."""
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(held))
    found = np.zeros(len(held))
    for number in range(FOLDS):
        mine, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        if len(mine) and len(others):
            found[mine] = held.take(mine).ndcg(learn(held.take(others), seed=seed))
    return found


def _bounds(known: NDArray[np.integer]) -> list[int]:
    """Thirds of those of whom something is known; those of whom nothing is are a group of their own."""
    some = known[known > 0]
    if not len(some):
        return [1]
    cuts = np.unique(np.quantile(some, np.arange(1, GROUPS) / GROUPS).astype(int))
    return [1, *(int(cut) for cut in cuts if cut > 1)]


def _judged(
    known: NDArray[np.integer],
    bounds: Sequence[int],
    place: int,
    without: NDArray[np.float64],
    whole: NDArray[np.float64],
    seed: int,
) -> dict[str, Any]:
    """One group; too few users to say anything are judged by all users together."""
    low, high = ([0, *bounds][place], [*bounds, None][place])
    rows = np.flatnonzero(groups_of(known, bounds) == place)
    judged = rows if len(rows) >= LEAST_USERS else np.arange(len(known))
    test = paired_test(whole[judged], without[judged], seed=seed)
    return {
        "known": f"{low} to {high - 1}" if high is not None else f"{low} and more",
        "users": len(rows),
        f"without {TARGET}": float(without[judged].mean()),
        f"with {TARGET}": float(whole[judged].mean()),
        **asdict(test),
        "on": bool(test.difference > 0 and test.p_value < SURE),
    }
