"""How many users an experiment needs: the fixed-horizon size, and that of a test that may be looked at any time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from graph.errors import InvalidData
from training.online.sequential import half_width, rho_for


@dataclass(frozen=True)
class Size:
    """Users of each arm. `fixed`: looked at once, at the end; `sequential`: looked at whenever, always-valid.

    `effect`: the absolute difference that is found with the power asked for.
    """

    effect: float
    fixed: int
    sequential: int
    arms: int

    @property
    def total(self) -> int:
        """Users of all arms of the sequential test."""
        return self.sequential * self.arms


@dataclass(frozen=True)
class Question:
    """What the experiment shall find. `baseline`: a rate, or a mean when `deviation` (by user) is given; `lift`:
    relative. `past`: correlation of the outcome with the users' past, which CUPED takes out. `arms`: with the control.
    """

    baseline: float
    lift: float
    power: float = 0.8
    alpha: float = 0.05
    deviation: float | None = None
    past: float = 0.0
    arms: int = 2


def size(question: Question) -> Size:
    """Users that each arm needs, arms of equal weight. Raises `InvalidData` for what cannot be.

    Fixed: (z_alpha s_0 + z_power s_1)^2 / effect^2, s_0^2 = 2 p (1 - p) of the pooled rate, s_1^2 the sum of the arms'
    variances. Sequential: the users at which the estimate lies outside the sequence's half-width with this power at
    that very look; looks before make it a little more. With several arms alpha is divided among the comparisons.
    """
    check(question)
    effect = question.baseline * question.lift
    null, other = _variances(question, effect)
    shrink = 1 - question.past**2
    alpha = question.alpha / (question.arms - 1)
    tail, power = float(norm.ppf(1 - alpha / 2)), float(norm.ppf(question.power))
    fixed = shrink * (tail * np.sqrt(null) + power * np.sqrt(other)) ** 2 / effect**2
    return Size(effect, int(np.ceil(fixed)), _sequential(effect, other * shrink, alpha, power), question.arms)


def _variances(question: Question, effect: float) -> tuple[float, float]:
    if question.deviation is not None:
        return 2 * question.deviation**2, 2 * question.deviation**2
    low, high = question.baseline, question.baseline + effect
    middle = (low + high) / 2
    return 2 * middle * (1 - middle), low * (1 - low) + high * (1 - high)


def _sequential(effect: float, variance: float, alpha: float, power: float) -> int:
    """The smallest n an arm at which half-width + z_power standard errors reach the effect, `rho` tuned to it."""
    low, high = 1.0, 1.0

    def missing(n: float) -> float:
        spread = np.array([np.sqrt(variance / n)])
        users = np.array([2 * n])
        return float(half_width(users, spread, alpha, rho_for(2 * n, alpha))[0] + power * spread[0] - abs(effect))

    while missing(high) > 0:
        low, high = high, high * 2
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (middle, high) if missing(middle) > 0 else (low, middle)
    return int(np.ceil(high))


def check(question: Question) -> None:
    """Raises `InvalidData` that names what cannot be."""
    rate = question.deviation is None
    after = question.baseline * (1 + question.lift)
    rules = {
        f"a baseline of {question.baseline:g}": (0 < question.baseline < 1 if rate else question.baseline != 0,
                                                 "a rate between 0 and 1, or a mean with its deviation"),
        f"a lift of {question.lift:g}": (question.lift != 0 and (not rate or 0 < after < 1),
                                         "relative, not 0, with a rate below 1 after it: 0.1 for a tenth more"),
        f"a power of {question.power:g}": (0 < question.power < 1, "between 0 and 1: 0.8"),
        f"an alpha of {question.alpha:g}": (0 < question.alpha < 1, "between 0 and 1: 0.05"),
        f"a correlation with the past of {question.past:g}": (-1 < question.past < 1, "between -1 and 1"),
        f"{question.arms} arms": (question.arms >= 2, "2 or more"),
        f"a deviation of {question.deviation}": (rate or (question.deviation or 0) > 0, "above 0"),
    }  # fmt: skip
    for what, (good, valid) in rules.items():
        if not good:
            raise InvalidData(what, valid=valid, remedy="correct it")
