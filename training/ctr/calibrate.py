"""From scores to probabilities that hold: calibration fitted on validation.

Ways, all of the logit z of the model (p = sigmoid z): `none`; `platt`, sigmoid(a z + c) (Platt 1999); `beta`,
sigmoid(a ln p - b ln(1 - p) + c) (Kull et al. 2017), a, b >= 0; `isotonic`, the nondecreasing step function of least
squares (Zadrozny & Elkan 2002). `calibrate` takes the one of the least cross-fitted log loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit

from training.ctr.metrics import log_loss

FloatArray = NDArray[np.float64]
FOLDS = 5
MARGIN = 1e-4
"""Nats of log loss by which a way must beat a simpler one."""


@dataclass(frozen=True)
class Calibration:
    """`way`, and its numbers: (a, c), (a, b, c), or the steps' places and heights one after the other."""

    way: str
    numbers: tuple[float, ...] = ()

    def __call__(self, logit: FloatArray) -> FloatArray:
        """(n,) probabilities."""
        if self.way == "none":
            return np.asarray(expit(logit))
        if self.way == "isotonic":
            half = len(self.numbers) // 2
            return np.asarray(np.interp(logit, self.numbers[:half], self.numbers[half:]))
        return np.asarray(expit(_columns(logit, self.way) @ np.array(self.numbers)))

    def as_dict(self) -> dict[str, Any]:
        return {"way": self.way, "numbers": list(self.numbers)}


NONE = Calibration("none")
"""The model's own probabilities."""


def _columns(logit: FloatArray, way: str) -> FloatArray:
    if way == "platt":
        return np.stack([logit, np.ones_like(logit)], 1)
    return np.stack([-np.logaddexp(0.0, -logit), np.logaddexp(0.0, logit), np.ones_like(logit)], 1)


def logistic(columns: FloatArray, label: NDArray[np.floating], *, regularization: float = 1e-3) -> FloatArray:
    """Weights by Newton's method; `regularization` times |w|^2 / 2 is added to the sum of losses."""
    weights = np.zeros(columns.shape[1])
    for _step in range(50):
        probability = expit(columns @ weights)
        gradient = columns.T @ (probability - label) + regularization * weights
        curvature = (columns * (probability * (1 - probability))[:, None]).T @ columns
        move = np.linalg.solve(curvature + (regularization + 1e-9) * np.eye(len(weights)), gradient)
        weights = weights - move * min(1.0, 4.0 / max(float(np.abs(move).max()), 1e-12))
        if np.abs(move).max() < 1e-8:
            break
    return weights


def _platt(logit: FloatArray, label: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(logistic(_columns(logit, "platt"), label).tolist())


def _beta(logit: FloatArray, label: NDArray[np.floating]) -> tuple[float, ...]:
    """A weight that comes out negative is left out, and the rest fitted again, as its authors do."""
    columns = _columns(logit, "beta")
    weights = logistic(columns, label)
    if (weights[:2] < 0).any():
        kept = [place for place in range(3) if place == 2 or weights[place] >= 0]
        fitted = logistic(columns[:, kept], label)
        weights = np.zeros(3)
        weights[kept] = fitted
    return tuple(weights.tolist())


def _isotonic(logit: FloatArray, label: NDArray[np.floating]) -> tuple[float, ...]:
    """Heights are kept off 0 and 1 by half a row, so that no log loss is infinite."""
    places, which, count = np.unique(logit, return_inverse=True, return_counts=True)
    rate = np.bincount(which, label) / count
    blocks = isotonic_regression(rate, weights=count)
    starts = np.asarray(blocks.blocks)
    size = np.add.reduceat(count, starts[:-1])
    clicked = np.add.reduceat(rate * count, starts[:-1])
    heights = np.clip(clicked / size, 0.5 / (size + 1), 1 - 0.5 / (size + 1))
    heights = np.maximum.accumulate(heights)
    ends = np.stack([places[starts[:-1]], places[starts[1:] - 1]], 1).ravel()
    return (*ends.tolist(), *np.repeat(heights, 2).tolist())


WAYS: Mapping[str, Callable[[FloatArray, NDArray[np.floating]], tuple[float, ...]]] = MappingProxyType(
    {"none": lambda _logit, _label: (), "platt": _platt, "beta": _beta, "isotonic": _isotonic}
)


def fit_calibration(way: str, logit: FloatArray, label: NDArray[np.floating]) -> Calibration:
    """This way, on these rows."""
    return Calibration(way, WAYS[way](logit, label))


def cross_fitted(way: str, logit: FloatArray, label: NDArray[np.floating], *, seed: int = 42) -> FloatArray:
    """(n,) probabilities, each from a calibration that did not see its row."""
    fold = np.random.default_rng(seed).permutation(len(logit)) % FOLDS
    found = np.empty(len(logit))
    for number in range(FOLDS):
        mine = fold == number
        found[mine] = fit_calibration(way, logit[~mine], label[~mine])(logit[mine])
    return found


def calibrate(
    logit: FloatArray, label: NDArray[np.floating], *, seed: int = 42
) -> tuple[Calibration, dict[str, float]]:
    """The best way fitted on all rows, and the cross-fitted log loss of each; simpler ways win ties."""
    losses = {way: log_loss(label, cross_fitted(way, logit, label, seed=seed)) for way in WAYS}
    best = "none"
    for way, loss in losses.items():
        if loss < losses[best] - MARGIN:
            best = way
    return fit_calibration(best, logit, label), losses
