"""Small fits of every network, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from tests.training.models.planted_graph import planted
from training.data import TrainingData
from training.recommender import SILENT, Monitor
from training.scale.fit import fit
from training.scale.runtime import ONE, Scale
from training.zoo import ZOO, find

NETWORKS = tuple(name for name, model in ZOO.items() if model.slow)
SMALL = {"epochs": 6, "embedding_size": 16, "batch_size": 256, "candidates": 32, "seed": 3}


def data() -> TrainingData:
    return planted().data


def fitted(
    name: str,
    seen: TrainingData,
    scale: Scale = ONE,
    *,
    monitor: Monitor = SILENT,
    settings: Mapping[str, Any] | None = None,
) -> Any:
    model = find(name)
    has = {one.name for one in fields(model.config())}
    small = {key: value for key, value in SMALL.items() if key in has}  # two towers draw no candidates
    return fit(model, model.config({**small, **(settings or {})}), seen, monitor, scale=scale)


def apart(one: Any, other: Any) -> float:
    """The largest difference between two fits' weights."""
    first, second = learned(one), learned(other)
    assert set(first) == set(second)
    return max(float(np.abs(first[name] - second[name]).max()) for name in first)


def learned(model: Any) -> Mapping[str, Any]:
    """What a fit keeps of its network; of one that keeps nothing for a warm start, what it is served by."""
    return model.state() if model.weights is None else model.weights


class Curve:
    """A monitor that keeps what it is told, and ends the process' patience at an epoch."""

    def __init__(self, until: int | None = None) -> None:
        self.until = until
        self.epochs: list[tuple[int, dict[str, float]]] = []

    def epoch(self, number: int, _total: int, metrics: Mapping[str, float]) -> None:
        self.epochs.append((number, dict(metrics)))
        if number == self.until:
            raise KeyboardInterrupt
