"""Settings of the closed forms across platforms, chosen by validation one at a time: coordinate descent.

Each value of each setting is tried with the best of the others until none is better; a fit is seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any, TypeVar

from training.auto import Tried
from training.cross.data import Pair
from training.cross.kernel import Kernel, KernelConfig
from training.cross.mapped import Factors, Mapped, MappedConfig
from training.data import HeldOut, Histories, TrainingData
from training.evaluate import evaluate
from training.metrics import TARGET
from training.recommender import Recommender

Config = TypeVar("Config", KernelConfig, MappedConfig)

KERNEL: Mapping[str, Sequence[float]] = MappingProxyType(
    {
        "regularization": (1.0, 5.0, 20.0, 100.0),
        "item_power": (0.0, 0.25, 0.5),
        "user_power": (0.0, 0.25, 0.5),
    }
)
SHARED: Mapping[str, Sequence[float]] = MappingProxyType({"source_weight": (0.1, 0.3, 1.0, 3.0), **KERNEL})
MAPPED: Mapping[str, Sequence[float]] = MappingProxyType({"regularization": (0.01, 0.1, 1.0, 10.0)})


def descend(
    config: Config,
    grid: Mapping[str, Sequence[float]],
    fit: Callable[[Config], Any],
    held_out: HeldOut,
    deadline: float = float("inf"),
) -> tuple[Any, Config, list[Tried]]:
    """The best model, its settings and everything tried; after `deadline` (of `time.monotonic`) nothing more is."""
    tried: dict[Config, Tried] = {}
    best: tuple[float, Any, Config] | None = None

    def attempt(one: Config) -> None:
        nonlocal best
        if one in tried or (best is not None and time.monotonic() > deadline):
            return
        began = time.perf_counter()
        model = fit(one)
        quality = evaluate(model, held_out, ks=(10,)).metrics[TARGET]
        tried[one] = Tried(model.name, asdict(one), quality, time.perf_counter() - began)
        if best is None or quality > best[0]:
            best = quality, model, one

    attempt(config)
    assert best is not None
    moved = True
    while moved:
        before = best[2]
        for name, values in grid.items():
            for value in values:
                changed: Any = {name: value}
                attempt(replace(best[2], **changed))
        moved = best[2] != before
    return best[1], best[2], list(tried.values())


def kernel(
    data: TrainingData, pair: Pair, held_out: HeldOut, *, shared: bool, deadline: float = float("inf")
) -> tuple[Recommender, KernelConfig, list[Tried]]:
    """EASE over people, of the target alone or with the other platforms."""
    start = KernelConfig(source_weight=1.0 if shared else 0.0)
    grid = SHARED if shared else KERNEL
    return descend(start, grid, lambda one: Kernel(one, pair.source, pair.twins).fit(data), held_out, deadline)


def mapped(
    data: TrainingData, source: Histories, held_out: HeldOut, factors: Factors, *, personal: bool
) -> tuple[Recommender, MappedConfig, list[Tried]]:
    """Mapped embeddings, with one map or one for each person."""
    start = MappedConfig(personal=personal)
    return descend(start, MAPPED, lambda one: Mapped(one, source).fit(data, factors), held_out)
