"""The difference of a ratio measure between two arms, with less variance where users have a past (CUPED).

Each user's influence psi on their arm's ratio (`ratios.influence`) stands for an outcome. CUPED (Deng, Xu, Kohavi &
Walker 2013) takes from it what the user's own past predicts, theta' (X_u - mean X), with theta from a regression within
arms: the difference of the arms' mean X is taken from the difference of ratios, and the variance is that of what is
left. Randomisation makes the expected difference of X zero, so nothing is biased.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.online.ratios import Floats, influence

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Units:
    """Users of two arms in the order in which their outcomes were complete; (users,) each, `past` (users, c).

    `treated`: of the arm that is compared with the control.
    """

    treated: Mask
    numerator: Floats
    denominator: Floats
    past: Floats

    def __len__(self) -> int:
        return len(self.treated)

    def first(self, count: int) -> Units:
        """The first users alone."""
        return Units(self.treated[:count], self.numerator[:count], self.denominator[:count], self.past[:count])


@dataclass(frozen=True)
class Difference:
    """`value`: treated less control, `spread` its standard error. `relative`, `relative_spread`: the logarithm of their
    ratio and its standard error, NaN where one is not above 0. `kept`: variance left by CUPED, 1 without a past.
    """

    treated: float
    control: float
    value: float
    spread: float
    relative: float
    relative_spread: float
    kept: float


def difference(units: Units) -> Difference:
    """Of all the units; NaN where an arm has no denominator."""
    values, parts = [], []
    for arm in (~units.treated, units.treated):
        above, below = units.numerator[arm], units.denominator[arm]
        total = below.sum()
        values.append(float(above.sum() / total) if total else float("nan"))
        parts.append(influence(above, below))
    control, treated = values
    plain = _variance(parts[0]) + _variance(parts[1])
    shift, parts = _cuped(units, parts)
    left = _variance(parts[0]) + _variance(parts[1])
    relative, spread = _relative(control, treated, shift, parts)
    return Difference(
        treated=treated, control=control, value=treated - control - shift[1] + shift[0], spread=float(np.sqrt(left)),
        relative=relative, relative_spread=spread, kept=left / plain if plain > 0 else 1.0,
    )  # fmt: skip


def _relative(control: float, treated: float, shift: Floats, parts: list[Floats]) -> tuple[float, float]:
    low, high = control - shift[0], treated - shift[1]
    if not (low > 0 and high > 0):
        return float("nan"), float("nan")
    return float(np.log(high / low)), float(np.sqrt(_variance(parts[0] / low) + _variance(parts[1] / high)))


def _cuped(units: Units, parts: list[Floats]) -> tuple[Floats, list[Floats]]:
    """What to take from each arm's ratio, and the influences without what the past predicts."""
    x = units.past[:, units.past.std(0) > 1e-12] if units.past.size else units.past[:, :0]
    if not x.shape[1] or len(units) < 10 * (1 + x.shape[1]):
        return np.zeros(2), parts
    arms = (~units.treated, units.treated)
    inside = [x[arm] - x[arm].mean(0) for arm in arms]
    theta = np.linalg.lstsq(np.concatenate(inside), np.concatenate(parts), rcond=None)[0]
    shift = np.array([float((x[arm].mean(0) - x.mean(0)) @ theta) for arm in arms])
    return shift, [part - one @ theta for part, one in zip(parts, inside, strict=True)]


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else float("nan")
