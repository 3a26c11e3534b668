"""Popularity with differential privacy: counts of people with noise, so that nobody's part in them can be told.

    score(i) = sum over u with i in history(u) of min(1, 1 / sqrt(|history(u)|)) + N(0, 1 / mu^2),

mu what the budget (epsilon, delta) allows one answer (`training.privacy`). The unit is a user with everything they did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.data import TrainingData, UserBatch
from training.privacy.accountant import Budget
from training.privacy.counts import private_counts
from training.privacy.guarantee import Guarantee, promised
from training.privacy.noise import Noise
from training.recommender import SILENT, Form, Monitor, StaticForm
from training.space import Float, Space


@dataclass(frozen=True)
class DPPopularityConfig:
    """`epsilon` (inf: no noise), `delta`: the budget. `noise_seed` is for tests: with it nothing is promised."""

    epsilon: float = 4.0
    delta: float = 1e-5
    noise_seed: int | None = None

    def __post_init__(self) -> None:
        Budget(self.epsilon, self.delta)


GRID = (DPPopularityConfig(),)

SPACE: Space = {"epsilon": Float(0.5, 16.0, log=True)}


class DPPopularity:
    """`counts` (num_items,): people an item, with noise."""

    name = "dp-popularity"

    def __init__(self, config: DPPopularityConfig | None = None) -> None:
        self.config = config or DPPopularityConfig()
        self.counts: NDArray[np.float32] = np.empty(0, np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # nothing is iterated
        config = self.config
        budget, noise = Budget(config.epsilon, config.delta), Noise(config.noise_seed)
        self.counts = private_counts(data.matrix, budget.mu, noise).people.astype(np.float32)
        return self

    def guarantee(self) -> Guarantee | None:
        """What the fitted counts promise."""
        config = self.config
        return promised(Budget(config.epsilon, config.delta), "Gaussian noise on counts", config.noise_seed)

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        return np.tile(self.counts, (len(users), 1))

    def forms(self) -> Sequence[Form]:
        return [StaticForm(self.counts)]

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {"counts": self.counts}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.counts = np.asarray(state["counts"], np.float32)
        return self
