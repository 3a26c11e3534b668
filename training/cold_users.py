"""People whom a model has never met: held out whole, and shown with nothing, one, three or five of their interactions.

Between the snapshot and the fit, for the task `cold-user`. Of a held-out user a fifth of the items (at least one, by
seed) are the targets; of the others, k are given. Whatever is given, the same targets are ranked among the same items,
the user's others being left out, so that the measures of all k can be compared: with one another and with that of
everything given. Which k (`WAYS`):

- `first`: the oldest, as where somebody simply begins;
- `random`: drawn by seed, as where anything of a taste may come first;
- `asked`: the newcomer looks through the onboarding list (`training.covariance`, made without these people) until k
  of their items have come; where the list ends before, fewer are given. What they were shown and did not choose is told
  as impressions; the targets are among it, for they are yet to be met.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from graph.snapshot_read import FolderData
from training.covariance import covariance
from training.data import IMPRESSED, Feedback, HeldOut, Histories, TrainingData
from training.onboarding import ASKED
from training.prepare import histories, side_information
from training.split import TEST, first_of_each_pair, ordered_positives

Way = Literal["first", "random", "asked"]
WAYS: tuple[Way, ...] = get_args(Way)
NEVER = np.iinfo(np.int64).max
"""Place of an interaction that is not given, however many are."""

GIVEN: tuple[int | None, ...] = (0, 1, 3, 5, None)
"""Interactions that are given; None: all but the targets."""
TARGETS = 5
"""One item in so many is a target."""
LEAST_ITEMS = 7
"""Of a user who is held out by seed: five to give, one between, one target."""
TEST_SHARE, VALIDATION_SHARE = 5, 5
"""One user in so many is held out for the test, and for validation."""
MOST_DRAWS, ENOUGH = 5, 2_000
"""Times that targets are drawn of a validation user, where there are few: weights are learned from so many lists."""


@dataclass(frozen=True)
class NewUsers:
    """`users` (n,) are their positions, whose profiles may be read; `known` what they did beside the targets.

    `place`, beside `known.items`: the how-manieth of its user's an interaction is to be given, from 0; `NEVER`: it is
    not. `asked`: the list that they look through, in order, None where there is none. In validation the same user may
    stand there several times, each time with other targets.
    """

    users: NDArray[np.int64]
    known: Histories
    relevant: csr_matrix
    place: NDArray[np.int64]
    asked: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.users)

    def held_out(self, given: int | None) -> HeldOut:
        """With `given` interactions of each known (None: all), oldest first."""
        shown = self.known if given is None else self.known.keep(self.place < given)
        if self.asked is not None and given is not None:
            shown = replace(shown, said=self._left(self.asked, shown, given))
        return HeldOut(self.users, self.relevant, self.known.matrix, shown, newcomers=True)

    def _left(self, asked: NDArray[np.int32], chosen: Histories, given: int) -> Feedback:
        """What they were shown until `given` of theirs had come, and left; chosen in the order of the list."""
        rows = np.repeat(np.arange(len(self)), np.diff(chosen.indptr))
        on_list = np.zeros(chosen.num_items, np.int64)
        on_list[asked] = np.arange(len(asked))
        ends = np.full(len(self), len(asked) if given else 0)
        full = np.diff(chosen.indptr) == given
        last = np.zeros(len(self), np.int64)
        np.maximum.at(last, rows, on_list[chosen.items] + 1)
        ends[full] = last[full]
        left = np.arange(len(asked)) < ends[:, None]
        left[rows, on_list[chosen.items]] = False
        indptr = np.concatenate([[0], np.cumsum(left.sum(1))]).astype(np.int64)
        items = asked[np.nonzero(left)[1]]
        return Feedback(indptr, items, np.full(len(items), IMPRESSED, np.int8), np.full(len(items), np.nan, np.float32))


@dataclass(frozen=True)
class ColdUsers:
    """`data` to choose on, without anybody of the other two; `everything`: with validation's people, for the last fit.

    `how` they were chosen, in words.
    """

    data: TrainingData
    everything: TrainingData
    validation: NewUsers
    test: NewUsers
    how: str


def hold_out_users(
    folder: FolderData, *, min_value: float | None = None, seed: int = 42, way: Way = "first"
) -> ColdUsers:
    """Users chosen by `seed`; with fixed parts, the test's are those without an interaction in train or validation.

    `way`: which of their interactions are given first. Targets do not depend on it. Raises `InvalidData` where nobody
    can be held out, or for another way.
    """
    if way not in WAYS:
        raise InvalidData(f"interactions given {way!r}", valid=", ".join(WAYS), remedy="name one of these")
    snapshot, rng = folder.snapshot, np.random.default_rng(seed)
    known = _known(folder, min_value)
    counts = np.diff(known.indptr)
    if folder.part is None:
        enough = rng.permutation(np.flatnonzero(counts >= LEAST_ITEMS))
        share = len(enough) // TEST_SHARE
        test, enough, how = enough[:share], enough[share:], f"a fifth of the users is new (seed {seed})"
    else:
        met = _met(folder, folder.part)
        test, how = np.flatnonzero(~met & (counts > 0)), "fixed: the users without an interaction in train"
        enough = rng.permutation(np.flatnonzero(met & (counts >= LEAST_ITEMS)))
    validation = enough[: len(enough) // VALIDATION_SHARE]
    if not len(test) or not len(validation):
        raise InvalidData(
            f"{len(test)} users can be held out for the test and {len(validation)} for validation",
            valid=f"users with at least {LEAST_ITEMS} positive interactions, some of them in the test part alone",
            remedy="give more data or a lower --min-value",
        )
    side = side_information(snapshot)
    everything, data = (
        TrainingData(_without(known, gone), side, None, seed) for gone in (test, np.concatenate([test, validation]))
    )
    draws = min(MOST_DRAWS, max(1, ENOUGH // len(validation)))
    shown, asked = (
        _new_users(known, np.sort(part), rng, _Order.of(way, seed, fitted_on))
        for part, fitted_on in ((np.tile(validation, draws), data), (test, everything))
    )
    return ColdUsers(data, everything, shown, asked, f"{how}, a fifth of the others for validation{_GIVEN[way]}")


_GIVEN: dict[Way, str] = {
    "first": "",
    "random": "; interactions given at random",
    "asked": f"; interactions given as they come on a list of {ASKED} items to ask about",
}


def _known(folder: FolderData, min_value: float | None) -> Histories:
    """Every user's positives, oldest first, each item once. The test part counts for those whom it alone knows."""
    snapshot, rows = folder.snapshot, folder.snapshot.interactions
    kept = ordered_positives(rows, min_value, folder.order)
    if folder.part is not None:
        met = _met(folder, folder.part)
        kept = kept[(folder.part[kept] != TEST) | ~met[rows.user[kept]]]
    kept = kept[first_of_each_pair(rows, kept)]
    return histories(rows.take(kept), (len(snapshot.users), len(snapshot.items)))


