"""`auto`: tries every model that the data allows, chooses settings and blend weights by validation alone.

Between fit and the one look at test. Settings: the config of a model's grid with the best ndcg@10 on validation.
Weights: greedy forward selection with replacement (Caruana et al. 2004, «Ensemble selection from libraries of models»):
a member that does not help is not taken. One method for every data set and task.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from graph.errors import InvalidData
from training.blend import Blend, BlendConfig, MemberConfig
from training.data import HeldOut, TrainingData
from training.evaluate import evaluate
from training.recommender import SILENT, Monitor, Recommender
from training.stacking import candidates, learn, left_out
from training.zoo import ZOO, Model, find

TARGET = "ndcg@10"
LEAST_SECONDS = 5.0
BUDGET = 600.0
"""Seconds that `auto` may fit for when nobody says otherwise."""

Progress = Callable[[str], None]
Monitors = Callable[[str], Monitor]


@dataclass(frozen=True)
class Tried:
    """One fitted candidate: validation `ndcg@10` and the seconds its fit took."""

    name: str
    settings: Mapping[str, Any]
    validation: float
    seconds: float


@dataclass(frozen=True)
class Chosen:
    """A model fitted with the settings that validation chose, and everything tried on the way."""

    recommender: Recommender
    config: Any
    best: Tried
    tried: tuple[Tried, ...]


@dataclass(frozen=True)
class AutoResult:
    """The blend, what was tried, and what each member brings: a paired comparison (`difference`, `low`, `high`,
    `p_value`) of validation ndcg@10 with and without it.
    """

    recommender: Blend
    members: tuple[Chosen, ...]
    tried: tuple[Tried, ...]
    validation: float
    brings: Mapping[str, Mapping[str, float]]

    @property
    def text(self) -> str:
        """What was chosen and why, in one line."""
        parts = " + ".join(f"{member.weight:.2f} {member.name}" for member in self.recommender.config.members)
        best = max(self.members, key=lambda chosen: chosen.best.validation).best
        return (
            f"{parts}: validation {TARGET} {self.validation:.4f}, best single {best.name} {best.validation:.4f}, "
            f"of {len(self.tried)} candidates"
        )


def choose(
    model: Model,
    data: TrainingData,
    *,
    overrides: Mapping[str, Any] | None = None,
    monitor: Monitor = SILENT,
    deadline: float = float("inf"),
) -> Chosen:
    """Fits each config of the grid on train and keeps the best by validation; `overrides` fix settings in all of them.

    After `deadline` (of `time.monotonic`) no further config is started; a network gets its share of the time until
    then, and keeps the best of the epochs it had.
    """
    held_out = _validation(data)
    tried: list[Tried] = []
    best: tuple[Recommender, Any] | None = None
    configs = _configs(model, overrides)
    for place, config in enumerate(configs):
        left = deadline - time.monotonic()
        if tried and left <= 0:
            break
        started = time.perf_counter()
        recommender = model.build(_within(config, left / (len(configs) - place))).fit(data, monitor)
        seconds = time.perf_counter() - started
        quality = evaluate(recommender, held_out, ks=(10,)).metrics[TARGET]
        tried.append(Tried(model.name, asdict(config), quality, seconds))
        if best is None or quality >= max(one.validation for one in tried):
            best = recommender, config
    assert best is not None
    return Chosen(*best, max(tried, key=lambda one: one.validation), tuple(tried))


def _configs(model: Model, overrides: Mapping[str, Any] | None) -> list[Any]:
    model.config(overrides)
    configs = [replace(config, **(overrides or {})) for config in model.grid()]
    return list(dict.fromkeys(configs))


def _within(config: Any, seconds: float) -> Any:
    """The config with its training time bounded, where it is that of a network without a bound of its own."""
    if seconds == float("inf") or getattr(config, "max_seconds", 0.0) is not None:
        return config
    return replace(config, max_seconds=max(LEAST_SECONDS, seconds))


def _validation(data: TrainingData) -> HeldOut:
    if data.validation is None or not len(data.validation):
        raise InvalidData(
            "there is no validation part to choose by",
            valid="a split with validation interactions",
            remedy="split again, or name one model and all of its settings",
        )
    return data.validation


def fit_auto(
    data: TrainingData,
    *,
    names: Sequence[str] | None = None,
    budget: float | None = BUDGET,
    monitors: Monitors = lambda _name: SILENT,
    progress: Progress = lambda _text: None,
) -> AutoResult:
    """Fits every model of `names` (default: all the zoo that the data allows), then learns the blend.

    `budget` seconds: the cheap closed forms come first, the networks share what is left, and no new candidate is begun
    after it; None: no bound.
    """
    deadline = time.monotonic() + budget if budget else float("inf")
    models = [model for model in map(find, names or ZOO) if model.fits(data)]
    chosen: list[Chosen] = []
    models.sort(key=lambda model: model.slow)
    for place, model in enumerate(models):
        if chosen and time.monotonic() > deadline:
            progress(f"{model.name}: skipped, the budget of {budget:.0f} s is spent")
            continue
        progress(f"{model.name}: fitting")
        now = time.monotonic()
        until = now + (deadline - now) / (len(models) - place) if model.slow else deadline
        chosen.append(choose(model, data, monitor=monitors(model.name), deadline=until))
        progress(f"{model.name}: validation {TARGET} {chosen[-1].best.validation:.4f}")
    progress("blend: learning weights on validation")
    return blend(chosen, _validation(data), seed=data.seed)


def blend(chosen: Sequence[Chosen], held_out: HeldOut, *, seed: int = 42) -> AutoResult:
    """Learns the weights of already fitted members."""
    held = candidates([one.recommender for one in chosen], held_out, seed=seed)
    weights = learn(held, seed=seed)
    order = [int(place) for place in np.argsort(-weights, kind="stable") if weights[place] > 0]
    config = BlendConfig(tuple(_member(chosen[place], weights[place]) for place in order))
    recommender = Blend(config, [chosen[place].recommender for place in order])
    brings = {chosen[place].best.name: asdict(test) for place, test in left_out(held, weights, seed=seed).items()}
    validation = evaluate(recommender, held_out, ks=(10,)).metrics[TARGET]
    tried = tuple(one for member in chosen for one in member.tried)
    return AutoResult(recommender, tuple(chosen), tried, validation, brings)


def _member(chosen: Chosen, weight: float) -> MemberConfig:
    return MemberConfig(chosen.best.name, float(weight), asdict(chosen.config))
