"""Networks racing for a budget: who is better gets more, all keep what they have, one computes at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import pytest

from training.race import LEAST, race
from training.recommender import SILENT, Enough


class Clock:
    """Time that passes when a fit says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@dataclass
class Runner:
    """A model of the zoo whose epochs take `seconds` and whose validation is `gain` an epoch."""

    name: str
    clock: Clock
    gain: float
    seconds: float = 1.0
    epochs: int = 1000
    fails: bool = False

    def build(self, _config):
        return self

    def fit(self, _data, monitor):
        self.done = 0
        for number in range(1, self.epochs + 1):
            self.clock.now += self.seconds
            if self.fails:
                raise ValueError("diverged")
            self.done = number
            try:
                monitor.epoch(number, self.epochs, {"ndcg@10": self.gain * number})
            except Enough:
                break
        return self


def run(runners, seconds, clock):
    return race([(one, None) for one in runners], None, seconds, monitors=lambda _name: SILENT, clock=clock)


def test_the_better_half_goes_on_and_the_budget_is_kept():
    clock = Clock()
    runners = [Runner(f"model-{place}", clock, gain) for place, gain in enumerate((0.1, 0.4, 0.2, 0.3))]
    found = run(runners, 90.0, clock)
    assert {one.recommender.name for one in found} == {one.name for one in runners}
    epochs = {one.name: one.done for one in runners}
    assert epochs["model-1"] > epochs["model-3"] > epochs["model-2"] > 0
    assert abs(epochs["model-0"] - epochs["model-2"]) <= 1
    assert clock.now == pytest.approx(90, abs=4)
    assert sum(one.seconds for one in found) == pytest.approx(clock.now, abs=4)


def test_what_one_does_not_need_the_others_get():
    clock = Clock()
    short, long = Runner("short", clock, 0.9, epochs=3), Runner("long", clock, 0.1)
    run([short, long], 100.0, clock)
    assert short.done == 3
    assert long.done == pytest.approx(97, abs=4)


def test_without_a_bound_all_end_by_themselves():
    clock = Clock()
    runners = [Runner("a", clock, 0.1, epochs=7), Runner("b", clock, 0.2, epochs=5)]
    assert len(run(runners, inf, clock)) == 2
    assert [one.done for one in runners] == [7, 5]


def test_a_spent_budget_still_gives_each_a_little():
    clock = Clock()
    runners = [Runner("a", clock, 0.1), Runner("b", clock, 0.2)]
    assert len(run(runners, -5.0, clock)) == 2
    assert all(1 <= one.done <= 2 * LEAST + 2 for one in runners)


def test_an_error_in_a_fit_is_the_races_and_ends_the_others():
    clock = Clock()
    good, bad = Runner("good", clock, 0.1), Runner("bad", clock, 0.1, fails=True)
    with pytest.raises(ValueError, match="diverged"):
        run([good, bad], 50.0, clock)
    assert good.done < 50
