"""Who takes part in an experiment: each user's arm, when they entered, and what they did from then and before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.online.business import arms_of
from training.online.difference import Units
from training.online.log import Ints, Log, Mask
from training.online.plan import Plan
from training.online.ratios import Floats, influence
from training.online.tallies import MEASURES, Groups, Tallies, tally


@dataclass(frozen=True)
class Entrants:
    """By user code: `arm` (place in the plan's arms, -1: not in it) and `entry`, the time of the first exposure.

    `crossed`: how many users were shown more than one arm, and are left out.
    """

    arm: Ints
    entry: Ints
    crossed: int

    def counts(self, arms: int) -> Floats:
        """Users of each arm."""
        return np.bincount(self.arm[self.arm >= 0], minlength=arms).astype(np.float64)


def entrants(log: Log, plan: Plan) -> Entrants:
    """From the exposures."""
    names, codes = arms_of(log, plan.name)
    order = {name: place for place, name in enumerate(plan.arms)}
    arm = np.array([*(order.get(name, -1) for name in names), -1], np.int64)[codes]
    keep = arm >= 0
    user, size = log.shown.user[keep], len(log.users)
    low, high = np.full(size, len(plan.arms)), np.full(size, -1)
    entry = np.full(size, np.iinfo(np.int64).max // 2)
    np.minimum.at(low, user, arm[keep])
    np.maximum.at(high, user, arm[keep])
    np.minimum.at(entry, user, log.shown.at[keep])
    crossed = (high >= 0) & (low != high)
    return Entrants(np.where(crossed, -1, high), entry, int(crossed.sum()))


@dataclass(frozen=True)
class Outcomes:
    """Tallies of each entrant's horizon (`after`) and of as long before they entered (`before`), a row a user each."""

    users: Entrants
    after: Tallies
    before: Tallies
    end: int


def outcomes(log: Log, plan: Plan) -> Outcomes:
    """Reads the log once for all measures."""
    found = entrants(log, plan)

    def within(user: Ints, at: Ints, first: int, last: int) -> Mask:
        since = at - found.entry[user]
        return (found.arm[user] >= 0) & (since >= first) & (since < last)

    def tallied(first: int, last: int) -> Tallies:
        shown, acts = (np.where(within(part.user, part.at, first, last), 0, -1) for part in (log.shown, log.acts))
        return tally(log, Groups(shown, acts), plan.window)

    return Outcomes(found, tallied(0, plan.horizon), tallied(-plan.horizon, 0), log.end)


def units(found: Outcomes, plan: Plan, measure: str, arm: str) -> tuple[Units, Ints]:
    """Users of `arm` and of the control whose outcome is complete, in the order in which it became so, and when."""
    what = MEASURES[measure]
    after = found.after
    place = list(plan.arms).index(arm)
    ready = found.users.entry[after.user] + max(plan.horizon, what.matures)
    mine = found.users.arm[after.user]
    rows = np.flatnonzero(((mine == place) | (mine == 0)) & (ready <= found.end))
    rows = rows[np.argsort(ready[rows], kind="stable")]
    numerator, denominator = (side[rows] for side in after.sides(what))
    return Units(mine[rows] == place, numerator, denominator, _past(found, measure, after.user[rows])), ready[rows]


def _past(found: Outcomes, measure: str, users: Ints) -> Floats:
    """(users, 2): how the user moved the same measure before they entered, and the logarithm of how much they did."""
    before = found.before
    above, below = before.sides(MEASURES[measure])
    size = int(max(users.max(initial=0), before.user.max(initial=0))) + 1
    columns = np.zeros((size, 2))
    columns[before.user, 0] = influence(above, below)
    columns[before.user, 1] = np.log1p(before.values["impressions"] + before.values["orders"] + before.values["users"])
    return columns[users]
