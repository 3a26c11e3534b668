"""Noise that nobody can take off again: from the operating system's generator, not from a seed that stands in a card.

A fit elsewhere in this package is the same for the same seed. Here that would undo the promise: who knows the seed
knows the noise. So a private model draws from `os.urandom`; a seed is for tests, and voids the guarantee.

Normal deviates are the inverse distribution of 53-bit uniforms, in double precision: the mechanism on paper, with the
known gap of any floating-point one (Mironov 2012, «On Significance of the Least Significant Bits for Differential
Privacy»).
"""

from __future__ import annotations

import math
import os

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

BLOCK = 1 << 22
"""Deviates made at once."""


class Noise:
    """Draws of secret chance; of a seed, where one is given."""

    def __init__(self, seed: int | None = None) -> None:
        self._seeded = None if seed is None else np.random.default_rng(seed)

    def uniform(self, *shape: int) -> NDArray[np.float64]:
        """Between 0 and 1, both left out."""
        if self._seeded is not None:
            return self._seeded.random(shape) * (1 - 2**-53) + 2**-54
        found = np.empty(math.prod(shape))
        for start in range(0, len(found), BLOCK):
            part = found[start : start + BLOCK]
            bits = np.frombuffer(os.urandom(8 * len(part)), np.uint64) >> np.uint64(11)
            part[:] = (bits + 0.5) * 2.0**-53
        return found.reshape(shape)

    def normal(self, scale: float, *shape: int) -> NDArray[np.float64]:
        """N(0, scale^2); nothing is drawn for a scale of 0."""
        return ndtri(self.uniform(*shape)) * scale if scale > 0 else np.zeros(shape)
