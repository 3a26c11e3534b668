"""Bootstrap intervals of group means and of the gap between groups, at a cost that does not grow with the users.

Beside `training.significance`, which compares models. Users are the unit: they are drawn with replacement, whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 1000
BUCKETS = 4096
"""Beyond so many users, random buckets of users are drawn in place of single ones."""


@dataclass(frozen=True)
class Group:
    """`value` is the ratio of two sums over users; `low`, `high` its 95% interval; `users` who take part."""

    name: str
    users: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Gap:
    """How much better the best group is than the worst; the interval is of the difference between those two."""

    best: str
    worst: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Groups:
    """Quality by group, in the order of the groups. `gap` is None with fewer than two groups.

    `p_value`, of groups of users: how likely differences like these are when all are served alike (Kruskal and Wallis
    1952), Holm-corrected over the ways of grouping. The gap alone does not say: the best and the worst of many groups
    are always apart.
    """

    measure: str
    groups: tuple[Group, ...]
    gap: Gap | None
    p_value: float | None = None


def ratios(
    measure: str,
    names: tuple[str, ...],
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    *,
    seed: int = 42,
) -> Groups:
    """Both (users, groups): each group's value is its summed numerator by its summed denominator. Empty groups go."""
    kept = np.flatnonzero(denominators.sum(0) > 0)
    if not len(kept):
        return Groups(measure, (), None)
    above, below = numerators[:, kept], denominators[:, kept]
    values = above.sum(0) / below.sum(0)
    drawn = _drawn(above, below, np.random.default_rng(seed))
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    users = (below > 0).sum(0)
    groups = tuple(
        Group(names[place], int(users[row]), float(values[row]), float(low[row]), float(high[row]))
        for row, place in enumerate(kept)
    )
    return Groups(measure, groups, _gap(groups, drawn))


def _gap(groups: tuple[Group, ...], drawn: NDArray[np.float64]) -> Gap | None:
    if len(groups) < 2:
        return None
    values = [group.value for group in groups]
    best, worst = int(np.argmax(values)), int(np.argmin(values))
    low, high = np.quantile(drawn[:, best] - drawn[:, worst], (0.025, 0.975))
    return Gap(groups[best].name, groups[worst].name, values[best] - values[worst], float(low), float(high))


def _drawn(above: NDArray[np.float64], below: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(ROUNDS, groups) ratios of resampled users; a round that drew nobody of a group has the group's own value."""
    users = len(above)
    if users > BUCKETS:
        bucket = rng.permutation(users) % BUCKETS
        above, below = _summed(above, bucket), _summed(below, bucket)
        users = BUCKETS
    times = rng.multinomial(users, np.full(users, 1 / users), size=ROUNDS).astype(np.float64)
    divisor = times @ below
    own = above.sum(0) / below.sum(0)
    return np.where(divisor > 0, times @ above / np.maximum(divisor, 1e-12), own)


def _summed(part: NDArray[np.float64], bucket: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.stack([np.bincount(bucket, column, BUCKETS) for column in part.T], axis=1).astype(np.float64)


def mean_with_interval(values: NDArray[np.float64], *, seed: int = 42) -> tuple[float, float, float]:
    """Mean over users and its 95% interval, users without a value (NaN) left out; NaN where nobody has one."""
    there = values[~np.isnan(values)]
    if not len(there):
        return float("nan"), float("nan"), float("nan")
    found = ratios("", ("all",), there[:, None], np.ones((len(there), 1)), seed=seed).groups[0]
    return found.value, found.low, found.high
