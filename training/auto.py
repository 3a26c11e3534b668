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
from training.ablation import ablate
from training.blend import Blend, BlendConfig, MemberConfig
from training.data import HeldOut, TrainingData
from training.evaluate import evaluate
from training.metrics import TARGET
from training.race import Racer, race
from training.recommender import SILENT, Enough, Monitor, Recommender
from training.scale.fit import fit
from training.scale.runtime import ONE, Precision, Scale
from training.stacking import candidates, learn, left_out
from training.zoo import ZOO, Model, find

BUDGET = 600.0
"""Seconds that `auto` may fit for when nobody says otherwise."""

DIRECT_SHARE = 0.5
"""Of the budget, for the closed forms: after it each has one config fitted, its first."""

ONE_SHARE = 0.2
"""Of the budget, for one closed form: after it no further config of it is fitted, and one that iterates ends there."""

TWIN_SHARE = 0.2
"""Of what is left for the networks, for fitting those that the blend leans on from other seeds."""

MOST_TWINS = 3
"""Of one network: each costs a fit in every refresh, and the fourth brings little."""

Progress = Callable[[str], None]
Monitors = Callable[[str], Monitor]


@dataclass(frozen=True)
class Until:
    """A monitor that ends the fit at the first epoch after `ends` (of `time.monotonic`), and else passes on."""

    monitor: Monitor
    ends: float

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:
        """As `Monitor.epoch`."""
        self.monitor.epoch(number, total, metrics)
        if time.monotonic() > self.ends:
            raise Enough


@dataclass(frozen=True)
class Tried:
    """One fitted candidate: validation `ndcg@10` and the seconds its fit took."""

    name: str
    settings: Mapping[str, Any]
    validation: float
    seconds: float


@dataclass(frozen=True)
class Chosen:
    """A model fitted with the settings that validation chose, and everything tried on the way.

    `twins`: the same model from other seeds, each with its config.
    """

    recommender: Recommender
    config: Any
    best: Tried
    tried: tuple[Tried, ...]
    twins: tuple[tuple[Recommender, Any], ...] = ()


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
    def recipe(self) -> str:
        """The blend's weights by model."""
        members: dict[str, list[MemberConfig]] = {}
        for member in self.recommender.config.members:
            members.setdefault(member.name, []).append(member)
        return " + ".join(f"{sum(one.weight for one in each):.2f} {_called(each)}" for each in members.values())

    @property
    def text(self) -> str:
        """What was chosen and why, in one line."""
        best = max(self.members, key=lambda chosen: chosen.best.validation).best
        return (
            f"{self.recipe}: validation {TARGET} {self.validation:.4f}, best single {best.name} {best.validation:.4f}, "
            f"of {len(self.tried)} candidates"
        )


def _called(members: Sequence[MemberConfig]) -> str:
    """A model's name, and of how many seeds or settings it is in the blend."""
    name, number = members[0].name, len(members)
    if number == 1:
        return name
    apart = len({str({key: value for key, value in one.settings.items() if key != "seed"}) for one in members})
    return f"{name} ({number} {'seeds' if apart == 1 else 'settings'})"


def choose(
    model: Model,
    data: TrainingData,
    *,
    overrides: Mapping[str, Any] | None = None,
    monitor: Monitor = SILENT,
    deadline: float = float("inf"),
    scale: Scale = ONE,
) -> Chosen:
    """Fits each config of the grid on train and keeps the best by validation; `overrides` fix settings in all of them.

    After `deadline` (of `time.monotonic`) no further config is started.
    """
    held_out = _validation(data)
    tried: list[Tried] = []
    best: tuple[Recommender, Any] | None = None
    for config in _configs(model, overrides):
        if tried and time.monotonic() > deadline:
            break
        started = time.perf_counter()
        recommender = fit(model, config, data, monitor, scale=scale)
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
    ablation: bool = False,
    precision: Precision | None = None,
) -> AutoResult:
    """Fits every model of `names` (default: all the zoo that the data allows and suits), then learns the blend.

    `budget` seconds: the closed forms come first, with half of it, and none with more than a fifth; the networks race
    for what is left (`training.race`), but for a fifth of that, in which those that the blend leans on are fitted from
    other seeds too; no new candidate is begun after it. None: no bound. `ablation` measures after
    it what the graph, friends and each modality bring (`training.ablation`). `precision`: of the networks.
    """
    started = time.monotonic()
    named = [model for model in map(find, names or ()) if model.fits(data)]
    models = named if names else [model for model in ZOO.values() if model.in_auto(data)]
    direct = [model for model in models if not model.slow]
    chosen: list[Chosen] = []
    for model in direct:
        now = time.monotonic()
        if budget and chosen and now - started > budget:
            progress(f"{model.name}: skipped, the budget of {budget:.0f} s is spent")
            continue
        progress(f"{model.name}: fitting")
        ends = now + ONE_SHARE * budget if budget else float("inf")
        deadline = min(ends, started + DIRECT_SHARE * budget) if budget else ends
        monitor = Until(monitors(model.name), ends)
        chosen.append(choose(model, data, monitor=monitor, deadline=deadline))
        progress(f"{model.name}: validation {TARGET} {chosen[-1].best.validation:.4f}")
    networks = [model for model in models if model.slow]
    left = started + budget - time.monotonic() if budget else float("inf")
    if networks and (left > 0 or not chosen):
        chosen += _raced(networks, data, (1 - TWIN_SHARE) * left, monitors, progress, Scale(precision))
    elif networks:
        progress(f"{', '.join(model.name for model in networks)}: skipped, the budget of {budget:.0f} s is spent")
    progress("blend: learning weights on validation")
    found = blend(chosen, _validation(data), seed=data.seed)
    ends = started + budget if budget else float("inf")
    twinned = _twinned(found, chosen, data, ends, monitors, progress, Scale(precision))
    if twinned is not None:
        found = blend(twinned, _validation(data), seed=data.seed)
    if not ablation:
        return found
    parts = ablate(found.recommender, data, _validation(data), progress=progress)
    return replace(found, brings={**found.brings, **parts})


