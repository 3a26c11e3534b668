"""Tuning: Optuna draws settings from a model's space, fits them on train and keeps what validation likes best.

Between snapshot and training; the test part is not even handed over. Sampler: TPE, multivariate (Bergstra et al. 2011).
Pruner: successive halving on the validation curve, through the training loop's monitor. Several processes may work on
one study; one that was killed or stopped goes on where it was when the same command is given again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from graph.errors import InterlaceError, InvalidData, Unsupported
from training.data import HeldOut, TrainingData
from training.evaluate import evaluate
from training.metrics import TARGET
from training.space import draw
from training.study import EPOCHS, ERROR, FIXED, SECONDS, WORKER, Pruner, Studies, again, counted, this_worker
from training.tracking import Tracker
from training.trial_runs import TrialRuns
from training.zoo import ZOO, find

if TYPE_CHECKING:
    from optuna import Study, Trial

ALL = "all"
TRIALS = 30
LEAST_SECONDS = 5.0


@dataclass(frozen=True)
class Budget:
    """What each model may use: trials a study holds in the end, seconds this call takes, processes at work.

    `ray`: the address of a Ray cluster (`training.scale.ray_jobs`) whose processes they are; empty: of this machine.
    """

    trials: int = TRIALS
    seconds: float | None = None
    processes: int = 1
    pruner: Pruner = "halving"
    ray: str = ""


@dataclass(frozen=True)
class Work:
    """What one process needs to work on a study. `until`: wall-clock time after which no trial is begun."""

    studies: Studies
    model: str
    data: TrainingData
    overrides: Mapping[str, Any]
    budget: Budget
    until: float


@dataclass(frozen=True)
class Tuned:
    """The study of one model: its best settings (None: no trial was completed), the file and the MLflow run of it."""

    model: str
    settings: Mapping[str, Any] | None
    validation: float | None
    trials: int
    pruned: int
    failed: int
    seconds: float
    file: str | None
    run_id: str


@dataclass(frozen=True)
class TuneReport:
    """What `tune` found, best model first. `interrupted`: it was stopped before its budget was spent."""

    study: str
    data: Mapping[str, Any]
    measure: str
    models: tuple[Tuned, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Seen:
    """How far a study is: told to who watches, after each trial."""

    model: str
    done: int
    of: int
    best: float | None


Watch = Callable[[Seen], None]


def models_of(name: str, data: TrainingData) -> tuple[list[str], dict[str, str]]:
    """The models to tune, and why others are left out. Raises `NotFound` or `Unsupported` for one that cannot be."""
    if name == ALL:
        asked = list(ZOO)
    else:
        if not find(name).fits(data):
            raise Unsupported(f"the data has not what {name!r} learns from ({', '.join(find(name).needs)})",
                              valid=", ".join(one for one in ZOO if find(one).fits(data)),
                              remedy="interlace encode, or ingest triples; or choose another model")  # fmt: skip
        asked = [name]
    skipped = {one: "the data has not what it learns from" for one in asked if not find(one).fits(data)}
    return [one for one in asked if one not in skipped], skipped


def tune(
    model: str,
    data: TrainingData,
    about: Mapping[str, Any],
    *,
    studies: Studies,
    tracker: Tracker,
    experiment: str,
    budget: Budget | None = None,
    overrides: Mapping[str, Any] | None = None,
    watch: Watch = lambda _seen: None,
) -> TuneReport:
    """Tunes `model` (or `all` that the data allows, each with the same budget) by validation ndcg@10.

    `about`: what identifies the data and its split: a study goes on only with the same. `overrides` fix settings. A
    KeyboardInterrupt ends it with a report of what there is. Errors: `InvalidData` without a validation part.
    """
    _held_out(data)
    budget = budget or Budget()
    names, skipped = models_of(model, data)
    for name in names:
        find(name).config(overrides)
    about = {**about, FIXED: dict(overrides)} if overrides else about
    found: list[Tuned] = []
    interrupted = False
    for name in names:
        seconds = float("inf") if budget.seconds is None else budget.seconds / len(names)
        work = Work(studies, name, data, overrides or {}, budget, time.time() + seconds)
        tuned, interrupted = _tune_one(work, about, TrialRuns(tracker, experiment, studies.name, name), watch)
        found.append(tuned)
        if interrupted:
            break
    found.sort(key=lambda one: -1.0 if one.validation is None else one.validation, reverse=True)
    return TuneReport(studies.name, dict(about), f"validation {TARGET}", tuple(found), skipped, interrupted)


def _tune_one(work: Work, about: Mapping[str, Any], runs: TrialRuns, watch: Watch) -> tuple[Tuned, bool]:
    started = time.perf_counter()
    study = work.studies.create(work.model, about)
    interrupted, done = False, -1
    with runs.open({**about, "trials": work.budget.trials, "pruner": work.budget.pruner}):

        def after() -> None:
            nonlocal done
            now = counted(study)
            if now == done:
                return
            done = now
            runs.sync(study)
            best = work.studies.write_best(work.model, study)
            watch(Seen(work.model, done, work.budget.trials, None if best is None else best["validation"]))

        after()
        try:
            _run(work, after)
        except KeyboardInterrupt:
            interrupted = True
        after()
        runs.sync(study)
        best = work.studies.write_best(work.model, study)
        runs.best(best)
    return _tuned(work, study, best, runs.id, time.perf_counter() - started), interrupted


def _run(work: Work, after: Callable[[], None]) -> None:
    if work.budget.ray:
        from training.scale.ray_jobs import work_in_ray

        work_in_ray(work, after, work.budget.ray)
        return
    if work.budget.processes == 1:
        work_on(work, after=after)
        return
    from training.tune_processes import work_in_processes

    work_in_processes(work, after)


def _tuned(work: Work, study: Study, best: Mapping[str, Any] | None, run_id: str, seconds: float) -> Tuned:
    states = [trial.state.name for trial in study.get_trials(deepcopy=False) if trial.state.name != "FAIL"]
    done = counted(study)
    complete, pruned = states.count("COMPLETE"), states.count("PRUNED")
    return Tuned(
        model=work.model,
        settings=None if best is None else best["settings"],
        validation=None if best is None else best["validation"],
        trials=done,
        pruned=pruned,
        failed=done - complete - pruned,
        seconds=seconds,
        file=None if best is None else str(work.studies.best_file(work.model)),
        run_id=run_id,
    )


def work_on(
    work: Work,
    *,
    number: int = 0,
    turn: AbstractContextManager[Any] | None = None,
    after: Callable[[], None] = lambda: None,
) -> None:
    """One process: trials one after another until the budget is spent. `number`: which process; `turn`: one at a time
    counts and asks, so that together they run no more trials than there are to be.
    """
    model = find(work.model)
    handle = work.studies.open(work.model)
    begun = len(handle.get_trials(deepcopy=False))
    seed = work.data.seed + begun + 7919 * number  # going on must not draw the first trials' numbers again
    epochs = int(getattr(model.config(work.overrides), "epochs", 0))
    study = work.studies.open(work.model, seed=seed, pruner=work.budget.pruner, epochs=epochs)
    while time.time() < work.until:
        with turn or nullcontext():
            if _begun(study) >= work.budget.trials:
                return
            trial = study.ask()
            trial.set_user_attr(WORKER, this_worker())
        try:
            _try(work, study, trial)
        except KeyboardInterrupt:
            again(study, trial.number, trial.params)
            raise
        after()


def _begun(study: Study) -> int:
    trials = study.get_trials(deepcopy=False)
    running = sum(trial.state.name == "RUNNING" and WORKER in trial.user_attrs for trial in trials)
    return counted(study) + running


def _try(work: Work, study: Study, trial: Trial) -> None:
    """Fits and measures one trial, and tells the study. Settings that a model cannot bear fail the trial alone."""
    from optuna import TrialPruned
    from optuna.trial import TrialState

    try:
        value = _value(work, trial)
    except TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except (InterlaceError, FloatingPointError) as error:
        trial.set_user_attr(ERROR, str(error))
        study.tell(trial, state=TrialState.FAIL)
    except Exception as error:
        trial.set_user_attr(ERROR, repr(error))
        study.tell(trial, state=TrialState.FAIL)
        raise
    else:
        study.tell(trial, value)


def _value(work: Work, trial: Trial) -> float:
    model = find(work.model)
    space = {name: one for name, one in model.space().items() if name not in work.overrides}
    config = model.config({**draw(space, trial), **work.overrides})
    monitor = Pruning(trial)
    started = time.perf_counter()
    try:
        recommender = model.build(_bounded(config, work.until - time.time())).fit(work.data, monitor)
        return float(evaluate(recommender, _held_out(work.data), ks=(10,)).metrics[TARGET])
    finally:
        trial.set_user_attr(SECONDS, time.perf_counter() - started)
        trial.set_user_attr(EPOCHS, monitor.epochs)


def _bounded(config: Any, seconds: float) -> Any:
    """A network's training time ends with the budget's: it keeps the best of the epochs it had."""
    if seconds == float("inf") or getattr(config, "max_seconds", 0.0) is not None:
        return config
    return replace(config, max_seconds=max(LEAST_SECONDS, seconds))


def _held_out(data: TrainingData) -> HeldOut:
    if data.validation is None or not len(data.validation):
        raise InvalidData("there is no validation part to tune by", valid="a split with validation interactions",
                          remedy="split again")  # fmt: skip
    return data.validation


class Pruning:
    """The monitor of a trial: hands each validation to the pruner, and ends the fit when it says so."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.epochs: dict[str, list[tuple[int, float]]] = {}

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:  # noqa: ARG002 - the contract
        """As `Monitor.epoch`. Raises Optuna's `TrialPruned`."""
        from optuna import TrialPruned

        for name, value in metrics.items():
            self.epochs.setdefault(name, []).append((number, float(value)))
        if TARGET in metrics:
            self._trial.report(float(metrics[TARGET]), number)
            if self._trial.should_prune():
                raise TrialPruned
