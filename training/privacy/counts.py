"""People an item, told privately: what every private model begins with, and which items it looks at at all.

Adding or removing one user moves the counts by a vector of L2 norm `CLIP` at most: a user of n items counts
min(1, CLIP / sqrt(n)) for each. So N(0, (CLIP / mu)^2) noise on every item is mu-GDP (`training.privacy.accountant`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.privacy.noise import Noise

CLIP = 1.0
"""All who did anything then count alike in length: least noise, and best on MovieLens 100K at every epsilon tried."""
CLEAR = 3.0
"""Standard deviations of noise from which on a count says something."""
FEWEST = 100
"""Items that a private model looks at where noise drowns all: the most counted."""


@dataclass(frozen=True)
class Counts:
    """`people` (num_items,), noise of standard deviation `noise` in each."""

    people: NDArray[np.float64]
    noise: float

    def clear(self) -> NDArray[np.int64]:
        """Items whose count stands out of the noise, ascending; the `FEWEST` most counted where fewer do."""
        most = max(FEWEST, int(np.count_nonzero(self.people > CLEAR * self.noise)))
        return np.sort(np.argsort(-self.people, kind="stable")[:most])


def private_counts(matrix: csr_matrix, mu: float, noise: Noise) -> Counts:
    """Counts of the binary (users, items) `matrix`; `mu`: what they may tell of one user."""
    lengths = np.maximum(1, np.diff(matrix.indptr))
    shares = np.minimum(1.0, CLIP / np.sqrt(lengths))
    scale = 0.0 if math.isinf(mu) else CLIP / mu
    people = matrix.T.astype(np.float64) @ shares + noise.normal(scale, matrix.shape[1])
    return Counts(people, scale)
