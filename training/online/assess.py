"""An experiment so far: are its arms of the right sizes, which measures moved, do the guards hold, what to do.

Each look is one more point of an always-valid sequence (`sequential`), so that a report may be made at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from training.online.difference import Difference, Units, difference
from training.online.log import Ints, Log
from training.online.plan import Plan
from training.online.sequential import (
    LEAST,
    SPLIT_LEVEL,
    half_width,
    p_value,
    rho_for,
    split_chi_square,
    split_p_value,
)
from training.online.tallies import MEASURES
from training.online.users import Outcomes, outcomes, units

LOOKS = 40
BETTER, WORSE, SAME, OPEN = "better", "worse", "no difference that matters", "open"
HOLDS, BROKEN = "holds", "broken"


@dataclass(frozen=True)
class Look:
    """What was known after `users` had been counted, at Unix time `at`: the interval holds at all looks together."""

    users: int
    at: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Compared:
    """An arm against the control by one measure. `low`, `high`: of the difference; `relative…`: of the lift, NaN where
    a ratio is 0. `p_value`: always-valid. `kept`: variance that CUPED left. `state`: better, worse, no difference that
    matters or open; for a guard holds, broken or open. `allowed`: the guard's relative loss, None for a measure.
    """

    arm: str
    measure: str
    users: int
    control: float
    treated: float
    value: float
    low: float
    high: float
    relative: float
    relative_low: float
    relative_high: float
    p_value: float
    kept: float
    state: str
    allowed: float | None
    path: tuple[Look, ...]


@dataclass(frozen=True)
class Split:
    """Users by arm, beside what the weights ask for. `p_value`: always-valid; `chi_square`: of this look alone."""

    users: tuple[int, ...]
    expected: tuple[float, ...]
    p_value: float
    chi_square: float
    crossed: int

    @property
    def good(self) -> bool:
        """May the arms be compared."""
        return self.p_value >= SPLIT_LEVEL


@dataclass(frozen=True)
class Assessment:
    """All of it. `verdicts`: by arm, what to do and why."""

    plan: Plan
    split: Split
    measures: tuple[Compared, ...]
    guards: tuple[Compared, ...]
    verdicts: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"split": asdict(self.split) | {"good": self.split.good}}


def assess(log: Log, plan: Plan) -> Assessment:
    """The experiment as far as the log goes. Its own level is divided among the arms that are compared."""
    found = outcomes(log, plan)
    split = split_of(found.users.counts(len(plan.arms)), found.users.crossed, plan)
    others = list(plan.arms)[1:]
    measures = tuple(compared(found, plan, name, arm) for arm in others for name in plan.measures)
    guards = tuple(compared(found, plan, name, arm, allowed) for arm in others for name, allowed in plan.guards.items())
    verdicts = {arm: _verdict(arm, plan, split, measures, guards, log.end) for arm in others}
    return Assessment(plan, split, measures, guards, verdicts)


def split_of(counts: np.ndarray[Any, np.dtype[np.float64]], crossed: int, plan: Plan) -> Split:
    """The arms' sizes, tested."""
    weights = np.array(list(plan.arms.values()), np.float64)
    expected = counts.sum() * weights / weights.sum()
    return Split(tuple(counts.astype(int).tolist()), tuple(expected.tolist()), split_p_value(counts, weights),
                 split_chi_square(counts, weights), crossed)  # fmt: skip


def compared(found: Outcomes, plan: Plan, measure: str, arm: str, allowed: float | None = None) -> Compared:
    """One arm, one measure; `allowed` makes it a guard."""
    rows, ready = units(found, plan, measure, arm)
    alpha = plan.alpha / (len(plan.arms) - 1)
    rho = rho_for(plan.expected, alpha)
    seen = [(count, _floored(difference(rows.first(count)), count)) for count in looks(rows)]
    seen = [(count, one) for count, one in seen if one.spread > 0]
    if not seen:
        nan = float("nan")
        return Compared(arm, measure, len(rows), nan, nan, nan, nan, nan, nan, nan, nan, 1.0, 1.0, OPEN, allowed, ())
    path = _path(seen, ready, alpha, rho)
    count, last = seen[-1]
    t = np.array([float(count)])
    wide = float(half_width(t, np.array([last.relative_spread]), alpha, rho)[0])
    z = np.array([one.value / one.spread for _, one in seen])
    state = _state(path[-1], last.control, plan) if allowed is None else _guard(path[-1], last.control, allowed)
    return Compared(
        arm, measure, len(rows), last.control, last.treated, last.value, path[-1].low, path[-1].high,
        float(np.expm1(last.relative)), float(np.expm1(last.relative - wide)), float(np.expm1(last.relative + wide)),
        float(p_value(np.array([float(count) for count, _ in seen]), z, rho)[-1]), last.kept, state, allowed, path,
    )  # fmt: skip


def _floored(one: Difference, users: int) -> Difference:
    """What has been the same for everybody so far (three items in every answer) is not certain: as if one user more
    had been without it.
    """
    spread = max(one.spread, abs(one.control) / users)
    return replace(one, spread=spread, relative_spread=max(one.relative_spread, 1 / users))


def looks(rows: Units) -> Sequence[int]:
    """At how many users a look is taken: from where both arms have enough, in growing steps, to all."""
    treated = np.cumsum(rows.treated)
    enough = np.flatnonzero(np.minimum(treated, np.arange(1, len(rows) + 1) - treated) >= LEAST)
    if not len(enough):
        return []
    return [int(count) for count in np.unique(np.geomspace(enough[0] + 1, len(rows), LOOKS).astype(int))]


def _path(seen: list[tuple[int, Difference]], ready: Ints, alpha: float, rho: float) -> tuple[Look, ...]:
    spread = np.array([one.spread for _, one in seen])
    wide = half_width(np.array([float(count) for count, _ in seen]), spread, alpha, rho)
    return tuple(
        Look(count, int(ready[count - 1]), one.value, one.value - float(half), one.value + float(half))
        for (count, one), half in zip(seen, wide, strict=True)
    )


def _state(look: Look, control: float, plan: Plan) -> str:
    matters = plan.minimum_effect * abs(control)
    if look.low > 0:
        return BETTER
    if look.high < 0:
        return WORSE
    return SAME if look.low > -matters and look.high < matters else OPEN


def _guard(look: Look, control: float, allowed: float) -> str:
    least = -allowed * abs(control)
    if look.high < least:
        return BROKEN
    return HOLDS if look.low >= least else OPEN


def _verdict(
    arm: str, plan: Plan, split: Split, measures: tuple[Compared, ...], guards: tuple[Compared, ...], now: int
) -> str:
    if not split.good:
        return "do not trust it: the arms are not of the sizes that their weights ask for"
    broken = [one.measure for one in guards if one.arm == arm and one.state == BROKEN]
    if broken:
        return f"stop: it costs more than allowed of {', '.join(broken)}"
    first = next(one for one in measures if one.arm == arm)
    what = MEASURES[first.measure].text
    if first.state == OPEN:
        over = plan.end is not None and now >= plan.end
        return f"undecided in {first.measure} ({what}): {'its time is over' if over else 'go on'}"
    waiting = [one.measure for one in guards if one.arm == arm and one.state == OPEN]
    if first.state == BETTER and waiting:
        return f"better in {first.measure}, but whether {', '.join(waiting)} holds is open: go on"
    return f"{first.state} in {first.measure} ({what}): it may be ended"
