"""Measures of click probabilities: area under the curve, log loss, area by user, calibration error; paired differences.

Read by `training.bench_ctr`. All take labels 0/1 and probabilities, row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from training.pairs import auc as area
from training.significance import Comparison

FloatArray = NDArray[np.float64]
BINS = 20
ROUNDS = 500
TINY = 1e-7


def auc(label: NDArray[np.floating], probability: NDArray[np.floating]) -> float:
    """How often a click is ranked above what was not clicked, ties half."""
    return area(np.asarray(probability, np.float64), label > 0)


def log_losses(label: NDArray[np.floating] | NDArray[np.bool_], probability: NDArray[np.floating]) -> FloatArray:
    """(rows,) -log of the probability given to what happened, in nats."""
    given = np.where(label > 0, probability, 1.0 - np.asarray(probability, np.float64))
    return np.asarray(-np.log(np.clip(given, TINY, 1.0)))


def log_loss(label: NDArray[np.floating], probability: NDArray[np.floating]) -> float:
    """Mean over the rows."""
    return float(log_losses(label, probability).mean())


def gauc(label: NDArray[np.floating], probability: NDArray[np.floating], user: NDArray[np.integer]) -> float:
    """Mean of users' own areas, weighted by their rows (Zhou et al. 2018, eq. 7); NaN if no user has both labels."""
    order = np.argsort(user, kind="stable")
    cuts = np.flatnonzero(np.diff(user[order])) + 1
    blocks = [block for block in np.split(order, cuts) if 0 < label[block].sum() < len(block)]
    if not blocks:
        return float("nan")
    areas = [auc(label[block], probability[block]) for block in blocks]
    return float(np.average(areas, weights=[len(block) for block in blocks]))


def calibration_error(label: NDArray[np.floating], probability: NDArray[np.floating], bins: int = BINS) -> float:
    """Mean over rows of |rate of clicks - mean probability| of the row's bin, bins of equally many rows (ECE)."""
    order = np.argsort(probability, kind="stable")
    blocks = [block for block in np.array_split(order, bins) if len(block)]
    gaps = [
        abs(float(label[block].mean(dtype=np.float64) - probability[block].mean(dtype=np.float64))) for block in blocks
    ]
    return float(np.average(gaps, weights=[len(block) for block in blocks]))


def measures(
    label: NDArray[np.floating], probability: NDArray[np.floating], user: NDArray[np.integer]
) -> dict[str, float]:
    """What the task `ctr` reports."""
    return {
        "auc": auc(label, probability),
        "logloss": log_loss(label, probability),
        "gauc": gauc(label, probability, user),
        "calibration_error": calibration_error(label, probability),
    }


def _weighted_auc(label: NDArray[np.bool_], probability: FloatArray) -> Callable[[FloatArray], float]:
    """The area as a function of how often each row counts: one sort for all resamples."""
    _distinct, level = np.unique(probability, return_inverse=True)
    levels = int(level.max()) + 1

    def measure(weight: FloatArray) -> float:
        clicked = np.bincount(level, weight * label, minlength=levels)
        other = np.bincount(level, weight * ~label, minlength=levels)
        below = np.cumsum(other) - 0.5 * other
        return float((clicked * below).sum() / max(clicked.sum() * other.sum(), 1e-12))

    return measure


def _weighted_log_loss(label: NDArray[np.bool_], probability: FloatArray) -> Callable[[FloatArray], float]:
    losses = log_losses(label, probability)
    return lambda weight: float((losses * weight).sum() / max(weight.sum(), 1e-12))


MEASURES: Mapping[str, Callable[[NDArray[np.bool_], FloatArray], Callable[[FloatArray], float]]] = MappingProxyType(
    {"auc": _weighted_auc, "logloss": _weighted_log_loss}
)


def paired_bootstrap(
    label: NDArray[np.floating],
    challenger: FloatArray,
    champion: FloatArray,
    user: NDArray[np.integer],
    *,
    measure: str = "auc",
    seed: int = 42,
    rounds: int = ROUNDS,
) -> Comparison:
    """Challenger's `measure` less champion's on the same resamples of users: a user's rows are not independent.

    Percentile interval of 95%. p: twice the share of resamples on the other side of zero, never below 1 / (rounds + 1).
    """
    ones, rng = np.ones(len(label)), np.random.default_rng(seed)
    one, two = (MEASURES[measure](label > 0, np.asarray(given, np.float64)) for given in (challenger, champion))
    observed = one(ones) - two(ones)
    _users, place = np.unique(user, return_inverse=True)
    found = np.empty(rounds)
    for number in range(rounds):
        times = np.bincount(rng.integers(0, len(_users), len(_users)), minlength=len(_users))
        weight = times[place].astype(np.float64)
        found[number] = one(weight) - two(weight)
    low, high = np.quantile(found, (0.025, 0.975))
    against = min((found <= 0).sum(), (found >= 0).sum())
    return Comparison(observed, float(low), float(high), min(1.0, 2.0 * (int(against) + 1) / (rounds + 1)))