def _met(folder: FolderData, part: NDArray[np.int8]) -> NDArray[np.bool_]:
    """(num_users,): who did anything in train or validation."""
    users = folder.snapshot.interactions.user[part != TEST]
    return np.asarray(np.bincount(users, minlength=len(folder.snapshot.users)) > 0)


def _without(known: Histories, users: NDArray[np.int64]) -> Histories:
    """Nothing is known of `users`."""
    stays = np.ones(len(known), bool)
    stays[users] = False
    return known.keep(np.repeat(stays, np.diff(known.indptr)))


@dataclass(frozen=True)
class _Order:
    """In which order a newcomer's interactions are given; `asked`: the list that they look through, if that is it."""

    way: Way
    seed: int
    asked: NDArray[np.int32] | None

    @classmethod
    def of(cls, way: Way, seed: int, data: TrainingData) -> _Order:
        """`data`: whose interactions the list is made of."""
        return cls(way, seed, covariance(data.matrix).order(ASKED) if way == "asked" else None)

    def places(self, known: Histories) -> NDArray[np.int64]:
        """Beside `known.items`: as `NewUsers.place`."""
        counts, size = np.diff(known.indptr), len(known.items)
        keys: NDArray[np.generic] = np.arange(size)
        if self.way == "random":
            keys = np.random.default_rng([self.seed, size]).random(size)
        elif self.asked is not None:
            on_list = np.full(known.num_items, NEVER)
            on_list[self.asked] = np.arange(len(self.asked))
            keys = on_list[known.items]
        order = np.lexsort((keys, np.repeat(np.arange(len(counts)), counts)))
        places = np.empty(size, np.int64)
        places[order] = np.arange(size) - np.repeat(known.indptr[:-1], counts)
        return np.where(keys == NEVER, NEVER, places)


def _new_users(known: Histories, users: NDArray[np.int64], rng: np.random.Generator, order: _Order) -> NewUsers:
    mine = known.take(users)
    counts = np.diff(mine.indptr)
    rows = np.repeat(np.arange(len(users)), counts)
    drawn = np.lexsort((rng.random(len(rows)), rows))
    place = np.empty(len(rows), np.int64)
    place[drawn] = np.arange(len(rows)) - np.repeat(mine.indptr[:-1], counts)
    target = place < np.repeat(np.maximum(1, counts // TARGETS), counts)
    ones = np.ones(int(target.sum()), np.float32)
    relevant = csr_matrix((ones, (rows[target], mine.items[target])), shape=(len(users), known.num_items))
    shown = mine.keep(~target)
    return NewUsers(users, shown, relevant, order.places(shown), order.asked)
