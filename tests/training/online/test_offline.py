"""Estimates before a test against what the challenger truly earns, and a challenger beside a champion."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from graph.errors import InvalidData
from serving.interleave import explore
from tests.training.online.worlds import act, log, shown
from training.counterfactual import Log as Rewards
from training.counterfactual import refuse_without_overlap
from training.online.log import Ints, Log
from training.online.offline import estimate, slots
from training.online.shadow import Pair, compare, kendall
from training.online.tallies import DAY

POOL, PLACES = 8, 3
APPEAL = np.linspace(0.5, 0.1, 12)
EYES = 1 / np.arange(1, PLACES + 1)


def explored(challenger: list[int], *, share: float = 0.5, answers: int = 3_000) -> tuple[Log, dict[int, Ints], float]:
    """The champion ranks the pool from its worst item; the log, the challenger's answers as codes, and its truth."""
    rng, coin = np.random.default_rng(4), Random(4)
    pool = list(range(POOL))[::-1]
    rows, acts = [], []
    for answer in range(answers):
        user, at = f"u{answer % 700}", 10 * DAY + answer * 100
        items, chances = explore(pool, PLACES, share, coin)
        for place, (item, chance) in enumerate(zip(items, chances, strict=True)):
            rows.append(shown(user, f"i{item}", at, answer=answer, rank=place + 1, propensity=chance))
            if rng.random() < APPEAL[item] * EYES[place]:
                acts.append(act(user, f"i{item}", "clicked", at + 7))
    data = log(acts, rows, 30 * DAY)
    codes = {name: code for code, name in enumerate(data.items)}
    mine = np.array([codes.get(f"i{item}", -1) for item in challenger], np.int64)
    truth = float((APPEAL[challenger] * EYES).mean())
    return data, dict.fromkeys(range(answers), mine), truth


def test_the_estimates_find_what_the_challenger_earns() -> None:
    data, answers, truth = explored([0, 1, 2])
    found = estimate(slots(data, answers))
    assert found.logged < 0.8 * truth, "the champion is far from it"
    for name, one in found.estimates.items():
        assert one.low < truth < one.high, name
    width = {name: one.high - one.low for name, one in found.estimates.items()}
    assert width["dr"] < width["ips"]
    assert 0.85 < found.weight < 1.15
    assert 100 < found.effective_rows < found.rows


@pytest.mark.parametrize(
    ("challenger", "share", "message"),
    [
        ([0, 1, 2], 0.0, "takes none of the logged actions"),
        ([7, 1, 2], 0.0, "covers 33% of what the policy does"),
        ([0, 10, 11], 0.5, r"covers \d\d% of what the policy does"),
    ],
)
def test_without_overlap_it_is_refused(challenger: list[int], share: float, message: str) -> None:
    data, answers, _ = explored(challenger, share=share, answers=1_000)
    with pytest.raises(InvalidData, match=message):
        estimate(slots(data, answers))


def test_few_rows_are_refused() -> None:
    rng = np.random.default_rng(0)
    taken = (rng.random(400) < 0.02).astype(float)
    with pytest.raises(InvalidData, match=r"worth \d+ rows"):
        refuse_without_overlap(Rewards(taken, np.full(400, 0.02), taken))


def test_nothing_explored_is_said() -> None:
    with pytest.raises(InvalidData, match="no answer that was explored"):
        slots(log([], [shown("a", "x", 0)]), {0: np.array([0])})
    data, _, _ = explored([0, 1, 2], answers=10)
    with pytest.raises(InvalidData, match="no answer that was explored"):
        slots(data, {})


def test_answers_whose_clicks_may_still_come_are_left_out() -> None:
    rows = [shown("a", "x", at, answer=at, propensity=0.5) for at in (0, 5 * DAY)]
    found = slots(log([], rows, 5 * DAY + 10), {0: np.array([0]), 5 * DAY: np.array([0])})
    assert len(found.shown) == 1


def test_a_challenger_beside_a_champion() -> None:
    pairs = [Pair("a", ["x", "y", "z"], ["x", "z", "w"], 1.0, 3.0), Pair("b", ["x", "y"], ["y", "x"], 2.0, 5.0)]
    found = compare(pairs, catalogue=10)
    assert found.overlap[0] == pytest.approx((2 / 3 + 1) / 2)
    assert found.correlation[0] == pytest.approx(0), "x before z in both; y and x turned round"
    assert found.same_first == 0.5
    assert found.coverage == (0.3, 0.4)
    assert found.milliseconds[0][0] == pytest.approx(1.5)
    assert found.milliseconds[1][0] == pytest.approx(4.0)
    with pytest.raises(InvalidData, match="no answer has been shadowed"):
        compare([], 10)


def test_rank_correlation() -> None:
    assert kendall("abcd", "abcd") == 1
    assert kendall("abcd", "dcba") == -1
    assert kendall("abcd", "axcyd") == 1, "over what both show"
    assert kendall("abcd", "bacd") == pytest.approx(4 / 6)
    assert np.isnan(kendall("ab", "ax"))
