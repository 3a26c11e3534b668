"""Tests that may be looked at as often as one likes, and stopped at any look.

A fixed-horizon test that is looked at daily and stopped when p < 0.05 finds something in far more than 5% of the
experiments where there is nothing. Here the bound holds at all times together: asymptotic confidence sequences
(Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, «Time-uniform central limit theory and asymptotic confidence
sequences», eq. 5), which are the inversion of the mixture sequential probability ratio test with a normal mixture
(Robbins 1970; Johari, Pekelis & Walsh 2015, «Always valid inference»):

    estimate_t +- sigma_t sqrt(2 (t rho^2 + 1) / (t^2 rho^2) * log(sqrt(t rho^2 + 1) / alpha))

`rho` says after how many users the sequence is tightest. It must not be chosen by the data.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]
EXPECTED = 10_000
"""Users at which a sequence is tightest when nobody says how many will come."""
LEAST = 100
"""Users of each arm before which nothing is said: the bounds hold in the limit of many."""
SPLIT_LEVEL = 0.01
"""Below this always-valid p-value arms are not of the sizes that their weights ask for."""


def rho_for(expected: float, alpha: float) -> float:
    """The `rho` that makes the sequence tightest at `expected` users (the paper's eq. 9)."""
    return math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / expected)


def half_width(t: Floats, spread: Floats, alpha: float, rho: float) -> Floats:
    """Of the confidence sequence after t users. `spread`: standard error of the estimate then."""
    growth = t * rho**2 + 1
    return np.asarray(spread * np.sqrt(2 * growth / (t * rho**2) * np.log(np.sqrt(growth) / alpha)))


def p_value(t: Floats, z: Floats, rho: float) -> Floats:
    """Always-valid p-values of the looks so far: the smallest 1 / likelihood ratio of any look. `z`: estimate by its
    standard error after t users. Falls below alpha when the sequence first leaves out 0.
    """
    growth = t * rho**2 + 1
    log_ratio = z**2 * t * rho**2 / (2 * growth) - np.log(growth) / 2
    return np.minimum.accumulate(np.minimum(1.0, np.exp(-log_ratio)))


def split_p_value(counts: Floats, weights: Floats, concentration: float = 1000.0) -> float:
    """Are arms of these user counts what weights of these sizes give: an always-valid p-value.

    Dirichlet-multinomial mixture against the multinomial of the weights (Lindon & Malek 2022, «Anytime-valid inference
    for multinomial count data»); `concentration`: of the Dirichlet around the weights.
    """
    share = weights / weights.sum()
    prior = concentration * share
    log_ratio = (
        gammaln(prior.sum()) - gammaln(prior.sum() + counts.sum())
        + (gammaln(prior + counts) - gammaln(prior)).sum()
        - (counts * np.log(share)).sum()
    )  # fmt: skip
    return float(min(1.0, math.exp(-min(700.0, log_ratio))))


def split_chi_square(counts: Floats, weights: Floats) -> float:
    """The same question for one look alone: Pearson's chi-square p-value."""
    from scipy.stats import chisquare

    return float(chisquare(counts, counts.sum() * weights / weights.sum()).pvalue) if counts.sum() else 1.0
