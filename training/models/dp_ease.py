"""EASE from private co-occurrence: how many people had both of two items, told with noise, and all else made of that.

Sufficient statistics perturbation (Vu and Slavkovic 2009; for ridge regression Wang 2018, «Revisiting Differentially
Private Linear Regression»). With a user of n items weighed by w_u = min(1, CLIP / sqrt(n (n + 1) / 2)), which is the
norm of all pairs of them,

    G = X^T W X + E,    E symmetric, E_ij ~ N(0, (CLIP / mu)^2) for i <= j,

over the items whose private counts (a share of the budget) stand out of the noise. E moves eigenvalues by up to
edge = 2 sqrt(m) CLIP / mu (Wigner's semicircle, m items), so those below it are dropped, and those above it brought
back to where they were, (l + sqrt(l^2 - edge^2)) / 2 (Benaych-Georges and Nadakuditi 2011). The rest is EASE:

    P = (G + regularization I)^-1,    B_ij = -P_ij / P_jj, B_jj = 0,    score(u) = x_u B.

One answer with noise instead of hundreds of steps: that is why it beats private gradients where users are few. Items
that are not looked at are ranked below by their private counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from training.data import TrainingData, UserBatch
from training.models.ease import co_occurrence
from training.privacy.accountant import Budget
from training.privacy.counts import private_counts
from training.privacy.guarantee import Guarantee, promised
from training.privacy.noise import Noise
from training.recommender import SILENT, Form, ItemForm, Monitor, StaticForm
from training.space import Float, Space

CLIP = 5.0
"""Of the norm of one user's pairs: histories of up to 6 items count in full."""
POPULARITY = 1e-3
"""What the most counted item gets besides its score: decides where nothing else does."""


@dataclass(frozen=True)
class DPEASEConfig:
    """`epsilon` (inf: no noise), `delta`: the budget, of which the counts take `count_share` (between 0 and 1).
    `regularization` (above 0). `noise_seed` is for tests: with it nothing is promised.
    """

    epsilon: float = 4.0
    delta: float = 1e-5
    regularization: float = 75.0
    count_share: float = 0.15
    noise_seed: int | None = None

    def __post_init__(self) -> None:
        Budget(self.epsilon, self.delta)
        if not (0 < self.count_share < 1 and self.regularization > 0):
            raise InvalidData(
                f"dp-ease cannot have count_share {self.count_share:g} and regularization {self.regularization:g}",
                valid="count_share between 0 and 1, regularization above 0",
                remedy="see docs/reference/models.md",
            )


GRID = (DPEASEConfig(),)

SPACE: Space = {"regularization": Float(5.0, 1000.0, log=True), "count_share": Float(0.05, 0.5)}


class DPEASE:
    """`items` (m,) positions of the items that are looked at, `block` (m, m) the weights between them, `base`
    (num_items,) what everybody gets.
    """

    name = "dp-ease"

    def __init__(self, config: DPEASEConfig | None = None) -> None:
        self.config = config or DPEASEConfig()
        self.items: NDArray[np.int64] = np.empty(0, np.int64)
        self.block: NDArray[np.float32] = np.empty((0, 0), np.float32)
        self.base: NDArray[np.float32] = np.empty(0, np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # nothing is iterated
        config, noise = self.config, Noise(self.config.noise_seed)
        budget = Budget(config.epsilon, config.delta)
        counts = private_counts(data.matrix, budget.part(config.count_share), noise)
        self.items = counts.clear()
        gram, scale = private_co_occurrence(data.matrix[:, self.items], budget.part(1 - config.count_share), noise)
        self.block = _weights(gram, scale, config.regularization)
        self.base = (POPULARITY * counts.people / max(1e-12, np.abs(counts.people).max())).astype(np.float32)
        return self

    def guarantee(self) -> Guarantee | None:
        """What the fitted weights promise."""
        config = self.config
        how = "Gaussian noise on counts and on co-occurrence counts"
        return promised(Budget(config.epsilon, config.delta), how, config.noise_seed)

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        scores = np.tile(self.base, (len(users), 1))
        scores[:, self.items] += users.matrix[:, self.items] @ self.block
        return scores

    def forms(self) -> Sequence[Form]:
        size, num_items = len(self.items), len(self.base)
        rows, columns = np.repeat(self.items, size), np.tile(self.items, size)
        weights = csr_matrix((self.block.ravel(), (rows, columns)), shape=(num_items, num_items))
        return [ItemForm(weights), StaticForm(self.base)]

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {"items": self.items, "block": self.block, "base": self.base}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.items = np.asarray(state["items"], np.int64)
        self.block, self.base = (np.asarray(state[name], np.float32) for name in ("block", "base"))
        return self


def pair_weights(matrix: csr_matrix) -> NDArray[np.float32]:
    """(num_users,): what each user's pairs count, so that all of them have a norm of `CLIP` at most."""
    lengths = np.diff(matrix.indptr).astype(np.float64)
    norms = np.sqrt(np.maximum(1.0, lengths * (lengths + 1) / 2))
    return np.asarray(np.minimum(1.0, CLIP / norms), np.float32)


def private_co_occurrence(matrix: csr_matrix, mu: float, noise: Noise) -> tuple[NDArray[np.float64], float]:
    """G (items, items) above and the standard deviation of its noise; `mu`: what it may tell of one user."""
    scale, size = (0.0 if math.isinf(mu) else CLIP / mu), matrix.shape[1]
    upper = co_occurrence(matrix, pair_weights(matrix)).astype(np.float64)
    upper += np.triu(noise.normal(scale, size, size))
    return upper + np.triu(upper, 1).T, scale


def _weights(gram: NDArray[np.float64], scale: float, regularization: float) -> NDArray[np.float32]:
    """B, after the noise of standard deviation `scale` has been cut off the spectrum."""
    values, vectors = np.linalg.eigh(gram)
    edge = 2 * scale * math.sqrt(len(gram))
    kept = np.where(values > edge, (values + np.sqrt(np.maximum(0, values**2 - edge**2))) / 2, 0)
    inverse = (vectors / (kept + regularization)) @ vectors.T
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return np.asarray(weights, np.float32)
