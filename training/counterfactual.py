"""What a policy would have earned, from the log of another: IPS, SNIPS and doubly robust estimates.

A log row is (context, action a, propensity p = probability that the logging policy took a, reward r). A policy takes
a in that context with probability q; its weight is w = q / p.

- `ips`: mean of w r (Horvitz & Thompson 1952). Unbiased where every action the new policy takes could be logged.
- `snips`: sum of w r over sum of w (Swaminathan & Joachims 2015, eq. 7). Little bias, less variance.
- `dr`: mean of m + w (r - m_a), with m_a the reward a model expects of the logged action, and m the mean it expects of
  the new policy (Dudik, Langford & Li 2011, eq. 1). Unbiased if either the propensities or the model are right.

A policy that takes actions which the log's could not is beyond all three: the mean weight is then the share of its own
actions that the log covers. `refuse_without_overlap` says so before anybody reads a number.

`clip` caps weights (Bottou et al. 2013): less variance, a bias downward for rewards >= 0. Effective sample size is
(sum w)^2 / sum w^2 (Kong 1992): how many rows of its own the estimate is worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData

FloatArray = NDArray[np.float64]
ROUNDS = 1000
LEVEL = 0.95
LEAST_ROWS = 100.0
"""Effective rows below which an estimate is luck."""
LEAST_COVERED = 0.9
"""Mean weight below which the log has not seen enough of what the policy does."""


@dataclass(frozen=True)
class Log:
    """Columns of equal length. `group` (a user, a day) is what is resampled together; None: each row by itself.

    `policy`: the new policy's probability of the logged action.
    """

    reward: FloatArray
    propensity: FloatArray
    policy: FloatArray
    group: NDArray[np.integer] | None = None

    def __len__(self) -> int:
        return len(self.reward)


@dataclass(frozen=True)
class Expected:
    """A model's expected reward: of the `logged` action, and the mean over the new `policy`'s actions, by row."""

    logged: FloatArray
    policy: FloatArray


@dataclass(frozen=True)
class Estimate:
    """Mean reward of the new policy with its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Counterfactual:
    """`estimates` by name beside `logged`, the mean reward that the logging policy had.

    `weight`: the mean weight before clipping, near 1 where propensities are right and the log covers the policy.
    `clipped`: share of rows whose weight was capped.
    """

    estimates: Mapping[str, Estimate]
    logged: float
    rows: int
    effective_rows: float
    weight: float
    largest_weight: float
    clipped: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(
    log: Log, *, expected: Expected | None = None, clip: float | None = None, seed: int = 42, rounds: int = ROUNDS
) -> Counterfactual:
    """IPS, SNIPS and, with `expected`, DR. Raises `InvalidData` for a log that cannot say."""
    check(log, expected, clip)
    raw = log.policy / log.propensity
    weight = raw if clip is None else np.minimum(raw, clip)
    terms = {"ips": weight * log.reward, "weight": weight}
    if expected is not None:
        terms["dr"] = expected.policy + weight * (log.reward - expected.logged)
    sums = _resampled(terms, log, seed, rounds)
    return Counterfactual(
        estimates={name: _interval(values) for name, values in _estimates(sums).items()},
        logged=float(log.reward.mean()),
        rows=len(log),
        effective_rows=float(weight.sum() ** 2 / (weight**2).sum()),
        weight=float(raw.mean()),
        largest_weight=float(weight.max()),
        clipped=float((raw > weight).mean()),
    )


