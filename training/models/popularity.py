"""Popularity: how many people interacted with an item, the same list for everybody. The floor of every table.

score(u, i) = sum over v with i in history(v) of 2^(-age / half_life), age the time between v's last meeting with i and
the newest interaction of all, over the span from the oldest to the newest: by recency where tastes move (Ji, Sun,
Zhang, Li 2020, «A Re-visit of the Popularity Baseline in Recommender Systems», SIGIR). Without a half-life, all count
alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from graph.snapshot import NO_TIME
from training.data import Histories, TrainingData, UserBatch
from training.recommender import SILENT, Form, Monitor, StaticForm
from training.space import Float, Space


@dataclass(frozen=True)
class PopularityConfig:
    """`half_life`: the share of the whole time span after which an interaction counts half; 0: all count alike."""

    half_life: float = 0.0

    def __post_init__(self) -> None:
        if not self.half_life >= 0:
            raise InvalidData(f"popularity cannot have half_life {self.half_life:g}", valid="0 (all alike) or more",
                              remedy="see docs/reference/models.md")  # fmt: skip


GRID = (PopularityConfig(), PopularityConfig(0.3), PopularityConfig(0.1), PopularityConfig(0.03))

SPACE: Space = {"half_life": Float(0.0, 1.0)}


class Popularity:
    """`counts` (num_items,): people an item, by recency where the config says so."""

    name = "popularity"

    def __init__(self, config: PopularityConfig | None = None) -> None:
        self.config = config or PopularityConfig()
        self.counts: NDArray[np.float32] = np.empty(0, np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # nothing is iterated
        self.counts = (
            recent_counts(data.histories, self.config.half_life)
            if self.config.half_life
            else np.bincount(data.matrix.indices, minlength=data.num_items).astype(np.float32)
        )
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


def recent_counts(histories: Histories, half_life: float) -> NDArray[np.float32]:
    """(num_items,) float32: each pair counts once, by its newest time; one without a time, as the oldest."""
    items, timed = histories.items.astype(np.int64), histories.times != NO_TIME
    known = histories.times[timed] if timed.any() else np.zeros(1, np.int64)
    oldest, newest = int(known.min()), int(known.max())
    times = np.where(timed, histories.times, oldest)
    users = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    newest_last = np.lexsort((times, users * histories.num_items + items))
    pairs = (users * histories.num_items + items)[newest_last]
    kept = newest_last[pairs != np.append(pairs[1:], -1)]
    weights = 2.0 ** (-(newest - times[kept]) / (max(1, newest - oldest) * half_life))
    return np.bincount(items[kept], weights, histories.num_items).astype(np.float32)
