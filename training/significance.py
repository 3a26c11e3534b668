"""Is one model better than another, or was it luck: paired tests over the same users.

Read by the promotion gate and by every table that compares models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData

ROUNDS = 2000
_BLOCK = 200


@dataclass(frozen=True)
class Comparison:
    """Mean difference (challenger - champion), its 95% bootstrap interval, and the two-sided sign-flip p-value."""

    difference: float
    low: float
    high: float
    p_value: float

    @property
    def better(self) -> bool:
        """Significantly better at the 5% level."""
        return self.difference > 0 and self.p_value < 0.05


def paired_test(challenger: NDArray[np.float64], champion: NDArray[np.float64], *, seed: int = 42) -> Comparison:
    """Compares two per-user measures, same users in the same order.

    Interval: percentile bootstrap over users. p: random sign flips of the differences (Fisher's permutation test),
    counted with the observed one, so it is never zero.
    """
    if challenger.shape != champion.shape or not len(challenger):
        raise InvalidData(
            f"a paired test of {challenger.shape} users against {champion.shape}",
            valid="two arrays over the same users, at least one",
            remedy="evaluate both models on the same held-out part",
        )
    differences = challenger - champion
    observed = float(differences.mean())
    rng = np.random.default_rng(seed)
    means = np.empty(ROUNDS)
    flipped = np.empty(ROUNDS)
    for start in range(0, ROUNDS, _BLOCK):
        block = slice(start, start + _BLOCK)
        means[block] = differences[rng.integers(0, len(differences), (_BLOCK, len(differences)))].mean(1)
        signs = rng.integers(0, 2, (_BLOCK, len(differences)), dtype=np.int8) * 2.0 - 1.0
        flipped[block] = signs @ differences / len(differences)
    low, high = np.quantile(means, (0.025, 0.975))
    extreme = int((np.abs(flipped) >= abs(observed) - 1e-15).sum())
    return Comparison(observed, float(low), float(high), (extreme + 1) / (ROUNDS + 1))
