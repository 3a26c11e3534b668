"""What a published index learns of events to come: weights from the log's last weeks, and what they say of everybody.

Between the log and `serving.publish_events`. The clock is the newest answer's, so that the same snapshot gives the same
numbers at any hour. Weights are learned one horizon before it, by who has answered since (`training.events.ranker`).
They stand only where people whom they were not learned from are ranked better than by the shelf's fixed rule. Then
every event that is announced and has not begun is scored for everybody with a past. Two signals change between two
refreshes and are left to the request: how soon an event is, and which friends go, since a friend may hide tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import NO_TIME
from training.events.cut import DAY, FEWEST_LISTS, HORIZON_DAYS, MOST_CELLS, Cut, Lists, cut_at, lists_of
from training.events.log import EventLog
from training.events.matrices import Floats
from training.events.ranker import EventRanker, choose_strength, fit_ranker, measure
from training.events.signals import Signals
from training.metrics import TARGET
from training.significance import Comparison, paired_test

SOON, GOING = "soon", "friends going"
LEFT_OUT = frozenset({"friends' attributes"})
"""What friends like would stay in the scores after one of them blocks, hides or withdraws."""
KEPT = 200
"""Events of each person, the best."""
MOST_EVENTS = 5_000
MOST_PAIRS = 200_000_000
"""People times events that are scored: of more events, the soonest."""
RULE_KM, RULE_DAYS = 50.0, 7.0


@dataclass(frozen=True)
class Coming:
    """`events` (n,): positions of items, by start. Of user u the events at `places[indptr[u]:indptr[u + 1]]` of them,
    with `scores` beside: all signals' but those of `SOON` and `GOING`, which count `soon` and `friends` for one unit.
    `weights` of the standardised signals; `brings`: ndcg@10 over the fixed rule, on people not learned from.
    """

    events: NDArray[np.int32]
    indptr: NDArray[np.int64]
    places: NDArray[np.int32]
    scores: Floats
    soon: float
    friends: float
    weights: dict[str, float]
    lists: int
    brings: Comparison


def learn_coming(log: EventLog, *, seed: int = 42) -> Coming | None:
    """None where too few people answered in the last weeks, or the fixed rule is not beaten."""
    if not log.timed:
        return None
    now = float(log.time[log.time != NO_TIME].max() + 1)
    past = cut_at(log, now - HORIZON_DAYS * DAY, now)
    lists = lists_of(log, past, told_by=now).sampled(np.random.default_rng(seed))
    if len(lists) < FEWEST_LISTS:
        return None
    ranker, brings = _learned(Signals(log, past), lists, seed)
    cut = cut_at(log, now, np.inf)
    return _scored(log, cut, ranker, len(lists), brings) if brings.better and len(cut.candidates) else None


def rule_scores(signals: Signals, users: NDArray[np.int64]) -> Floats:
    """(batch, candidates): the shelf's fixed rule (`serving.scenarios.soon`), of the signals that this cut allows."""
    taste = signals.one("ridge", users)
    spread = np.maximum(taste.std(1, keepdims=True), 1e-12)
    friends = signals.one(GOING, users) / np.log(2)
    kilometres, days = -100 * signals.one("far from home", users), np.expm1(-signals.one(SOON, users))
    taste = (taste - taste.mean(1, keepdims=True)) / spread
    return np.asarray(taste + friends - kilometres / RULE_KM - days / RULE_DAYS, np.float32)


def _learned(signals: Signals, lists: Lists, seed: int) -> tuple[EventRanker, Comparison]:
    names = tuple(name for name in signals.names if name not in LEFT_OUT)
    values = signals.of(lists.users, names)
    strength, others = choose_strength(names, values, lists, seed=seed)
    rule = measure(rule_scores(signals, lists.users), lists)
    ranker = fit_ranker(names, values, lists, regularization=strength)
    return ranker, paired_test(others[TARGET], rule[TARGET], seed=seed)


def _scored(log: EventLog, cut: Cut, ranker: EventRanker, lists: int, brings: Comparison) -> Coming:
    most = min(MOST_EVENTS, max(1, MOST_PAIRS // max(1, log.shape[0])))
    cut = Cut(cut.at, cut.until, cut.known, cut.candidates[:most], csr_matrix(cut.going[:, :most]), cut.unseen)
    per_unit = dict(zip(ranker.names, (ranker.weights / ranker.deviation).tolist(), strict=True))
    counts = np.zeros(log.shape[0], np.int64)
    places, scores = [np.empty(0, np.int32)], [np.empty(0, np.float32)]
    for users, found in _batches(log, cut, per_unit):
        best = np.argsort(-found, axis=1, kind="stable")[:, :KEPT]
        counts[users] = best.shape[1]
        places.append(best.ravel().astype(np.int32))
        scores.append(np.take_along_axis(found, best, axis=1).ravel())
    return Coming(
        cut.candidates.astype(np.int32), np.concatenate([[0], np.cumsum(counts)]), np.concatenate(places),
        np.concatenate(scores), per_unit.get(SOON, 0.0), per_unit.get(GOING, 0.0),
        dict(zip(ranker.names, np.round(ranker.weights, 4).tolist(), strict=True)), lists, brings,
    )  # fmt: skip


def _batches(log: EventLog, cut: Cut, per_unit: dict[str, float]) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Users with a past, some at a time, and their scores (batch, candidates), a constant for each user aside."""
    signals = Signals(log, cut)
    known = np.flatnonzero(np.diff(cut.known.indptr))
    size = max(1, MOST_CELLS // (len(per_unit) * len(cut.candidates)))
    for start in range(0, len(known), size):
        users = known[start : start + size]
        found = np.zeros((len(users), len(cut.candidates)), np.float32)
        for name, unit in per_unit.items():
            if name not in (SOON, GOING):
                found += np.float32(unit) * signals.one(name, users)
        yield users, found
