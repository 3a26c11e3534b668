"""The always-valid tests: level under peeking, power, agreement of interval and p-value, sizes, CUPED."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.errors import InvalidData
from training.online.design import Question, size
from training.online.difference import Units, difference
from training.online.sequential import LEAST, half_width, p_value, rho_for, split_chi_square, split_p_value

RHO = rho_for(10_000, 0.05)


def peeked(
    rng: np.random.Generator, rates: tuple[float, float], users: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Looks of one experiment of two rates, growing: users, estimate, standard error."""
    treated = rng.random(users) < 0.5
    hit = rng.random(users) < np.where(treated, rates[1], rates[0])
    looks = np.unique(np.geomspace(4 * LEAST, users, 50).astype(int))
    n1 = np.cumsum(treated)[looks - 1]
    n0 = looks - n1
    p1, p0 = np.cumsum(hit & treated)[looks - 1] / n1, np.cumsum(hit & ~treated)[looks - 1] / n0
    return looks.astype(float), p1 - p0, np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)


def test_looking_all_the_time_keeps_the_level_and_the_usual_test_does_not() -> None:
    rng = np.random.default_rng(11)
    always = usual = 0
    rounds = 400
    for _ in range(rounds):
        t, estimate, spread = peeked(rng, (0.1, 0.1), 8_000)
        always += bool((np.abs(estimate) > half_width(t, spread, 0.05, RHO)).any())
        usual += bool((np.abs(estimate) > 1.96 * spread).any())
    assert always / rounds <= 0.05
    assert usual / rounds > 0.2


def test_the_size_that_is_asked_for_has_the_power() -> None:
    question = Question(0.1, 0.3)
    users = 2 * size(question).sequential
    rho = rho_for(users, 0.05)
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(200):
        t, estimate, spread = peeked(rng, (0.1, 0.13), users)
        found += bool((estimate > half_width(t, spread, 0.05, rho)).any())
    assert found / 200 >= 0.78


def test_p_value_and_interval_say_the_same() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        t, estimate, spread = peeked(rng, (0.1, 0.12), 6_000)
        outside = np.abs(estimate) > half_width(t, spread, 0.05, RHO)
        p = p_value(t, estimate / spread, RHO)
        assert (np.diff(p) <= 0).all()
        assert ((p < 0.05) == np.logical_or.accumulate(outside)).all()


def test_the_sequence_is_tightest_where_it_was_told() -> None:
    t = np.full(3, 5_000.0)
    widths = [
        float(half_width(t[:1], np.ones(1), 0.05, rho_for(expected, 0.05))[0]) for expected in (500, 5_000, 50_000)
    ]
    assert widths[1] < min(widths[0], widths[2])
    assert 1.96 < widths[1] < 3.2, "wider than a fixed test, and not by much"


def test_known_sizes() -> None:
    """31,234 an arm: the size that statsmodels and R's power.prop.test give for 5% against 5.5%."""
    assert size(Question(0.05, 0.1)).fixed == 31_234
    assert size(Question(10.0, 0.1, deviation=20.0)).fixed == 6280
    assert size(Question(0.05, 0.1, past=0.5)).fixed == pytest.approx(0.75 * 31_234, abs=1)
    assert size(Question(0.05, 0.1, arms=3)).fixed > size(Question(0.05, 0.1)).fixed
    assert size(Question(0.05, -0.1)).sequential > size(Question(0.05, -0.1)).fixed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline": 1.2}, "a baseline of 1.2"), ({"lift": 0.0}, "a lift of 0"), ({"lift": 30.0}, "a lift of 30"),
        ({"power": 1.0}, "a power of 1"), ({"alpha": 0.0}, "an alpha of 0"), ({"past": 1.0}, "a correlation"),
        ({"arms": 1}, "1 arms"), ({"deviation": 0.0}, "a deviation of 0"),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        size(replace(Question(0.05, 0.1), **change))  # type: ignore[arg-type]


def test_sizes_that_do_not_fit_the_weights_are_found_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    weights = np.array([1.0, 2.0])
    wrong = 0
    for _ in range(300):
        cumulated = np.cumsum(rng.random(3_000) < 2 / 3)
        wrong += any(split_p_value(np.array([n - cumulated[n - 1], cumulated[n - 1]], float), weights) < 0.05
                     for n in range(100, 3_001, 100))  # fmt: skip
    assert wrong / 300 <= 0.05
    assert split_p_value(np.array([5_000.0, 5_600.0]), np.ones(2)) < 1e-4
    assert split_chi_square(np.array([5_000.0, 5_600.0]), np.ones(2)) < 1e-6
    assert split_p_value(np.zeros(2), np.ones(2)) == 1
    assert split_chi_square(np.zeros(2), np.ones(2)) == 1


def ratios(seed: int, effect: float = 0.0, past: bool = True) -> Units:
    """Clicks of views by user, with the user's own past."""
    rng = np.random.default_rng(seed)
    users = 2_000
    taste = rng.beta(2, 18, users)
    treated = rng.random(users) < 0.5
    views = rng.poisson(8, users) + 1.0
    clicks = rng.binomial(views.astype(int), np.minimum(1, taste + effect * treated)).astype(float)
    before = rng.binomial(40, taste) / 40.0
    return Units(treated, clicks, views, before[:, None] if past else np.zeros((users, 0)))


def test_cuped_leaves_less_variance_and_no_bias() -> None:
    with_past = [difference(ratios(seed, 0.02)) for seed in range(120)]
    without = [difference(ratios(seed, 0.02, past=False)) for seed in range(120)]
    assert np.mean([one.value for one in with_past]) == pytest.approx(0.02, abs=0.0012)
    for found in (with_past, without):
        spread, real = np.mean([one.spread for one in found]), np.std([one.value for one in found])
        assert spread == pytest.approx(real, rel=0.2), "the standard error is what the estimates spread by"
    assert np.mean([one.kept for one in with_past]) == pytest.approx(0.8, abs=0.05)
    assert all(one.kept == 1 for one in without)
    assert np.std([one.value for one in with_past]) < np.std([one.value for one in without])


def test_the_lift_is_the_relative_difference() -> None:
    found = difference(ratios(1, 0.05))
    assert np.expm1(found.relative) == pytest.approx(found.value / found.control, rel=0.1)
    nobody = difference(replace(ratios(1), numerator=np.zeros(2_000)))
    assert np.isnan(nobody.relative)
    assert nobody.value == 0
