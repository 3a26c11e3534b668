"""Whole experiments on logs with a known truth: who is counted, verdicts, guards, sizes of arms, interleaving."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from graph.schema import KINDS
from serving.interleave import team_draft
from tests.training.online.worlds import act, log, shown, trial
from training.online.assess import BETTER, BROKEN, HOLDS, OPEN, SAME, assess
from training.online.interleaving import credit, prefer
from training.online.log import Log, encode
from training.online.plan import Plan
from training.online.report_page import _round_between, ab_page, interleaving_page
from training.online.tallies import DAY
from training.online.users import entrants, outcomes, units

PLAN = Plan("t", {"control": 1.0, "arm1": 1.0}, expected=3_000)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_better_arm_is_found_and_its_size_is_right() -> None:
    found = assess(trial(6_000, (0.10, 0.14), seed=1), PLAN)
    (one,) = found.measures
    assert one.state == BETTER
    assert one.low < 0.04 < one.high
    assert one.relative_low < 0.4 < one.relative_high
    assert one.p_value < 0.05
    assert found.verdicts["arm1"].startswith("better in ctr")
    assert len(one.path) > 10
    assert [look.users for look in one.path] == sorted({look.users for look in one.path})
    assert (one.path[-1].low, one.path[-1].high) == (one.low, one.high)


def test_arms_that_are_the_same_stay_open_or_do_not_matter() -> None:
    data = trial(4_000, (0.1, 0.1), seed=2)
    assert assess(data, PLAN).measures[0].state == OPEN
    assert "go on" in assess(data, PLAN).verdicts["arm1"]
    assert assess(data, replace(PLAN, minimum_effect=0.5)).measures[0].state == SAME
    assert "its time is over" in assess(data, replace(PLAN, end=0)).verdicts["arm1"]


def test_a_guard_that_breaks_stops_a_better_arm() -> None:
    data = trial(6_000, (0.10, 0.16), seed=3)
    guards = {"ctr": 0.05, "impressions": 0.2}
    assert {one.measure: one.state for one in assess(data, replace(PLAN, guards=guards)).guards} == {
        "ctr": HOLDS, "impressions": HOLDS,
    }  # fmt: skip
    worse = trial(6_000, (0.16, 0.10), seed=3)
    found = assess(worse, replace(PLAN, measures=("impressions",), guards={"ctr": 0.05}))
    assert found.guards[0].state == BROKEN
    assert found.verdicts["arm1"] == "stop: it costs more than allowed of ctr"


def test_arms_of_the_wrong_size_are_not_trusted() -> None:
    found = assess(trial(6_000, (0.10, 0.2), seed=4, weights=(0.6, 0.4)), PLAN)
    assert not found.split.good
    assert found.verdicts["arm1"].startswith("do not trust it")
    assert assess(trial(6_000, (0.10, 0.2), seed=4, weights=(0.6, 0.4)),
                  replace(PLAN, arms={"control": 3.0, "arm1": 2.0})).split.good  # fmt: skip


def test_the_past_takes_variance_out() -> None:
    plain, past = (
        assess(trial(2_000, (0.1, 0.12), seed=5, answers=16, past=count), PLAN).measures[0] for count in (0, 60)
    )
    assert plain.kept > 0.97
    assert past.kept < 0.9
    assert past.high - past.low < plain.high - plain.low


def test_three_arms_share_the_level() -> None:
    plan = replace(PLAN, arms={"control": 1.0, "arm1": 1.0, "arm2": 1.0})
    data = trial(4_000, (0.1, 0.1, 0.1), seed=6)
    two = assess(data, replace(PLAN, arms={"control": 1.0, "arm1": 1.0})).measures[0]
    three = assess(data, plan).measures
    assert [one.arm for one in three] == ["arm1", "arm2"]
    assert three[0].high - three[0].low > two.high - two.low


def test_each_user_counts_once_from_the_first_answer_to_the_horizon() -> None:
    arms = {"t": "arm1"}
    impressions = [
        shown("a", "x", 10 * DAY, answer=1, arms=arms), shown("a", "y", 10 * DAY + 3_600, answer=2, arms=arms),
        shown("a", "z", 12 * DAY, answer=3, arms=arms),  # after the horizon
        shown("b", "x", 10 * DAY, answer=4, arms={"t": "control"}),
        shown("both", "x", 10 * DAY, answer=5, arms=arms),
        shown("both", "x", 11 * DAY, answer=6, arms={"t": "control"}),
        shown("late", "x", 19 * DAY + 1, answer=7, arms=arms),
        shown("other", "x", 10 * DAY, answer=8, arms={"o": "arm1"}),
    ]  # fmt: skip
    acts = [act("a", "x", "clicked", 10 * DAY + 5), act("a", "x", "clicked", 9 * DAY + DAY // 2),
            act("a", "z", "clicked", 12 * DAY + 5)]  # fmt: skip
    data = log(acts, impressions, 20 * DAY)
    people = entrants(data, PLAN)
    assert people.crossed == 1
    assert people.counts(2).tolist() == [1, 2]
    rows, ready = units(outcomes(data, PLAN), PLAN, "ctr", "arm1")
    assert len(rows) == 2, "a and b; the horizon of the late one is not over, one crossed, one is of another experiment"
    assert ready.tolist() == [11 * DAY, 11 * DAY]
    assert rows.numerator[rows.treated].tolist() == [1]
    assert rows.denominator[rows.treated].tolist() == [2]
    assert len(units(outcomes(data, PLAN), PLAN, "returning_d7", "arm1")[0]) == 2


def test_few_users_say_nothing() -> None:
    found = assess(trial(60, (0.1, 0.9), seed=7), PLAN)
    assert found.measures[0].state == OPEN
    assert found.measures[0].path == ()
    empty = assess(log([], []), PLAN)
    assert empty.split.users == (0, 0)
    assert "<svg" not in ab_page(empty, description="", made=NOW)


def draws(better: bool, users: int, seed: int) -> Log:
    """Answers of an interleaving: items 0 … 19 are good by their number; the second ranker knows it, or both guess."""
    rng, coin = np.random.default_rng(seed), Random(seed)
    rows, acts = [], []
    for user in range(users):
        at = 10 * DAY + 60 * user
        one = rng.permutation(20).tolist()
        two = np.argsort(np.arange(20) + rng.normal(0, 4, 20)).tolist() if better else rng.permutation(20).tolist()
        items, teams = team_draft(one, two, 6, coin)
        for rank, (item, team) in enumerate(zip(items, teams, strict=True), start=1):
            rows.append(shown(f"u{user}", f"i{item}", at, answer=user, rank=rank, team=team, arms={"t": "both"}))
            if rng.random() < 0.5 * (20 - item) / 20 / rank:
                acts.append(act(f"u{user}", f"i{item}", "clicked", at + 9))
    return log(acts, rows, 100 * DAY)


def test_interleaving_finds_the_better_ranker_and_only_a_better_one() -> None:
    plan = replace(PLAN, interleave=True, expected=500)
    found = prefer(draws(True, 600, 1), plan)
    assert found.low > 0
    assert found.verdict == "people prefer arm1: it may be ended"
    assert found.split.good
    equal = prefer(draws(False, 600, 2), plan)
    assert equal.low < 0 < equal.high
    assert "undecided" in equal.verdict
    assert "people prefer arm1" in interleaving_page(found, plan, description="a <b>", made=NOW)
    assert prefer(log([], []), plan).users == 0


def test_the_credit_rule() -> None:
    """Each item counts once for its team; what both had at the top counts for none."""
    rows = [shown("a", "both", 0, answer=1, rank=1), shown("a", "x", 0, answer=1, rank=2, team=0),
            shown("a", "y", 0, answer=1, rank=3, team=1), shown("a", "z", 0, answer=1, rank=4, team=1),
            shown("b", "both", 0, answer=2, rank=1)]  # fmt: skip
    acts = [act("a", "both", "clicked", 1), act("a", "x", "clicked", 2), act("a", "x", "purchased", 3),
            act("a", "y", "clicked", 4), act("a", "z", "purchased", 5), act("b", "both", "clicked", 1)]  # fmt: skip
    answers, one, two = credit(log(acts, rows), DAY)
    assert (answers.tolist(), one.tolist(), two.tolist()) == ([1], [1.0], [2.0])


@pytest.mark.parametrize(("bottom", "top"), [(-0.0416, 0.1116), (0.0, 3.0), (-1e-5, 2e-6), (-950.0, 0.0), (-0.3, 0.65)])
def test_the_chart_s_lines_are_at_round_numbers(bottom: float, top: float) -> None:
    ticks = _round_between(bottom, top)
    assert 3 <= len(ticks) <= 8
    assert 0.0 in ticks
    slack = 1e-9 * (top - bottom)
    assert all(bottom - slack <= one <= top + slack for one in ticks)
    assert all(float(f"{one:.2g}") == pytest.approx(one) for one in ticks)


def test_the_page_stands_alone_and_escapes() -> None:
    data = trial(6_000, (0.10, 0.14), seed=1)
    page = ab_page(assess(data, replace(PLAN, guards={"impressions": 0.1})), description="<script>alert(1)</script>",
                   made=NOW, notes=["it was changed"])  # fmt: skip
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page
    assert page.count("<svg") == 1
    assert "better in ctr" in page
    assert "it was changed" in page


def test_level_under_daily_reports() -> None:
    """The whole way, from logs to intervals: of 50 experiments without a difference few ever say that there is one."""
    wrong = sum(
        any(
            look.low > 0 or look.high < 0 for look in assess(trial(1_000, (0.1, 0.1), seed=seed), PLAN).measures[0].path
        )
        for seed in range(50)
    )
    assert wrong <= 5, "2.5 are expected at the level; 6 or more have a chance of 4%"


def test_codes_are_shared() -> None:
    data = encode(
        pa.table({"user": ["a", "b"], "item": ["x", "y"], "kind": [KINDS.index("clicked")] * 2,
                  "value": pa.array([None, 1.0]), "at": [1, 2]}),
        pa.table({"answer": [1], "user": ["b"], "item": ["y"], "at": [1], "rank": [1], "model": ["m"], "arms": ["{}"],
                  "propensity": pa.nulls(1, pa.float64()), "team": [-1]}),
        10,
    )  # fmt: skip
    assert data.users[data.shown.user[0]] == "b"
    assert data.acts.item[1] == data.shown.item[0]
    assert np.isnan(data.acts.value[0])
    kept = data.between(2, None)
    assert (len(kept.acts), len(kept.shown), kept.end) == (1, 0, 10)
    with pytest.raises(IndexError):
        kept.shown.user[0]
