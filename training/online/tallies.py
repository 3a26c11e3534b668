"""Counts and sums by user and group (a day, a model, an arm), of which every measure is a ratio of two.

`MEASURES` is the list of measures; each names its numerator and denominator among the tallies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from training.online.attribution import WINDOW_SECONDS, latest
from training.online.log import Ints, Log, Mask, take_acts
from training.online.ratios import Floats

DAY = 24 * 3600


@dataclass(frozen=True)
class Measure:
    """A ratio of two tallies, summed over users. `matures`: seconds after a user's first sight until it is known."""

    numerator: str
    denominator: str
    text: str
    matures: int = 0
    format: str = "share"


MEASURES: Mapping[str, Measure] = MappingProxyType({
    "ctr": Measure("clicked", "impressions", "impressions that were clicked"),
    "conversion": Measure("bought", "reached", "clicked impressions that were bought"),
    "buyers": Measure("buyer", "users", "users who bought"),
    "orders": Measure("orders", "users", "purchases a user", format="number"),
    "order_value": Measure("value", "valued", "mean value of a purchase", format="number"),
    "revenue": Measure("value", "users", "value of purchases a user", format="number"),
    "watch_time": Measure("watched", "users", "summed values of `viewed` a user", format="number"),
    "listen_time": Measure("listened", "users", "summed values of `listened` a user", format="number"),
    "returning_d1": Measure("back_1", "due_1", "users who came back on the next day", 2 * DAY),
    "returning_d7": Measure("back_7", "due_7", "users who came back on the seventh day after", 8 * DAY),
    "impressions": Measure("impressions", "users", "impressions a user", format="number"),
})  # fmt: skip
"""Name -> measure. Values are in the unit that events have (money, seconds)."""


@dataclass(frozen=True)
class Tallies:
    """A row for each user in each group: `values` by name, (rows,) each."""

    group: Ints
    user: Ints
    values: Mapping[str, Floats]

    def sides(self, measure: Measure) -> tuple[Floats, Floats]:
        """Numerator and denominator, (rows,)."""
        return self.values[measure.numerator], self.values[measure.denominator]

    def rows(self, group: int) -> Mask:
        """Those of one group."""
        return np.asarray(self.group == group)


@dataclass(frozen=True)
class Groups:
    """Which group each shown row and each act belongs to, -1: none. `anchor`: by group, the time from which days are
    counted (a day's own start); None: from each user's first sight in the group.
    """

    shown: Ints
    acts: Ints
    anchor: Ints | None = None


def tally(log: Log, groups: Groups, window: int = WINDOW_SECONDS) -> Tallies:
    """All tallies. Clicks and purchases count for the group of their impression; time, value and orders for the act's
    own. A user has a row in a group where they saw or did something of it.
    """
    acts, shown = log.acts, log.shown
    if not len(log.users):
        return Tallies(np.empty(0, np.int64), np.empty(0, np.int64), {name: np.empty(0) for name in _names()})
    size = len(log.users)
    keys = np.concatenate([groups.shown[groups.shown >= 0] * size + shown.user[groups.shown >= 0],
                           groups.acts[groups.acts >= 0] * size + acts.user[groups.acts >= 0]])  # fmt: skip
    rows = np.unique(keys)

    def summed(group: Ints, user: Ints, keep: Mask, weight: Floats | None = None) -> Floats:
        keep = keep & (group >= 0)
        place = np.searchsorted(rows, (group * size + user)[keep])
        return np.bincount(place, None if weight is None else weight[keep], len(rows)).astype(np.float64)

    clicked, bought = (_touched(log, kinds, window) for kinds in (("clicked",), ("purchased",)))
    everything = np.ones(len(shown), np.bool_)
    purchase, valued = acts.of("purchased"), acts.of("purchased") & ~np.isnan(acts.value)
    worth = np.nan_to_num(acts.value)
    values = {
        "impressions": summed(groups.shown, shown.user, everything),
        "clicked": summed(groups.shown, shown.user, clicked),
        "bought": summed(groups.shown, shown.user, bought),
        "reached": summed(groups.shown, shown.user, clicked | bought),
        "orders": summed(groups.acts, acts.user, purchase),
        "valued": summed(groups.acts, acts.user, valued),
        "value": summed(groups.acts, acts.user, valued, worth),
        "watched": summed(groups.acts, acts.user, acts.of("viewed"), worth),
        "listened": summed(groups.acts, acts.user, acts.of("listened"), worth),
        "users": np.ones(len(rows)),
    }
    values["buyer"] = (values["orders"] > 0).astype(np.float64)
    found = Tallies(rows // size, rows % size, values)
    return Tallies(found.group, found.user, values | _returning(log, groups, found))


def _names() -> set[str]:
    return {name for one in MEASURES.values() for name in (one.numerator, one.denominator)}


def _touched(log: Log, kinds: tuple[str, ...], window: int) -> Mask:
    """(len(shown),) which impressions were followed by such an act."""
    found = latest(take_acts(log.acts, log.acts.of(*kinds)), log.shown, window)
    mask = np.zeros(len(log.shown), np.bool_)
    mask[found[found >= 0]] = True
    return mask


def _returning(log: Log, groups: Groups, found: Tallies) -> dict[str, Floats]:
    """Was the user there on day 1 and day 7 after the anchor; `due`: is that day over."""
    when = np.concatenate([log.shown.at, log.acts.at])
    who = np.concatenate([log.shown.user, log.acts.user])
    first = int(when.min())
    span = max(int(when.max()), log.end) - first + 9 * DAY
    visits = np.sort(who * span + (when - first))
    anchor = groups.anchor[found.group] if groups.anchor is not None else _first(log, groups, found)
    values: dict[str, Floats] = {}
    for day in (1, 7):
        begin = anchor + day * DAY
        low, high = (found.user * span + np.clip(edge - first, 0, span - 1) for edge in (begin, begin + DAY))
        back = np.searchsorted(visits, high) > np.searchsorted(visits, low)
        due = begin + DAY <= log.end
        values |= {f"back_{day}": (back & due).astype(np.float64), f"due_{day}": due.astype(np.float64)}
    return values


def _first(log: Log, groups: Groups, found: Tallies) -> Ints:
    """When each user was first seen in the group."""
    size = len(log.users)
    rows = found.group * size + found.user
    first = np.full(len(rows), np.iinfo(np.int64).max // 2)
    for group, user, at in ((groups.shown, log.shown.user, log.shown.at), (groups.acts, log.acts.user, log.acts.at)):
        keep = group >= 0
        np.minimum.at(first, np.searchsorted(rows, (group * size + user)[keep]), at[keep])
    return first


def single_group(log: Log, shown_group: NDArray[np.int64]) -> Ints:
    """(len(acts),) the group of each act where it is the group of all that was shown to its user, else -1: what a user
    of two models did cannot be said to be one's.
    """
    low, high = np.full(len(log.users), np.iinfo(np.int64).max), np.full(len(log.users), -1)
    keep = shown_group >= 0
    np.minimum.at(low, log.shown.user[keep], shown_group[keep])
    np.maximum.at(high, log.shown.user[keep], shown_group[keep])
    return np.asarray(np.where(low == high, high, -1)[log.acts.user], np.int64)
