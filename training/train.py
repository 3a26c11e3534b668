"""One training from snapshot to registered model: split, fit by validation, one look at test, MLflow, the gate.

Third arrow of the flow: the command line, the demo and the refresh call `train`; `serving.publish` takes it from there.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from graph.errors import InvalidData, Unsupported
from graph.snapshot import Snapshot
from training.auto import BUDGET, TARGET, AutoResult, Chosen, choose, fit_auto
from training.data import TrainingData
from training.environment import environment
from training.evaluate import Evaluation, on_test
from training.model_files import ModelCard, Tested, save, settings_of
from training.prepare import Prepared, histories, prepare, side_information
from training.recommender import SILENT, Monitor, Recommender
from training.refit import refit
from training.registry import Promotion, Registry, Version
from training.significance import paired_test
from training.split import How, make_split, positives
from training.tracking import Run
from training.zoo import ZOO, find

AUTO = "auto"
POPULARITY = "popularity"

Say = Callable[[str], None]
Monitors = Callable[[str], Monitor]


@dataclass(frozen=True)
class Plan:
    """What to train and how to measure it. `names` limits what `auto` tries; `budget`: seconds for its fits."""

    model: str = AUTO
    overrides: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    how: How = "random"
    min_value: float | None = None
    seed: int = 42
    budget: float | None = BUDGET
    refit: bool = True

    @property
    def split_text(self) -> str:
        """The split as one line: models are compared only when theirs are equal."""
        least = "every value" if self.min_value is None else f"values from {self.min_value:g}"
        return f"{self.how}, {least}, seed {self.seed}"


@dataclass(frozen=True)
class TrainReport:
    """What `train` did. `models`: test metrics of every model fitted; `metrics`: of the one that was registered."""

    model: str
    version: str
    snapshot: str
    split: str
    chosen: str
    validation: float
    metrics: Mapping[str, float]
    popularity: Mapping[str, float]
    beats_popularity: Mapping[str, float]
    models: Mapping[str, Mapping[str, float]]
    brings: Mapping[str, float]
    promoted: bool
    why: str
    run_id: str
    experiment: str
    seconds: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Watch:
    """Who is told: `say` one line a stage, `monitor(name)` the epochs of a model."""

    say: Say = lambda _text: None
    monitor: Monitors = lambda _name: SILENT


@dataclass(frozen=True)
class _Fitted:
    recommender: Recommender
    config: Any
    chosen: str
    validation: float
    members: tuple[Chosen, ...]
    brings: Mapping[str, float]


@dataclass(frozen=True)
class _Measured:
    evaluation: Evaluation
    popularity: Evaluation
    models: Mapping[str, Evaluation]


def train(
    snapshot: Snapshot, content_hash: str, registry: Registry, plan: Plan, *, dataset: str, watch: Watch | None = None
) -> TrainReport:
    """Trains by `plan`, logs to the MLflow experiment `dataset`, registers the model and asks the gate for promotion.

    Errors: `NotFound` for an unknown model, `InvalidData` for a setting it has not or data that cannot be split,
    `Unsupported` when the data lacks what the model needs.
    """
    watch = watch or Watch()
    check(plan)
    clock = _Clock()
    split = make_split(snapshot.interactions, how=plan.how, min_value=plan.min_value, seed=plan.seed)
    prepared = prepare(snapshot, split, seed=plan.seed)
    check_needs(plan, prepared.data)
    clock.lap("split")
    with registry.tracker.run(dataset, plan.model, {"model": plan.model}) as run, ExitStack() as children:
        _describe(run, snapshot, content_hash, plan, dataset)
        runs = _Children(run, children)
        fitted = _fit(plan, prepared, watch, runs)
        clock.lap("fit")
        watch.say("measuring on test")
        measured = _measure(fitted, prepared)
        clock.lap("evaluate")
        card = _card(plan, fitted, measured, content_hash)
        _log(run, runs, fitted, measured)
        final = _refitted(plan, fitted, snapshot, watch)
        clock.lap("refit")
        watch.say("registering")
        version = _register(run, registry, final, card, snapshot, measured.evaluation)
        promotion = registry.promote(version.version, snapshot=content_hash)
        run.tags({"version": version.version, "promoted": str(promotion.promoted).lower(), "gate": promotion.why})
        clock.lap("register")
        run.metrics(clock.laps, prefix="seconds/")
    return _report(card, measured, version, promotion, dataset, clock.laps)


def check(plan: Plan) -> None:
    """Raises for a model, or a setting of it, that does not exist: before any data is read."""
    if plan.model != AUTO:
        find(plan.model).config(plan.overrides)
        return
    for name in plan.names:
        find(name)
    if plan.overrides:
        raise InvalidData(
            f"`auto` has no settings of its own, but {', '.join(plan.overrides)} was set",
            valid="--set together with --model NAME",
            remedy=f"name the model that the setting belongs to: {', '.join(ZOO)}",
        )


def check_needs(plan: Plan, data: TrainingData) -> None:
    """Raises `Unsupported` when the data has not what the model learns from."""
    if plan.model != AUTO and not find(plan.model).fits(data):
        needs = " and ".join(find(plan.model).needs)
        raise Unsupported(
            f"model {plan.model!r} needs {needs}, which this snapshot does not have",
            valid=", ".join(name for name, model in ZOO.items() if model.fits(data)),
            remedy="interlace encode, or ingest triples; or choose another model",
        )


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now


class _Children:
    """Nested runs by model name, opened when a model's fit begins and all ended with the parent."""

    def __init__(self, parent: Run, stack: ExitStack) -> None:
        self._parent = parent
        self._stack = stack
        self.runs: dict[str, Run] = {}

    def open(self, name: str) -> Run:
        if name not in self.runs:
            self.runs[name] = self._stack.enter_context(self._parent.child(name, {"model": name}))
        return self.runs[name]


