"""Is one model better than another, or was it luck: paired tests over the same users.

Read by the promotion gate and by every table that compares models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData

ROUNDS = 2000
_BLOCK = 200
_CELLS = 20_000_000
"""Draws held at once: rounds a block, and rounds by users."""


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
    step = max(1, min(_BLOCK, _CELLS // len(differences)))
    for start in range(0, ROUNDS, step):
        block = slice(start, min(start + step, ROUNDS))
        shape = block.stop - start, len(differences)
        means[block] = differences[rng.integers(0, len(differences), shape)].mean(1)
        signs = rng.integers(0, 2, shape, dtype=np.int8) * 2.0 - 1.0
        flipped[block] = signs @ differences / len(differences)
    low, high = np.quantile(means, (0.025, 0.975))
    extreme = int((np.abs(flipped) >= abs(observed) - 1e-15).sum())
    return Comparison(observed, float(low), float(high), (extreme + 1) / (ROUNDS + 1))


@dataclass(frozen=True)
class FamilyMember(Comparison):
    """One comparison of a family: `adjusted` is its p-value after Holm's correction; `better` goes by it."""

    adjusted: float

    @property
    def better(self) -> bool:
        return self.difference > 0 and self.adjusted < 0.05


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p-values that keep the chance of even one false finding in the family below the level.

    Holm 1979, «A simple sequentially rejective multiple test procedure»: the i-th smallest of m (from 0) is multiplied
    by m - i, then made no smaller than those before it, at most 1.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.maximum.accumulate(p_values[order] * (len(p_values) - np.arange(len(p_values))))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(scaled, 1.0)
    return adjusted


def compare_all(
    one: NDArray[np.float64], others: Mapping[str, NDArray[np.float64]], *, seed: int = 42
) -> dict[str, FamilyMember]:
    """`one` model's per-user measure tested against each of `others`, as one family (Holm)."""
    return family({name: paired_test(one, values, seed=seed) for name, values in others.items()})


def family(found: Mapping[str, Comparison]) -> dict[str, FamilyMember]:
    """Comparisons that are read together, with Holm's correction."""
    adjusted = holm(np.array([comparison.p_value for comparison in found.values()]))
    return {
        name: FamilyMember(**asdict(comparison), adjusted=float(p))
        for (name, comparison), p in zip(found.items(), adjusted, strict=True)
    }
