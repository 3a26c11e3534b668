"""Stacking: a logistic regression over the members' logits, fitted on validation (Wolpert 1992).

After the members' fits, before calibration. What the blend would do on rows it was not fitted on is told by
cross-fitting on validation, and so is what each member brings: the loss without it less the loss with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from training.ctr.calibrate import FloatArray, logistic
from training.ctr.metrics import log_loss, paired_bootstrap

FOLDS = 5
REGULARIZATION = 1.0
ROUNDS = 200


@dataclass(frozen=True)
class Blend:
    """logit = bias + sum of weight x member's logit."""

    weights: Mapping[str, float]
    bias: float

    def __call__(self, logits: Mapping[str, FloatArray]) -> FloatArray:
        """(n,) logits."""
        parts = [weight * logits[name] for name, weight in self.weights.items()]
        return np.asarray(np.sum(parts, 0) + self.bias)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def fit_blend(logits: Mapping[str, FloatArray], label: NDArray[np.floating]) -> Blend:
    """Weights are pulled towards an equal share of one, not towards none."""
    names = list(logits)
    columns = np.stack([logits[name] for name in names], 1)
    mean = columns.mean(1)
    fitted = logistic(
        np.column_stack([columns - mean[:, None], mean, np.ones(len(mean))]), label, regularization=REGULARIZATION
    )
    own, shared, bias = fitted[:-2], fitted[-2], fitted[-1]
    weights = own + (shared - own.sum()) / len(names)
    return Blend(dict(zip(names, weights.tolist(), strict=True)), float(bias))


def cross_fitted(logits: Mapping[str, FloatArray], label: NDArray[np.floating], *, seed: int = 42) -> FloatArray:
    """(n,) logits, each from a blend that did not see its row."""
    fold = np.random.default_rng(seed).permutation(len(label)) % FOLDS
    found = np.empty(len(label))
    for number in range(FOLDS):
        mine = fold == number
        blend = fit_blend({name: values[~mine] for name, values in logits.items()}, label[~mine])
        found[mine] = blend({name: values[mine] for name, values in logits.items()})
    return found


def brings(
    logits: Mapping[str, FloatArray], label: NDArray[np.floating], user: NDArray[np.integer], *, seed: int = 42
) -> dict[str, dict[str, float]]:
    """Leave-one-out: what the cross-fitted log loss gains by each member, with its paired interval over users."""
    if len(logits) < 2:
        return {}
    whole = expit(cross_fitted(logits, label, seed=seed))
    found = {}
    for name in logits:
        rest = {other: values for other, values in logits.items() if other != name}
        less = expit(cross_fitted(rest, label, seed=seed))
        gain = paired_bootstrap(label, less, whole, user, measure="logloss", seed=seed, rounds=ROUNDS)
        found[name] = {"without": log_loss(label, less), **asdict(gain)}
    return found
