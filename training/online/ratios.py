"""Ratio measures clustered by user: value and interval by the delta method, checked by the bootstrap.

A ratio of sums over users, R = sum N / sum D (clicks by impressions: a user brings many of both), is not a mean of
independent rows. With psi_u = (N_u - R D_u) / mean(D), R has the variance var(psi) / users (Deng, Knoblich & Lu 2018,
«Applying the delta method in metric analytics»).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.resample import ratios

Floats = NDArray[np.float64]
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Ratio:
    """`value` with its 95% interval; NaN where the denominator is 0. `users` who have a part in the denominator."""

    value: float
    low: float
    high: float
    numerator: float
    denominator: float
    users: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def ratio(numerator: Floats, denominator: Floats) -> Ratio:
    """Of (users,) sums by user, by the delta method."""
    above, below = float(numerator.sum()), float(denominator.sum())
    users = int((denominator != 0).sum())
    if not below:
        nan = float("nan")
        return Ratio(nan, nan, nan, above, below, users)
    value = above / below
    spread = float(np.sqrt(variance(influence(numerator, denominator)))) if len(numerator) > 1 else float("nan")
    return Ratio(value, value - Z95 * spread, value + Z95 * spread, above, below, users)


def influence(numerator: Floats, denominator: Floats) -> Floats:
    """(users,) psi: how far each user moves the ratio; its mean is 0. Zeros where the denominators are."""
    below = denominator.mean() if len(denominator) else 0.0
    if not below:
        return np.zeros(len(numerator))
    return np.asarray((numerator - numerator.mean() / below * denominator) / below)


def variance(values: Floats) -> float:
    """Of their mean."""
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else float("nan")


def bootstrap(numerator: Floats, denominator: Floats, *, seed: int = 42) -> tuple[float, float]:
    """95% interval of the ratio, users drawn with replacement: beside the delta method's, as a check of it."""
    found = ratios("", ("all",), numerator[:, None], denominator[:, None], seed=seed).groups
    return (found[0].low, found[0].high) if found else (float("nan"), float("nan"))
