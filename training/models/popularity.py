"""Popularity: how many people interacted with an item, the same list for everybody. The floor of every table.

score(u, i) = |{v : i in history(v)}|.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.data import TrainingData, UserBatch
from training.recommender import SILENT, Form, Monitor, StaticForm
from training.space import Space


@dataclass(frozen=True)
class PopularityConfig:
    """It has no settings."""


GRID = (PopularityConfig(),)

SPACE: Space = {}


class Popularity:
    """`counts` (num_items,): people an item."""

    name = "popularity"

    def __init__(self, config: PopularityConfig | None = None) -> None:
        self.config = config or PopularityConfig()
        self.counts: NDArray[np.float32] = np.empty(0, np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # nothing is iterated
        self.counts = np.bincount(data.matrix.indices, minlength=data.num_items).astype(np.float32)
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        return np.tile(self.counts, (len(users), 1))

    def forms(self) -> Sequence[Form]:
        return [StaticForm(self.counts)]

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {"counts": self.counts}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.counts = np.asarray(state["counts"], np.float32)
        return self