def refuse_without_overlap(log: Log, *, rows: float = LEAST_ROWS, covered: float = LEAST_COVERED) -> None:
    """Raises `InvalidData` where the log cannot speak for the policy: too few effective rows, or actions not covered.

    The mean weight is 1 in expectation where every action of the policy could be logged, and the share of them that
    could where not; it is refused when even the top of its 95% interval (by group) is below `covered`.
    """
    check(log)
    weight = log.policy / log.propensity
    found = _interval(_resampled_mean(weight, log))
    if found.high < covered:
        _refuse(f"a log that covers {found.value:.0%} of what the policy does", f"{covered:.0%} or more",
                "explore over a larger pool: what is never shown cannot be estimated")  # fmt: skip
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    if effective < rows:
        _refuse(f"a log that is worth {effective:.0f} rows for this policy", f"at least {rows:.0f} effective rows",
                "log longer, or explore more; a policy closer to the one that logged needs less")  # fmt: skip


def _resampled_mean(values: FloatArray, log: Log) -> FloatArray:
    sums = _resampled({"value": values}, log, seed=42, rounds=200)
    return np.asarray(sums["value"] / sums["rows"])


def _resampled(terms: Mapping[str, FloatArray], log: Log, seed: int, rounds: int) -> dict[str, FloatArray]:
    """Sums of each term and of the rows: of the log itself first, then of each bootstrap resample of groups."""
    group = np.arange(len(log)) if log.group is None else np.unique(log.group, return_inverse=True)[1]
    count = int(group.max()) + 1
    columns = {name: np.bincount(group, term, minlength=count) for name, term in terms.items()}
    columns["rows"] = np.bincount(group, minlength=count).astype(np.float64)
    table = np.stack(list(columns.values()), 1)
    rng = np.random.default_rng(seed)
    found = [table.sum(0), *(table[rng.integers(0, count, count)].sum(0) for _round in range(rounds))]
    return dict(zip(columns, np.array(found).T, strict=True))


def _estimates(sums: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    found = {"ips": sums["ips"] / sums["rows"]}
    weights = np.where(sums["weight"] > 0, sums["weight"], np.nan)
    found["snips"] = sums["ips"] / weights
    if "dr" in sums:
        found["dr"] = sums["dr"] / sums["rows"]
    return found


def _interval(values: FloatArray) -> Estimate:
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(values[1:], (tail, 1 - tail))
    return Estimate(float(values[0]), float(low), float(high))


def check(log: Log, expected: Expected | None = None, clip: float | None = None) -> None:
    """Raises `InvalidData` with what is wrong."""
    columns = {"propensity": log.propensity, "policy": log.policy, "group": log.group}
    if expected is not None:
        columns |= {"expected.logged": expected.logged, "expected.policy": expected.policy}
    for name, column in columns.items():
        if column is not None and column.shape != log.reward.shape:
            _refuse(f"{name} of shape {column.shape} beside rewards of {log.reward.shape}", "columns of one length")
    if not len(log):
        _refuse("a log without rows", "at least one row")
    for name, column in {"reward": log.reward, **columns}.items():
        if column is not None and not np.isfinite(column).all():
            _refuse(f"{name} of row {int(np.flatnonzero(~np.isfinite(column))[0])} is not a number", "finite numbers")
    _check_probabilities(log)
    if clip is not None and not clip > 0:
        _refuse(f"clip {clip:g}", "a number above 0")


def _check_probabilities(log: Log) -> None:
    wrong = np.flatnonzero((log.propensity <= 0) | (log.propensity > 1))
    if len(wrong):
        row = int(wrong[0])
        _refuse(
            f"a propensity of {log.propensity[row]:g} in row {row} ({len(wrong)} such rows)",
            "a probability above 0 and at most 1: an action that was logged could be taken",
        )
    wrong = np.flatnonzero((log.policy < 0) | (log.policy > 1))
    if len(wrong):
        _refuse(f"a policy's probability of {log.policy[wrong[0]]:g} in row {int(wrong[0])}", "a probability, 0 to 1")
    if not log.policy.any():
        _refuse("a policy that takes none of the logged actions", "a policy that shares actions with the log")


def _refuse(what: str, valid: str, remedy: str = "log the probability of each action when it is taken") -> None:
    raise InvalidData(what, valid=valid, remedy=remedy)
