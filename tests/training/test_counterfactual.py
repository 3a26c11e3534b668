"""Counterfactual estimates against a synthetic truth: contexts and actions whose rewards are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.errors import InvalidData
from training.counterfactual import Expected, Log, evaluate

ROWS = 20_000


@pytest.fixture(scope="module")
def world():
    """Rewards by context and action; the log prefers bad actions, the new policy good ones."""
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.05, 0.6, (5, 4))
    logging = np.exp(-3 * rates)
    logging /= logging.sum(1, keepdims=True)
    target = np.exp(4 * rates)
    target /= target.sum(1, keepdims=True)
    context = rng.integers(0, 5, ROWS)
    action = (rng.random((ROWS, 1)) > np.cumsum(logging[context], 1)).sum(1)
    reward = (rng.random(ROWS) < rates[context, action]).astype(float)
    log = Log(reward, logging[context, action], target[context, action])
    truth = float((target * rates).sum(1)[context].mean())
    exact = Expected(rates[context, action], (target * rates).sum(1)[context])
    return log, truth, exact


def test_all_find_what_the_new_policy_earns(world):
    log, truth, exact = world
    found = evaluate(log, expected=exact, rounds=300)
    assert truth > found.logged + 0.05
    for name in ("ips", "snips", "dr"):
        one = found.estimates[name]
        assert one.value == pytest.approx(truth, abs=0.02), name
        assert one.low < truth < one.high, name
    assert found.weight == pytest.approx(1, abs=0.03)
    assert 0 < found.effective_rows < ROWS


def test_a_model_makes_it_surer(world):
    log, _truth, exact = world
    found = evaluate(log, expected=exact, rounds=300).estimates
    widths = {name: one.high - one.low for name, one in found.items()}
    assert widths["dr"] < widths["ips"]
    assert widths["snips"] < widths["ips"]


def test_doubly_robust_forgives_a_wrong_model_or_wrong_propensities(world):
    log, truth, exact = world
    wrong_model = Expected(np.full(ROWS, 0.9), np.full(ROWS, 0.9))
    assert evaluate(log, expected=wrong_model, rounds=10).estimates["dr"].value == pytest.approx(truth, abs=0.02)
    wrong_log = replace(log, propensity=np.full(ROWS, 0.25))
    found = evaluate(wrong_log, expected=exact, rounds=10).estimates
    assert found["dr"].value == pytest.approx(truth, abs=0.02)
    assert abs(found["ips"].value - truth) > 0.02


def test_the_policy_that_logged_earns_what_it_earned(world):
    log = replace(world[0], policy=world[0].propensity)
    found = evaluate(log, rounds=10)
    assert found.estimates["ips"].value == pytest.approx(found.logged)
    assert found.effective_rows == pytest.approx(ROWS)


def test_clipping_lowers_and_says_so(world):
    log = world[0]
    whole, clipped = evaluate(log, rounds=10), evaluate(log, clip=1.0, rounds=10)
    assert clipped.estimates["ips"].value < whole.estimates["ips"].value
    assert clipped.largest_weight <= 1.0
    assert clipped.clipped > 0
    assert clipped.weight == whole.weight
    assert clipped.effective_rows > whole.effective_rows


def test_rows_of_a_group_are_resampled_together(world):
    """Each row a hundred times over says no more than once: only groups know that."""
    log = world[0]
    few = Log(*(column[:200].repeat(100) for column in (log.reward, log.propensity, log.policy)))
    alone = evaluate(few, rounds=200).estimates["ips"]
    grouped = evaluate(replace(few, group=np.arange(200).repeat(100)), rounds=200).estimates["ips"]
    assert grouped.value == pytest.approx(alone.value)
    assert grouped.high - grouped.low > 5 * (alone.high - alone.low)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"propensity": np.zeros(ROWS)}, "a propensity of 0 in row 0"),
        ({"propensity": np.full(ROWS, 1.5)}, "a propensity of 1.5"),
        ({"propensity": np.ones(3)}, "propensity of shape"),
        ({"policy": np.full(ROWS, -0.1)}, "a policy's probability of -0.1"),
        ({"policy": np.zeros(ROWS)}, "takes none of the logged actions"),
        ({"reward": np.full(ROWS, np.nan)}, "reward of row 0 is not a number"),
    ],
)
def test_a_log_that_cannot_say_is_refused(world, change, message):
    with pytest.raises(InvalidData, match=message):
        evaluate(replace(world[0], **change))


def test_no_rows_and_no_clip(world):
    none = np.empty(0)
    with pytest.raises(InvalidData, match="without rows"):
        evaluate(Log(none, none, none))
    with pytest.raises(InvalidData, match="clip 0"):
        evaluate(world[0], clip=0.0)
