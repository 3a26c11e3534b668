"""The task on concerts of real artists (drawn attendance): nothing leaks, and what was put in is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.concerts import make, oracle
from graph.snapshot import NO_TIME
from training.bench_events import Learned, learn, read_log
from training.events.cut import Cuts, cut_at, known_at, lists_of, make_cuts
from training.events.log import EventLog
from training.events.signals import Signals
from training.metrics import TARGET
from training.significance import compare_all


@pytest.fixture(scope="module")
def folder(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("concerts")
    make(data_root, out, seed=7)
    return out


@pytest.fixture(scope="module")
def log(folder: Path) -> EventLog:
    return read_log(folder)


@pytest.fixture(scope="module")
def cuts(log: EventLog) -> Cuts:
    return make_cuts(log, horizon_days=30)


@pytest.fixture(scope="module")
def learned(log: EventLog, cuts: Cuts) -> Learned:
    return learn(log, cuts)


def test_the_blend_beats_each_baseline_on_validation(learned: Learned) -> None:
    blend = learned.validation["events"][TARGET]
    others = {name: one[TARGET] for name, one in learned.validation.items() if name != "events"}
    assert set(others) == {"popularity so far", "expected popularity", "soonest", "nearest", "content"}
    assert all(found.better and found.difference > 0.1 for found in compare_all(blend, others).values())


def test_the_oracle_stays_above_and_not_far(folder: Path, learned: Learned) -> None:
    best = oracle(folder, 30)["validation"][TARGET].mean()
    assert 0.7 * best < learned.validation["events"][TARGET].mean() < best


def test_what_was_put_in_is_found(learned: Learned) -> None:
    assert all(learned.brings[group]["difference"] > 0 for group in ("taste", "place", "time", "friends"))


def test_expired_events_are_never_candidates(log: EventLog, cuts: Cuts) -> None:
    for cut in (cuts.validation, cuts.test):
        starts = log.starts[cut.candidates]
        assert ((starts >= cut.at) & (starts < cut.until)).all()
        assert (log.published[cut.candidates] <= cut.at).all()


def test_nothing_of_the_time_after_a_cut_is_learned(log: EventLog, cuts: Cuts, learned: Learned) -> None:
    """All that comes after the test's cut is made up anew: who answers what, what these events are, where and when."""
    rng = np.random.default_rng(0)
    after = log.starts >= cuts.test.at
    later = ~known_at(log, cuts.test.at)
    assert later.sum() > 1_000
    assert (log.time[later] >= cuts.test.at).all()
    item = np.where(later, rng.permutation(np.flatnonzero(after))[rng.integers(0, after.sum(), len(later))], log.item)
    user = np.where(later, rng.integers(0, log.shape[0], len(later)), log.user)
    of_later = after[np.minimum(log.side.triples.head, log.shape[1] - 1)] & (log.side.triples.head < log.shape[1])
    tail = np.where(of_later, rng.permutation(log.side.triples.tail), log.side.triples.tail)
    north = np.where(after, rng.normal(size=len(after)), log.places.latitude)
    changed = replace(
        log,
        item=item.astype(np.int32),
        user=user.astype(np.int32),
        starts=np.where(after, log.starts + rng.integers(1, 1000, len(after)), log.starts),
        places=replace(log.places, latitude=north),
        side=replace(log.side, triples=replace(log.side.triples, tail=tail.astype(np.int32))),
    )
    validation = cut_at(changed, cuts.validation.at, cuts.validation.until)
    assert (validation.known != cuts.validation.known).nnz == 0
    lists = lists_of(changed, validation, told_by=cuts.test.at)
    found = learn(changed, replace(cuts, validation=validation, validation_lists=lists))
    np.testing.assert_array_equal(found.ranker.weights, learned.ranker.weights)
    np.testing.assert_array_equal(found.validation["events"][TARGET], learned.validation["events"][TARGET])


def test_the_tests_signals_do_not_see_its_answers(log: EventLog, cuts: Cuts) -> None:
    """Without a single answer from the test's cut on, every signal of the test is the same."""
    kept = known_at(log, cuts.test.at)
    before = replace(log, user=log.user[kept], item=log.item[kept], time=log.time[kept])
    assert (before.time[before.time != NO_TIME] < cuts.test.at).all()
    users = cuts.test_lists.users[:100]
    signals = Signals(log, cuts.test)
    blind = Signals(before, cut_at(before, cuts.test.at, cuts.test.until))
    assert signals.names == blind.names
    np.testing.assert_array_equal(signals.of(users, signals.names), blind.of(users, signals.names))
