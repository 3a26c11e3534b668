"""Budgets: the analytic Gaussian mechanism against its definition and against opacus' accountants."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy.stats import norm

from graph.errors import InvalidData
from training.privacy.accountant import Budget, delta_of, epsilon_of, sampled_epsilon, step_noise


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 4.0, 16.0, 200.0])
def test_the_largest_mu_spends_the_budget_and_no_more(epsilon):
    mu = Budget(epsilon, 1e-5).mu
    assert delta_of(mu, epsilon) == pytest.approx(1e-5, rel=1e-6)
    assert epsilon_of(mu, 1e-5) == pytest.approx(epsilon, rel=1e-6)


def test_delta_is_what_the_likelihood_ratio_of_two_normals_says():
    """delta(eps) = E_P[max(0, 1 - e^eps q/p)], P = N(mu, 1), Q = N(0, 1), by integration."""
    mu, epsilon = 0.9, 2.0
    x = np.linspace(-12, 14, 400_001)
    excess = np.maximum(0, norm.pdf(x, mu) - math.exp(epsilon) * norm.pdf(x))
    assert delta_of(mu, epsilon) == pytest.approx(float(np.trapezoid(excess, x)), rel=1e-6)


def test_one_answer_agrees_with_opacus():
    mu = Budget(2.0, 1e-5).mu
    with warnings.catch_warnings():  # opacus tells of rounding in its own sums
        warnings.simplefilter("ignore")
        from opacus.accountants import PRVAccountant

        accountant = PRVAccountant()
        accountant.history = [(1 / mu, 1.0, 1)]
        assert accountant.get_epsilon(1e-5, eps_error=0.001) == pytest.approx(2.0, abs=0.01)


def test_all_users_in_each_step_compose_exactly():
    budget = Budget(3.0, 1e-5)
    spent = budget.part(0.2)
    noise = step_noise(budget, spent=spent, steps=50, sample_rate=1.0)
    assert epsilon_of(math.sqrt(spent**2 + 50 / noise**2), 1e-5) == pytest.approx(3.0, rel=1e-6)


@pytest.mark.parametrize("sample_rate", [0.01, 0.2])
def test_sampled_steps_stay_within_the_budget_and_need_less_noise_than_whole_ones(sample_rate):
    budget, steps = Budget(3.0, 1e-5), 300
    spent = budget.part(0.1)
    noise = step_noise(budget, spent=spent, steps=steps, sample_rate=sample_rate)
    found = sampled_epsilon(noise, steps, sample_rate, spent=spent, delta=1e-5)
    assert 2.95 < found <= 3.0
    assert noise < step_noise(budget, spent=spent, steps=steps, sample_rate=1.0)


def test_without_a_budget_there_is_no_noise():
    assert Budget(math.inf, 1e-5).mu == math.inf
    assert step_noise(Budget(math.inf, 1e-5), spent=0.0, steps=9, sample_rate=0.5) == 0
    assert epsilon_of(math.inf, 1e-5) == math.inf


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 1e-5), (-1.0, 1e-5), (math.nan, 1e-5), (1.0, 0.0), (1.0, 1.0)])
def test_a_budget_that_promises_nothing_is_refused(epsilon, delta):
    with pytest.raises(InvalidData, match="cannot have"):
        Budget(epsilon, delta)
