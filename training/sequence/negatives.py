"""The items that a batch of targets is held against: drawn by popularity, shared, and what is known of the draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

POWER = 0.5


@dataclass(frozen=True)
class Negatives:
    """`items` (n,), distinct, ascending. `log_included` (n,): log of the chance that each is among them, 0 if sure."""

    items: NDArray[np.int64]
    log_included: NDArray[np.float32]


class NegativeSampler:
    """`number` draws with replacement, in proportion to (count + 1)^power, repeats taken once; none of count zero.

    A catalogue of at most `number` items with interactions is taken whole: then the softmax is exact.
    """

    def __init__(self, item_counts: NDArray[np.int64], number: int, *, power: float = POWER) -> None:
        self.number, self.num_items = number, len(item_counts)
        self._met = np.flatnonzero(item_counts)
        self.exact = number >= len(self._met)
        weights = (item_counts[self._met] + 1.0) ** power
        chances = weights / max(1e-12, weights.sum())
        self._cumulative = np.cumsum(chances)
        included = -np.expm1(number * np.log1p(-np.minimum(chances, 1 - 1e-12)))
        self._log_included = np.zeros(len(chances)) if self.exact else np.log(included)

    def draw(self, rng: np.random.Generator) -> Negatives:
        """What one batch is held against."""
        places = np.arange(len(self._met))
        if not self.exact:
            drawn = np.searchsorted(self._cumulative, rng.random(self.number), side="right")
            places = np.unique(np.minimum(drawn, len(self._met) - 1))
        return Negatives(self._met[places], self._log_included[places].astype(np.float32))
