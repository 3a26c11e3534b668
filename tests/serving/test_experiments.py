"""Assignment, definitions, runs, drafted and drawn lists, and the log of what was shown."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from graph.errors import Conflict, InvalidData, NotFound
from serving import exposures
from serving.experiment_runs import ExperimentRuns
from serving.experiments import Arm, Experiment, draws
from serving.experiments_file import EXAMPLE, read_experiments
from serving.exposures import Exposure, ExposureLog, ExposureWriter, Shadowed
from serving.interleave import NEITHER, explore, team_draft

TWO = (Arm("control"), Arm("new", 1.0, {"diversity": 0.5}))
USERS = [f"shop:{number}" for number in range(20_000)]


def experiment(**changes: object) -> Experiment:
    return Experiment(**{"name": "one", "arms": TWO, **changes})  # type: ignore[arg-type]


# Assignment


def test_arms_get_users_by_their_weights() -> None:
    one = experiment(arms=(Arm("a", 1.0), Arm("b", 2.0), Arm("c", 5.0)))
    counts = Counter(one.arm_of(user).name for user in USERS)
    assert chisquare([counts[name] for name in "abc"], np.array([1, 2, 5]) / 8 * len(USERS)).pvalue > 0.001


def test_draws_are_uniform_and_the_two_are_independent() -> None:
    found = np.array([draws("salt", user) for user in USERS])
    table = np.histogram2d(found[:, 0], found[:, 1], bins=10, range=[[0, 1], [0, 1]])[0]
    assert chisquare(table.ravel()).pvalue > 0.001
    assert (found >= 0).all()
    assert (found < 1).all()


def test_experiments_are_independent_of_each_other() -> None:
    one, two = experiment(), experiment(name="two")
    table = np.zeros((2, 2))
    for user in USERS:
        table[one.arm_of(user).name == "new", two.arm_of(user).name == "new"] += 1
    assert chi2_contingency(table).pvalue > 0.001
    assert experiment(name="two", salt="one").arm_of("u").name == one.arm_of("u").name, "the salt alone decides"


def test_an_arm_is_always_the_same() -> None:
    """Known answers: what a release of Interlace gave, every later one gives, or running experiments are mixed up."""
    found = [experiment().arm_of(f"u{number}").name for number in range(12)]
    assert [place for place, name in enumerate(found) if name == "control"] == [0, 4, 8]
    assert draws("one", "u0") == pytest.approx(FIRST, abs=1e-15)


FIRST = (0.605654071463092, 0.06824369212589199)


@given(
    st.text(max_size=20),
    st.text(max_size=20),
    st.floats(0.01, 1),
    st.lists(st.floats(0.01, 100), min_size=2, max_size=6),
)
@settings(max_examples=40, deadline=None)
def test_everybody_has_one_arm_or_takes_no_part(salt: str, user: str, traffic: float, weights: list[float]) -> None:
    arms = tuple(Arm(f"a{place}", weight) for place, weight in enumerate(weights))
    one = experiment(arms=arms, salt=salt or "s", traffic=traffic)
    arm = one.arm_of(user)
    assert (arm is None) == (draws(salt or "s", user)[0] >= traffic)
    assert arm is None or arm in arms
    assert one.arm_of(user) is arm
    wider = experiment(arms=arms, salt=salt or "s", traffic=1.0).arm_of(user)
    assert arm is None or wider is arm, "more traffic moves nobody to another arm"
    assert Experiment.of(json.loads(json.dumps(one.as_dict()))) == one


def test_traffic_is_the_share_of_users() -> None:
    part = sum(experiment(traffic=0.2).arm_of(user) is not None for user in USERS)
    assert part == pytest.approx(0.2 * len(USERS), rel=0.05)


# The file


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "experiments.yaml"
    path.write_text(text)
    return path


def test_the_example_is_read(tmp_path: Path) -> None:
    (one,) = read_experiments(write(tmp_path, EXAMPLE)).values()
    assert one.name == "more-diverse"
    assert one.arms[1] == Arm("diverse", 1.0, {"diversity": 0.3})
    assert (one.horizon, one.metrics, one.guards) == (86_400, ("ctr", "revenue"), {"returning_d1": 0.05})
    whole = (
        EXAMPLE
        + "    form: ab\n    start: 2026-12-01\n    end: 2026-12-01T08:00:00Z\n    window: 6h\n    alpha: 0.01\n"
    )
    (one,) = read_experiments(write(tmp_path, whole)).values()
    assert (one.end - one.start, one.window, one.alpha) == (8 * 3600, 6 * 3600, 0.01)


ARMS = "arms: {a: {}, b: {diversity: 0.5}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("experiments:\n  - name: Bad Name\n    " + ARMS, "line 2: name cannot be 'Bad Name'"),
        ("experiments:\n  - name: x\n    " + ARMS + "\n    metrics: [ctr, cttr]", "line 4: a metric cannot be 'cttr'"),
        ("experiments:\n  - name: x\n    " + ARMS + "\n    colour: red", "line 4: unknown key 'colour'"),
        ("experiments:\n  - name: x\n    arms:\n      a: {}\n      b: {weight: -1}", "line 5: weight cannot be -1"),
        ("experiments:\n  - name: x\n    arms:\n      a: {}\n      b: {diversity: 2}", "line 5: diversity cannot be 2"),
        ("experiments:\n  - name: x\n    arms:\n      a: {}\n      b: {model: [1]}", "line 5: model cannot be"),
        ("experiments:\n  - name: x\n    arms: {a: {}}", r"line 3: 1 arm\(s\)"),
        ("experiments:\n  - name: x\n    arms: {a: {}, a: {}}", "line 3: 'a' is there twice"),
        ("experiments:\n  - name: x\n    " + ARMS + "\n  - name: x\n    " + ARMS, "line 4: 'x' is there twice"),
        ("experiments:\n  - name: x\n    " + ARMS + "\n    start: tomorrow", "line 4: 'tomorrow' is no time"),
        ("experiments:\n  - name: x\n    " + ARMS + "\n    start: 2026-12-02\n    end: 2026-12-01", "line 5: it ends"),
        ("experiments:\n  - name: x\n    " + ARMS + "\n    horizon: soon", "line 4: 'soon' is no time span"),
        ("experiments:\n  - name: x\n    " + ARMS + "\n    guards: {ctr: 5}", "line 4: ctr cannot be 5"),
        ("experiments:\n  - name: x\n    " + ARMS + "\n    traffic: 0", "line 4: traffic cannot be 0"),
        ("experiments:\n  - name: x\n    " + ARMS + "\n    start: 2026-99-99", "line 4"),
        ("experiments:\n  - name: x\n    form: interleave\n    arms: {a: {}, b: {}, c: {}}", "line 4: 3 arm"),
        ("experiments:\n  - " + ARMS, "line 2: an experiment without name"),
        ("experiments: 3", "line 1: experiments is no list"),
        ("experiments:\n  - name: x\n   arms: {", "line 3"),
        ("- 3", "line 1: the file is no mapping"),
    ],
)  # fmt: skip
def test_an_error_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        read_experiments(write(tmp_path, text))


def test_no_file_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"):
        read_experiments(tmp_path / "none.yaml")
    assert read_experiments(write(tmp_path, "")) == {}


# Runs


def test_what_was_started_goes_on_as_it_was_until_stopped(tmp_path: Path) -> None:
    now = [1_000.0]
    runs, other = (ExperimentRuns(tmp_path, clock=lambda: now[0]) for _ in range(2))
    assert runs.running() == []
    with pytest.raises(NotFound, match="was never started"):
        runs.latest("one")
    stamp = other.stamp()
    runs.start(experiment(end=5_000))
    assert other.stamp() != stamp
    assert [run.experiment for run in other.running()] == [experiment(end=5_000)]
    with pytest.raises(Conflict, match="goes on already"):
        other.start(experiment())
    with pytest.raises(Conflict, match="'one' sets diversity too"):
        other.start(experiment(name="two"))
    other.start(experiment(name="three", arms=(Arm("a"), Arm("b", 1.0, {"model": "v2"}))))
    assert runs.pinned() == {"v2"}
    now[0] = 6_000
    assert [run.experiment.name for run in runs.running()] == ["three"], "the other's end has come"
    assert runs.stop("three").stopped == 6_000
    with pytest.raises(NotFound, match="no experiment 'three' goes on"):
        runs.stop("three")
    assert runs.latest("three").stopped == 6_000
    assert runs.pinned() == set()


def test_few_other_indexes_are_open_at_a_time(tmp_path: Path) -> None:
    runs = ExperimentRuns(tmp_path)
    runs.start(
        experiment(
            arms=(Arm("a", 1.0, {"model": "v1"}), Arm("b", 1.0, {"model": "v2"}), Arm("c", 1.0, {"model": "v3"}))
        )
    )
    with pytest.raises(Conflict, match="4 versions of the index"):
        runs.start_shadow("v4", 0.1)
    runs.start_shadow("v3", 0.1)
    assert runs.start_shadow("v2", 0.2) == runs.shadow(), "in place of the first"
    assert [one.stopped is None for one in runs.shadows()] == [True, False]
    runs.stop_shadow()
    assert runs.shadow() is None
    with pytest.raises(NotFound, match="no shadow goes on"):
        runs.stop_shadow()


# Drafted and drawn lists


@given(st.permutations(range(12)), st.permutations(range(12)), st.integers(0, 14), st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_a_draft_holds_each_item_once_and_both_teams_alike(one: list[int], two: list[int], n: int, seed: int) -> None:
    items, teams = team_draft(one, two, n, Random(seed))
    assert len(items) == len(set(items)) == min(n, 12)
    assert abs(teams.count(0) - teams.count(1)) <= 1
    for team, ranking in enumerate((one, two)):
        mine = [ranking.index(item) for item, of in zip(items, teams, strict=True) if of == team]
        assert mine == sorted(mine), "a team's items stand in its own order"
    same = teams.count(NEITHER)
    assert one[:same] == two[:same] == items[:same]


def test_either_team_leads_half_the_time() -> None:
    rng = Random(1)
    leads = sum(team_draft([1, 2], [2, 1], 1, rng)[1][0] for _ in range(4_000))
    assert leads == pytest.approx(2_000, abs=130)
    assert team_draft([], [5], 3, rng) == ([5], [1])


def test_propensities_are_how_often_an_item_is_at_its_place() -> None:
    rng = Random(3)
    pool, rounds = [10, 11, 12, 13, 14], 20_000
    counts: Counter[tuple[int, int]] = Counter()
    chance: dict[tuple[int, int], float] = {}
    for _ in range(rounds):
        items, propensities = explore(pool, 3, 0.4, rng)
        for place, (item, one) in enumerate(zip(items, propensities, strict=True)):
            counts[place, item] += 1
            assert chance.setdefault((place, item), one) == one
    assert len(chance) == 15
    for key, one in chance.items():
        assert counts[key] / rounds == pytest.approx(one, abs=5 * np.sqrt(one * (1 - one) / rounds))
    assert explore([7], 3, 0.5, rng) == ([7], [1.0])


# The log of what was shown


def shown(user: str = "p:a", at: int = 100, **changes: object) -> Exposure:
    values = {"request": "r", "user": user, "at": at, "model": "v", "arms": {"e": "a"}, "items": ["x", "y"], **changes}
    return Exposure(**values)  # type: ignore[arg-type]


def rows(home: Path) -> list[tuple[object, ...]]:
    return ExposureLog(home).read("answers", 0, 10**12, "user, at, arms, items, propensities, teams")


def test_what_was_shown_is_written_soon_and_whole(tmp_path: Path) -> None:
    writer = ExposureWriter(ExposureLog(tmp_path), days=10**6)
    writer.add(shown())
    writer.add(shown("p:b", propensities=[0.5, 0.25], teams=[0, 1]))
    writer.add(Shadowed("r", "p:a", 100, "v", "w", ["x"], ["y"], 1.0, 2.0))
    until = time.monotonic() + 20
    while len(rows(tmp_path)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert rows(tmp_path) == [("p:a", 100, '{"e":"a"}', '["x","y"]', None, None),
                              ("p:b", 100, '{"e":"a"}', '["x","y"]', "[0.5,0.25]", "[0,1]")]  # fmt: skip
    writer.close()
    assert ExposureLog(tmp_path).read("shadowed", 0, 1000, "challenger_items") == [('["y"]',)]


def test_an_answer_never_waits_for_a_disk_that_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.ledger.WAIT_SECONDS", 0.05)
    monkeypatch.setattr(exposures, "FLUSH_SECONDS", 0.02)
    ExposureLog(tmp_path).add([shown()])
    other = sqlite3.connect(tmp_path / exposures.FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    writer = ExposureWriter(ExposureLog(tmp_path), days=10**6)
    for place in range(500):
        writer.add(shown(at=place))  # returns although nobody can write
    time.sleep(0.3)
    other.execute("ROLLBACK")
    other.close()
    writer.close()
    assert [row[1] for row in rows(tmp_path)] == [100, *range(500)], "in order, none lost"


def test_when_too_many_wait_the_rest_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposures, "MOST_WAITING", 3)
    monkeypatch.setattr(exposures, "FLUSH_SECONDS", 60.0)
    writer = ExposureWriter(ExposureLog(tmp_path), days=10**6)
    for place in range(5):
        writer.add(shown(at=place))
    assert writer.lost == 2
    writer.close()
    assert len(rows(tmp_path)) == 3


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    writer = ExposureWriter(ExposureLog(tmp_path), days=10**6)
    threads = [threading.Thread(target=lambda: [writer.add(shown(at=1)) for _ in range(200)]) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    writer.close()
    assert len(rows(tmp_path)) == 1_600


def test_old_rows_are_forgotten(tmp_path: Path) -> None:
    log = ExposureLog(tmp_path, clock=lambda: 10 * 86_400)
    log.add([shown(), shown("p:b", 9 * 86_400), Shadowed("r", "p:b", 9 * 86_400, "v", "w", [], [], 1.0, 1.0)])
    log.tidy(5)
    assert [row[0] for row in rows(tmp_path)] == ["p:b"]
    log.tidy(0)
    assert rows(tmp_path) == []
    assert log.read("shadowed", 0, 10**9, "user") == []
