"""The joint blend, and where it is switched off: transfer is used for a group of users only where validation says so.

Groups go by how much is known of a user on the target, and how much elsewhere: where there is nothing, nothing is
transferred. Both blends' weights are learned on some of the validation users and compared on the others, in turn
(`FOLDS` parts), so that the blend with more members is not the better one by being fitted to what it is judged by.
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
GROUPS, THERE = 3, 2
"""Parts of those of whom something is known here, and elsewhere."""
SURE = 0.1
"""Chance at most that a group's gain is none: what cannot be told from noise may as well be harm."""
LEAST_USERS = 30
"""Of a group that is judged by itself; a smaller one is judged with all who have as much on the target, or by all."""


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
    """`across` for users of the groups that are `on`, `alone` for the others.

    Group: bisect(`bounds`, items known here), and within it bisect(`there_bounds`, items known elsewhere), of which
    `there` (people,) says how many each has.
    """

    alone: Weighted
    across: Weighted
    bounds: tuple[int, ...]
    on: tuple[bool, ...]
    there_bounds: tuple[int, ...] = ()
    there: NDArray[np.int64] | None = None
    name: str = "cross-platform"

    def groups(self, users: UserBatch) -> NDArray[np.int64]:
        """(len(users),) which group each is in."""
        here = groups_of(np.diff(users.histories.indptr), self.bounds)
        if self.there is None:
            return here
        there = np.where(users.index >= 0, self.there[np.maximum(users.index, 0)], 0)
        return here * (len(self.there_bounds) + 1) + groups_of(there, self.there_bounds)

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        """(len(users), num_items)."""
        on = np.array(self.on)[self.groups(users)]
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


def learn_switched(
    members: Sequence[Member], held_out: HeldOut, there: NDArray[np.int64], *, seed: int = 42
) -> Learned:
    """Weights of both blends, and for which groups of users the one with the other platforms is better.

    `there` (people,): how many items each has elsewhere.
    """
    recommenders = [one.recommender for one in members]
    held = candidates(recommenders, held_out, seed=seed)
    mine = np.flatnonzero([not one.across for one in members])
    plain = replace(held, scores=np.ascontiguousarray(held.scores[:, mine]))
    without, whole = _out_of_fold(plain, seed), _out_of_fold(held, seed)
    known = np.diff(held_out.histories.indptr)[held.users]
    elsewhere = there[held_out.users[held.users]]
    bounds, there_bounds = _bounds(known, GROUPS), _bounds(elsewhere, THERE)
    cells = groups_of(known, bounds), groups_of(elsewhere, there_bounds)
    groups = [
        _judged((here, over), cells, (bounds, there_bounds), (without, whole), seed)
        for here in range(len(bounds) + 1)
        for over in range(len(there_bounds) + 1)
    ]
    weights = np.zeros(len(members))
    weights[mine] = learn(plain, seed=seed)
    alone, recipe_alone = _weighted(members, weights, "without")
    across, recipe = _weighted(members, learn(held, seed=seed), "with")
    on = tuple(bool(one["on"]) for one in groups)
    switched = Switched(alone, across, tuple(bounds), on, tuple(there_bounds), there)
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


def _bounds(known: NDArray[np.integer], parts: int) -> list[int]:
    """Equal parts of those of whom something is known; those of whom nothing is are a group of their own."""
    some = known[known > 0]
    if not len(some):
        return [1]
    cuts = np.unique(np.quantile(some, np.arange(1, parts) / parts).astype(int))
    return [1, *(int(cut) for cut in cuts if cut > 1)]


def _judged(
    cell: tuple[int, int],
    cells: tuple[NDArray[np.int64], NDArray[np.int64]],
    bounds: tuple[list[int], list[int]],
    measured: tuple[NDArray[np.float64], NDArray[np.float64]],
    seed: int,
) -> dict[str, Any]:
    """One group, by its own users where they are enough to say anything; off where nothing is known elsewhere."""
    without, whole = measured
    something = cells[1] > 0
    mine = (cells[0] == cell[0]) & (cells[1] == cell[1])
    wider = [mine, (cells[0] == cell[0]) & something, something, np.ones(len(something), np.bool_)]
    judged = next((rows for rows in wider if rows.sum() >= LEAST_USERS), wider[-1])
    test = paired_test(whole[judged], without[judged], seed=seed)
    return {
        "known": _span(bounds[0], cell[0]),
        "elsewhere": _span(bounds[1], cell[1]),
        "users": int(mine.sum()),
        "judged by": int(judged.sum()),
        f"without {TARGET}": float(without[judged].mean()),
        f"with {TARGET}": float(whole[judged].mean()),
        **asdict(test),
        "on": bool(cell[1] > 0 and test.difference > 0 and test.p_value < SURE),
    }


def _span(bounds: Sequence[int], place: int) -> str:
    low, high = [0, *bounds][place], [*bounds, None][place]
    if high is None:
        return f"{low} and more"
    return str(low) if high == low + 1 else f"{low} to {high - 1}"
