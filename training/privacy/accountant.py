"""How much noise a promise of privacy takes: the analytic Gaussian mechanism, and opacus' accountant where users are
sampled.

One answer of L2 sensitivity s with N(0, sigma^2) noise is mu-GDP with mu = s / sigma (Dong, Roth and Su 2022, «Gaussian
Differential Privacy»), and (epsilon, delta)-private for every pair on the curve (Balle and Wang 2018, «Improving the
Gaussian Mechanism for Differential Privacy», ICML)

    delta(epsilon) = Phi(mu / 2 - epsilon / mu) - e^epsilon Phi(-mu / 2 - epsilon / mu).

Several answers about the same people compose exactly: mu^2 = sum of mu_t^2. Where each step sees a random sample of the
users, the promise is stronger than that says; how much, opacus' RDP accountant bounds (Mironov, Talwar and Zhang 2019,
«Rényi Differential Privacy of the Sampled Gaussian Mechanism»).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from graph.errors import InvalidData

LARGEST_MU = 1e4
SMALLEST_MU = 1e-6
LEAST_NOISE, MOST_NOISE = 0.05, 1e6
"""Multipliers between which the noise of a step is looked for."""
SURE = 1e-4
"""How closely the logarithm of the multiplier is found; so much is added, so that the promise holds."""


@dataclass(frozen=True)
class Budget:
    """What may be learned of one user: `epsilon` (above 0; infinite: no noise) but for a chance of `delta`.

    Raises `InvalidData` for numbers that promise nothing.
    """

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not self.epsilon > 0:
            raise InvalidData(f"a model cannot have epsilon {self.epsilon:g}", valid="above 0; inf: without noise",
                              remedy="1 is a strong promise, 8 a weak one")  # fmt: skip
        if not 0 < self.delta < 1:
            raise InvalidData(f"a model cannot have delta {self.delta:g}", valid="between 0 and 1",
                              remedy="well below one over the number of users: 1e-5 up to 10,000 of them")  # fmt: skip

    @property
    def mu(self) -> float:
        """Largest mu whose curve passes below this point: sensitivity over noise of one answer for all of it."""
        if math.isinf(self.epsilon):
            return math.inf
        if delta_of(LARGEST_MU, self.epsilon) <= self.delta:
            return LARGEST_MU
        return float(brentq(lambda mu: delta_of(mu, self.epsilon) - self.delta, SMALLEST_MU, LARGEST_MU))

    def part(self, share: float) -> float:
        """mu of one of several answers, which takes `share` (0 to 1) of the budget."""
        return self.mu * math.sqrt(share)


def delta_of(mu: float, epsilon: float) -> float:
    """delta(epsilon) of a mu-GDP mechanism: the equation above."""
    return float(ndtr(mu / 2 - epsilon / mu) - math.exp(min(700.0, epsilon + log_ndtr(-mu / 2 - epsilon / mu))))


def epsilon_of(mu: float, delta: float) -> float:
    """The other way round: the smallest epsilon for `delta`; infinite without noise."""
    if math.isinf(mu):
        return math.inf
    if delta_of(mu, 0.0) <= delta:
        return 0.0
    high = 1.0
    while delta_of(mu, high) > delta:
        high *= 2
    return float(brentq(lambda epsilon: delta_of(mu, epsilon) - delta, 0.0, high))


def step_noise(budget: Budget, *, spent: float, steps: int, sample_rate: float) -> float:
    """Noise over sensitivity of each of `steps` steps; `spent`: mu of what the same people have answered before.

    Each step sees a user with a chance of `sample_rate`. With all of them (1) this is exact, else an upper bound.
    """
    if math.isinf(budget.epsilon):
        return 0.0
    if sample_rate == 1:
        return math.sqrt(steps / (budget.mu**2 - spent**2))

    def over(log_noise: float) -> float:
        noise = math.exp(log_noise)
        return sampled_epsilon(noise, steps, sample_rate, spent=spent, delta=budget.delta) - budget.epsilon

    low, high = math.log(LEAST_NOISE), math.log(MOST_NOISE)
    if over(high) > 0:
        raise InvalidData(
            f"epsilon {budget.epsilon:g} leaves nothing for {steps} steps after what was asked before",
            valid="a larger epsilon, or a smaller share for the counts",
            remedy="lower count_share",
        )
    return math.exp(low if over(low) <= 0 else brentq(over, low, high, xtol=SURE) + SURE)


def sampled_epsilon(noise: float, steps: int, sample_rate: float, *, spent: float, delta: float) -> float:
    """epsilon of `steps` sampled steps and of what was `spent` (mu) before, by opacus' RDP accountant."""
    from opacus.accountants import RDPAccountant  # brings torch

    accountant = RDPAccountant()
    accountant.history = [(noise, sample_rate, steps)]
    if spent > 0:
        accountant.history.append((1 / spent, 1.0, 1))
    with warnings.catch_warnings():  # at the ends of a search the best order is the first or last: a bound all the same
        warnings.filterwarnings("ignore", message="Optimal order is the", category=UserWarning)
        return float(accountant.get_epsilon(delta, alphas=ORDERS))


ORDERS = [*(1 + x / 10 for x in range(1, 100)), *range(11, 64), *(2.0**x for x in range(6, 12))]
"""Of Rényi divergence; the best of them counts. opacus' own end at 63, too soon for a small epsilon."""