class _Both:
    """A monitor that tells two; `again` counts the configs of a grid, which start at epoch 1 each."""

    def __init__(self, run: Run, shown: Monitor) -> None:
        self._run = run
        self._shown = shown
        self._config = 0
        self._last = 0

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:
        self._config += number <= self._last
        self._last = number
        prefix = "epoch/" if not self._config else f"epoch/config_{self._config}/"
        self._run.metrics(metrics, step=number, prefix=prefix)
        self._shown.epoch(number, total, metrics)


def _describe(run: Run, snapshot: Snapshot, content_hash: str, plan: Plan, dataset: str) -> None:
    least = "" if plan.min_value is None else plan.min_value
    run.params({"model": plan.model, "split": plan.how, "min_value": least, "seed": plan.seed, "refit": plan.refit})
    run.dataset(snapshot, content_hash, name=dataset)
    run.document(environment(), "environment.json")


def _fit(plan: Plan, prepared: Prepared, watch: Watch, runs: _Children) -> _Fitted:
    def monitor(name: str) -> Monitor:
        return _Both(runs.open(name), watch.monitor(name))

    if plan.model == AUTO:
        auto = fit_auto(
            prepared.data, names=plan.names or None, budget=plan.budget, monitors=monitor, progress=watch.say
        )
        return _of_auto(auto)
    watch.say(f"{plan.model}: fitting")
    chosen = choose(find(plan.model), prepared.data, overrides=plan.overrides, monitor=monitor(plan.model))
    text = f"{plan.model}, best of {len(chosen.tried)} settings by validation {TARGET} {chosen.best.validation:.4f}"
    return _Fitted(chosen.recommender, chosen.config, text, chosen.best.validation, (chosen,), {})


def _of_auto(auto: AutoResult) -> _Fitted:
    return _Fitted(auto.recommender, None, auto.text, auto.validation, auto.members, auto.brings)


