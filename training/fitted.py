"""A fit on its way from validation to the registry: what was fitted, what it measured, its card, its runs in MLflow.

Shared by `training.train` (models chosen anew) and `training.retrain` (a recipe carried over to new data).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graph.snapshot import Snapshot
from training.artifacts import log_per_user
from training.auto import AutoResult, Chosen
from training.data import TrainingData
from training.evaluate import Evaluation, on_test
from training.metrics import TARGET
from training.model_files import ModelCard, Tested, save
from training.prepare import Prepared, known_histories, side_information
from training.recommender import SILENT, Monitor, Recommender
from training.registry import Registry, Version
from training.significance import Comparison, FamilyMember, compare_all, paired_test
from training.tracking import Run
from training.warm import Start
from training.warm_files import save_weights
from training.zoo import find

POPULARITY = "popularity"

Say = Callable[[str], None]
Monitors = Callable[[str], Monitor]


@dataclass(frozen=True)
class Watch:
    """Who is told: `say` one line a stage, `monitor(name)` the epochs of a model."""

    say: Say = lambda _text: None
    monitor: Monitors = lambda _name: SILENT


@dataclass(frozen=True)
class Fitted:
    """A model fitted on the train part. `members`: what was fitted on the way to it; `chosen`: why this one, in words.

    `label` goes before the names of its members' runs in MLflow; `starts`: what networks begin from in the last fit.
    """

    recommender: Recommender
    config: Any
    chosen: str
    validation: float
    members: tuple[Chosen, ...]
    brings: Mapping[str, Any]
    label: str = ""
    starts: Mapping[str, Start] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """The one look at the test part: the model, popularity beside it, and each of its members."""

    evaluation: Evaluation
    popularity: Evaluation
    models: Mapping[str, Evaluation]

    @property
    def beats_popularity(self) -> Comparison:
        """User by user."""
        return paired_test(self.evaluation.per_user[TARGET], self.popularity.per_user[TARGET])

    def compared(self, name: str) -> dict[str, FamilyMember]:
        """The model (`name`) against all that was fitted beside it, as one family."""
        others = {other: one.per_user[TARGET] for other, one in self.models.items() if other != name}
        return compare_all(self.evaluation.per_user[TARGET], others) if others else {}


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Ends a stage; one that comes twice adds up."""
        now = time.perf_counter()
        self.laps[name], self._last = self.laps.get(name, 0.0) + now - self._last, now


class Children:
    """Nested runs by model name, opened when a model's fit begins and all ended with the parent."""

    def __init__(self, parent: Run, stack: ExitStack, tags: Mapping[str, str]) -> None:
        self.parent = parent
        self._tags = tags
        self._stack = stack
        self.runs: dict[str, Run] = {}
        self._fits: dict[str, int] = {}

    def open(self, name: str) -> Run:
        """The run of this name, begun when it is new."""
        if name not in self.runs:
            self.runs[name] = self._stack.enter_context(self.parent.child(name, {"model": name, **self._tags}))
        return self.runs[name]

    def monitor(self, name: str, shown: Monitor) -> Both:
        """Writes the epochs of one more fit of this name into its run."""
        self._fits[name] = self._fits.get(name, -1) + 1
        return Both(self.open(name), shown, self._fits[name])


class Both:
    """A monitor that tells two. `config` counts the configs of a grid; those fitted in turn start at epoch 1 each."""

    def __init__(self, run: Run, shown: Monitor, config: int = 0) -> None:
        self._run = run
        self._shown = shown
        self._config = config
        self._last = 0

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:
        """As `Monitor.epoch`."""
        self._config += number <= self._last
        self._last = number
        prefix = "epoch/" if not self._config else f"epoch/config_{self._config}/"
        self._run.metrics(metrics, step=number, prefix=prefix)
        self._shown.epoch(number, total, metrics)


def of_auto(auto: AutoResult) -> Fitted:
    """What `auto` chose."""
    return Fitted(auto.recommender, None, auto.text, auto.validation, auto.members, auto.brings)


def measure(fitted: Fitted, prepared: Prepared) -> Measured:
    """Reads the test part for the model, its members and popularity."""
    models = {member.best.name: on_test(member.recommender, prepared) for member in fitted.members}
    whole = models.get(fitted.recommender.name) or on_test(fitted.recommender, prepared)
    popularity = models.get(POPULARITY) or on_test(find(POPULARITY).build().fit(prepared.data), prepared)
    return Measured(whole, popularity, models)


def everything(snapshot: Snapshot, min_value: float | None, seed: int = 42) -> TrainingData:
    """All positives of the snapshot as training data, nothing held out."""
    return TrainingData(known_histories(snapshot, min_value), side_information(snapshot), None, seed)


def log_fit(
    run: Run, runs: Children, fitted: Fitted, measured: Measured, about: Mapping[str, str] | None = None
) -> None:
    """Settings and measures of the model and of its members. `about`: snapshot and split: what may be compared."""
    for member in fitted.members:
        child = runs.open(fitted.label + member.best.name)
        child.params({"model": member.best.name, **member.best.settings, "configs tried": len(member.tried)})
        child.metrics({TARGET: member.best.validation}, prefix="validation/")
        child.metrics({"seconds/fit": sum(one.seconds for one in member.tried)})
        child.metrics(measured.models[member.best.name].metrics, prefix="test/")
        child.tags(about or {})
        log_per_user(child, measured.models[member.best.name], about or {})
    run.metrics({TARGET: fitted.validation}, prefix="validation/")
    run.metrics(measured.evaluation.metrics, prefix="test/")
    run.metrics(measured.popularity.metrics, prefix="popularity/")
    run.metrics({name: one["difference"] for name, one in fitted.brings.items()}, prefix="brings/")


def register(
    run: Run,
    registry: Registry,
    final: Recommender,
    card: ModelCard,
    *,
    items: Sequence[str],
    measured: Recommender,
    evaluation: Evaluation,
    tags: Mapping[str, str],
    description: str = "",
) -> Version:
    """Saves the model aside and adds it to the registry. `measured`: the fit on the train part, whose weights stay."""
    with tempfile.TemporaryDirectory(prefix="interlace-model-") as name:
        folder = Path(name)
        tested = Tested(evaluation.users, {TARGET: evaluation.per_user[TARGET]})
        save(final, folder, card, items=items, tested=tested)
        save_weights(folder, final=final, measured=measured)
        return registry.register(run, folder, tags=tags, description=description)
