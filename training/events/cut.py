"""A moment in the log of events: what is known at it, which events can be recommended, and who will go to which.

Between `training.events.log` and the signals. Everything that a signal reads at a cut comes from `Cut.known`, so that
nothing later can leak:

- an answer with a time is known from that time on, an answer to an event that is still to come included;
- an answer without a time is known once its event has started; to an item that is no event, always;
- an event is a candidate while it is announced (`published`, where told), has not started, and starts within the
  horizon. Of an event that is later than that nothing is read, answers given early neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from graph.snapshot import NO_TIME
from training.events.log import EventLog

TEST_SHARE = 0.2
"""Of the events, the last ones by start."""
DAY = 86_400.0
FEWEST_LISTS = 20
HORIZON_DAYS = 30.0
"""How far ahead events are recommended."""
MOST_CELLS = 60_000_000
"""Signals of all lists held at once: 240 MB. Of more lists a sample is learned from, and measured."""
MOST_SIGNALS = 25


@dataclass(frozen=True)
class Cut:
    """`at`, `until`: Unix seconds. `known` (num_users, num_items) binary: positive answers known at the cut.

    `candidates` (n,): items that can be recommended, by start. `going` (num_users, n): who has said so already.
    `unseen` (num_items,): events that are not announced yet or start after the horizon.
    """

    at: float
    until: float
    known: csr_matrix
    candidates: NDArray[np.int64]
    going: csr_matrix
    unseen: NDArray[np.bool_]


@dataclass(frozen=True)
class Lists:
    """Who is asked at a cut: `users` (n,) have done something before it and go to a candidate after it.

    `relevant`, `excluded` (n, candidates): what they will go to; what they said they go to before the cut.
    """

    users: NDArray[np.int64]
    relevant: csr_matrix
    excluded: csr_matrix

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: NDArray[np.integer]) -> Lists:
        """The given rows, in the given order."""
        return Lists(self.users[rows], self.relevant[rows], self.excluded[rows])

    def sampled(self, rng: np.random.Generator) -> Lists:
        """At most as many as their signals have room, in the same order."""
        most = max(1, MOST_CELLS // (MOST_SIGNALS * max(1, self.relevant.shape[1])))
        return self if len(self) <= most else self.take(np.sort(rng.choice(len(self), most, replace=False)))


@dataclass(frozen=True)
class Cuts:
    """Validation asks one horizon before the test's cut, and hears of no answer and no event after that."""

    validation: Cut
    validation_lists: Lists
    test: Cut
    test_lists: Lists


def known_at(log: EventLog, at: float) -> NDArray[np.bool_]:
    """(answers,): which are known at that moment."""
    started = ~(log.starts[log.item] >= at)  # NaN, an item that is no event, too
    return np.asarray(np.where(log.time == NO_TIME, started, log.time < at))


def cut_at(log: EventLog, at: float, until: float) -> Cut:
    """Candidates are the events that start from `at` on and before `until`."""
    unseen = (log.starts >= until) | ((log.starts >= at) & (log.published > at))
    known = _matrix(log, known_at(log, at) & ~unseen[log.item])
    candidates = np.flatnonzero((log.starts >= at) & ~unseen)
    candidates = candidates[np.argsort(log.starts[candidates], kind="stable")]
    return Cut(at, until, known, candidates, csr_matrix(known[:, candidates]), np.asarray(unseen))


def lists_of(log: EventLog, cut: Cut, *, told_by: float = np.inf) -> Lists:
    """Answers to the candidates that came after the cut and, for those of validation, were known at `told_by`."""
    later = ~known_at(log, cut.at)
    if np.isfinite(told_by):
        later &= known_at(log, told_by)
    relevant = csr_matrix(_matrix(log, later)[:, cut.candidates])
    asked = (np.diff(relevant.indptr) > 0) & (np.diff(cut.known.indptr) > 0)
    users = np.flatnonzero(asked)
    return Lists(users, relevant[users], cut.going[users])


def make_cuts(log: EventLog, *, horizon_days: float, test_share: float = TEST_SHARE) -> Cuts:
    """The test's cut is where the last `test_share` of the events begins. Raises `InvalidData` where too few people can
    be asked.
    """
    starts = np.sort(log.starts[log.is_event])
    test_at, horizon = float(starts[int((1 - test_share) * len(starts))]), horizon_days * DAY
    validation, test = cut_at(log, test_at - horizon, test_at), cut_at(log, test_at, test_at + horizon)
    found = Cuts(validation, lists_of(log, validation, told_by=test_at), test, lists_of(log, test))
    for name, lists, cut in (
        ("validation", found.validation_lists, validation),
        ("test", found.test_lists, test),
    ):
        if len(lists) < FEWEST_LISTS:
            raise InvalidData(
                f"{len(lists)} people with a past who go to one of the {len(cut.candidates)} events of {name}",
                valid=f"at least {FEWEST_LISTS}",
                remedy="give a longer --horizon, more answers, or a lower --min-value",
            )
    return found


def _matrix(log: EventLog, rows: NDArray[np.bool_]) -> csr_matrix:
    kept = log.user[rows], log.item[rows]
    return csr_matrix((np.ones(len(kept[0]), np.float32), kept), shape=log.shape)