def _measure(fitted: _Fitted, prepared: Prepared) -> _Measured:
    models = {member.best.name: on_test(member.recommender, prepared) for member in fitted.members}
    whole = models.get(fitted.recommender.name) or on_test(fitted.recommender, prepared)
    popularity = models.get(POPULARITY) or on_test(find(POPULARITY).build().fit(prepared.data), prepared)
    return _Measured(whole, popularity, models)


def _card(plan: Plan, fitted: _Fitted, measured: _Measured, content_hash: str) -> ModelCard:
    return ModelCard(
        model=fitted.recommender.name,
        settings=settings_of(fitted.recommender, fitted.config),
        snapshot=content_hash,
        split=plan.split_text,
        min_value=plan.min_value,
        chosen=fitted.chosen,
        metrics=measured.evaluation.metrics,
        validation=fitted.validation,
        popularity=measured.popularity.metrics,
        brings=fitted.brings,
        refitted=plan.refit,
    )


def _log(run: Run, runs: _Children, fitted: _Fitted, measured: _Measured) -> None:
    for member in fitted.members:
        child = runs.open(member.best.name)
        child.params({"model": member.best.name, **member.best.settings, "configs tried": len(member.tried)})
        child.metrics({TARGET: member.best.validation}, prefix="validation/")
        child.metrics({"seconds/fit": sum(one.seconds for one in member.tried)})
        child.metrics(measured.models[member.best.name].metrics, prefix="test/")
    run.metrics({TARGET: fitted.validation}, prefix="validation/")
    run.metrics(measured.evaluation.metrics, prefix="test/")
    run.metrics(measured.popularity.metrics, prefix="popularity/")
    run.metrics(fitted.brings, prefix="brings/")
    run.tags({"chosen": fitted.chosen})


def _refitted(plan: Plan, fitted: _Fitted, snapshot: Snapshot, watch: Watch) -> Recommender:
    """Fitted on every positive interaction, the test's too: it has said what it had to say."""
    if not plan.refit:
        return fitted.recommender
    watch.say("refitting on everything")
    return refit(fitted.recommender, fitted.config, everything(snapshot, plan.min_value, plan.seed), watch.monitor)


def everything(snapshot: Snapshot, min_value: float | None, seed: int = 42) -> TrainingData:
    """All positives of the snapshot as training data, nothing held out."""
    kept = snapshot.interactions.take(positives(snapshot.interactions, min_value))
    rows = kept.take(np.lexsort((kept.time, kept.user)))
    known = histories(rows, (len(snapshot.users), len(snapshot.items)))
    return TrainingData(known, side_information(snapshot), None, seed)


def _register(
    run: Run, registry: Registry, final: Recommender, card: ModelCard, snapshot: Snapshot, evaluation: Evaluation
) -> Version:
    with tempfile.TemporaryDirectory(prefix="interlace-model-") as name:
        folder = Path(name)
        tested = Tested(evaluation.users, {TARGET: evaluation.per_user[TARGET]})
        save(final, folder, card, items=snapshot.items.ids, tested=tested)
        return registry.register(run, folder)


def _report(
    card: ModelCard,
    measured: _Measured,
    version: Version,
    promotion: Promotion,
    dataset: str,
    laps: Mapping[str, float],
) -> TrainReport:
    compared = paired_test(measured.evaluation.per_user[TARGET], measured.popularity.per_user[TARGET])
    return TrainReport(
        model=card.model,
        version=version.version,
        snapshot=card.snapshot,
        split=card.split,
        chosen=card.chosen,
        validation=card.validation or 0.0,
        metrics=card.metrics,
        popularity=card.popularity,
        beats_popularity=asdict(compared),
        models={name: evaluation.metrics for name, evaluation in measured.models.items()},
        brings=card.brings,
        promoted=promotion.promoted,
        why=promotion.why,
        run_id=version.run_id,
        experiment=dataset,
        seconds=dict(laps),
    )