def _raced(
    models: Sequence[Model],
    data: TrainingData,
    seconds: float,
    monitors: Monitors,
    progress: Progress,
    scale: Scale,
) -> list[Chosen]:
    """The best config of each network by validation."""
    held_out = _validation(data)
    entries = [(model, config) for model in models for config in _configs(model, None)]
    found: dict[str, list[tuple[Racer, Tried]]] = {}
    for racer in race(entries, data, seconds, monitors=monitors, progress=progress, scale=scale):
        assert racer.recommender is not None
        quality = evaluate(racer.recommender, held_out, ks=(10,)).metrics[TARGET]
        tried = Tried(racer.model.name, asdict(racer.config), quality, racer.seconds)
        found.setdefault(racer.model.name, []).append((racer, tried))
    chosen = []
    for of_model in found.values():
        racer, best = max(of_model, key=lambda pair: pair[1].validation)
        assert racer.recommender is not None
        chosen.append(Chosen(racer.recommender, racer.config, best, tuple(tried for _, tried in of_model)))
    return chosen


def _twinned(
    found: AutoResult,
    chosen: Sequence[Chosen],
    data: TrainingData,
    ends: float,
    monitors: Monitors,
    progress: Progress,
    scale: Scale,
) -> list[Chosen] | None:
    """The same, with twins of the networks in the blend, the heaviest first, round by round; None where none had time.

    A network's ranking is in part the chance of its seed, and a mean over seeds is better than each (Lakshminarayanan
    et al. 2017, «Deep ensembles»).
    """
    names = dict.fromkeys(member.name for member in found.recommender.config.members if find(member.name).slow)
    by_name, any_made = {one.best.name: one for one in chosen}, False
    for seed in range(1, MOST_TWINS + 1):
        for name in names:
            one = by_name[name]
            if time.monotonic() + one.best.seconds > ends:
                continue
            progress(f"{name}: fitting from another seed")
            config = replace(one.config, seed=one.config.seed + seed)
            twin = fit(find(name), config, data, Until(monitors(name), ends), scale=scale)
            by_name[name], any_made = replace(one, twins=(*one.twins, (twin, config))), True
    return [by_name[one.best.name] for one in chosen] if any_made else None


def blend(chosen: Sequence[Chosen], held_out: HeldOut, *, seed: int = 42) -> AutoResult:
    """Learns the weights of already fitted members and their twins."""
    members = [(one, *pair) for one in chosen for pair in ((one.recommender, one.config), *one.twins)]
    held = candidates([recommender for _, recommender, _ in members], held_out, seed=seed)
    weights = learn(held, seed=seed)
    order = [int(place) for place in np.argsort(-weights, kind="stable") if weights[place] > 0]
    config = BlendConfig(tuple(_member(*members[place], weight=weights[place]) for place in order))
    recommender = Blend(config, [members[place][1] for place in order])
    groups = [one.best.name for one, _, _ in members]
    brings = {name: asdict(test) for name, test in left_out(held, weights, groups, seed=seed).items()}
    validation = evaluate(recommender, held_out, ks=(10,)).metrics[TARGET]
    tried = tuple(one for member in chosen for one in member.tried)
    return AutoResult(recommender, tuple(chosen), tried, validation, brings)


def _member(chosen: Chosen, _recommender: Recommender, config: Any, *, weight: float) -> MemberConfig:
    return MemberConfig(chosen.best.name, float(weight), asdict(config))
