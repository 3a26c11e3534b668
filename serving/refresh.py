"""`interlace refresh`: the flow's arrows again, only where something changed.

Takes the lock, marks what an earlier run left behind as interrupted, goes through the steps (`serving.refresh_steps`),
and keeps the state of the run where people look: a `RefreshRun` node in the graph (`serving.refresh_runs`) and an
MLflow run in the experiment `refresh`. Killed anywhere and run again, it ends in what an undisturbed run ends in.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from graph.errors import Conflict, InterlaceError, InvalidData
from graph.ingest import recover
from graph.store import GraphStore
from serving.flush import flush
from serving.progress import Reporter
from serving.refresh_choice import BUDGET, Choice, remember, remembered
from serving.refresh_lock import Lock, refresh_lock
from serving.refresh_runs import RunRecord, StepRecord, StepState, interrupt, save
from serving.refresh_sources import sources
from serving.refresh_steps import STEPS, Flow, Result
from serving.settings import Settings
from serving.steps import Done, Step, Steps

if TYPE_CHECKING:
    from training.tracking import Run, Tracker

EXPERIMENT = "refresh"
TAG = "refresh_run"
FULL = "asked for: --full"


@dataclass(frozen=True)
class RefreshReport:
    """A run, and each step's result by name (of earlier runs where it was skipped)."""

    record: RunRecord
    results: Mapping[str, Result]
    log: tuple[Done, ...]

    def as_dict(self) -> dict[str, Any]:
        return self.record.as_dict()


@dataclass(frozen=True)
class Refresh:
    """One refresh of a home. `trigger`: who asked for it; `choice`: how models are trained, where not as before."""

    settings: Settings
    reporter: Reporter
    choice: Choice = field(default_factory=Choice)
    trigger: str = "command"
    run_id: str = ""

    def run(self, store: GraphStore, *, full: bool = False, only: str = "") -> RefreshReport:
        """Does what is to be done. `full`: all of it, whatever is recorded; `only`: that step alone.

        Errors: `Conflict` when another refresh is going on, or when `only` names a step before which another must
        come; `InvalidData` for an unknown step or an empty graph without sources; `NotFound` for a vanished source.
        """
        _check(only)
        run_id = self.run_id or f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
        with refresh_lock(store, self.settings.home, run_id) as lock:
            from training.tracking import open_tracker

            tracker = open_tracker(self.settings.mlflow)
            _end_interrupted(store, tracker)
            recover(store, self.settings.home)
            flow = self._flow(store, full, run_id)
            _check_models(flow.choice)
            remember(self.settings.home, flow.choice)
            record = RunRecord(run_id, "running", self.trigger, time.time())
            save(store, record)
            running = _Running(store, record, lock)
            try:
                with tracker.run(EXPERIMENT, run_id, {TAG: run_id, "trigger": self.trigger}) as tracked:
                    running.go(flow, tracked, only, FULL if full else _only(only))
            finally:  # after MLflow's run has ended: whoever is killed between leaves a run that the next one ends
                done = running.close()
        return RefreshReport(done, flow.results, tuple(flow.steps.log))

    def plan(self, store: GraphStore, *, full: bool = False, only: str = "") -> tuple[StepRecord, ...]:
        """Which steps would run, and why; nothing is done."""
        _check(only)
        flow, planned, first = self._flow(store, full), list[StepRecord](), ""
        for name in STEPS:
            if only and name != only:
                _before(flow, name, only)
                continue
            if first:
                planned.append(StepRecord(name, "running", FULL if full else f"if {first} brings something new"))
                continue
            found = flow.steps.check(flow.step(name))
            flow.results[name] = found.result
            because = FULL if full else _only(only)
            runs = bool(because) or not found.reused
            first = name if runs else ""
            planned.append(StepRecord(name, "running" if runs else "skipped", because or found.why))
        return tuple(planned)

    def _flow(self, store: GraphStore, full: bool, run_id: str = "") -> Flow:
        known = sources(self.settings.home, self.settings.store_url)
        if not known and not _holds_items(store):
            raise InvalidData(
                f"there is nothing to refresh: the graph at {store.url!r} is empty and no source is remembered",
                valid="a graph that `interlace ingest` filled",
                remedy="interlace ingest PATH --platform NAME",
            )
        before = remembered(self.settings.home) or self._first_choice()
        return Flow(
            self.settings,
            self.reporter,
            Steps(self.settings.home),
            store,
            known,
            self.choice.settled(before),
            run_id,
            full,
        )

    def _first_choice(self) -> Choice:
        """As the champion was trained, where there is one."""
        from serving.workflow import open_registry
        from training.model_files import read_card

        registry = open_registry(self.settings.mlflow)
        champion = registry.champion()
        least = None if champion is None else read_card(registry.folder(champion)).min_value
        return Choice(least, (), BUDGET)


@dataclass
class _Running:
    """The run as it goes: its record is written at every turn."""

    store: GraphStore
    record: RunRecord
    lock: Lock

    def go(self, flow: Flow, tracked: Run, only: str, because: str) -> None:
        """The steps in order; an error ends the run as failed, a stop by the user as interrupted."""
        self.record = replace(self.record, mlflow_run=tracked.id)
        save(self.store, self.record)
        try:
            flush(self.store, flow.home)
            for name in STEPS:
                self.lock.check()
                if only in ("", name):
                    self._step(flow, tracked, flow.step(name), because)
                else:
                    _before(flow, name, only)
            self._end(tracked, flow.results)
        except BaseException as error:
            what = error.what if isinstance(error, InterlaceError) else f"{type(error).__name__}: {error}"
            self._fail(tracked, "failed" if isinstance(error, Exception) else "interrupted", what)
            raise

    def _step(self, flow: Flow, tracked: Run, step: Step, because: str) -> None:
        found = flow.steps.check(step)
        if because or not found.reused:
            self._put(StepRecord(step.name, "running", because or found.why))
        done = flow.steps.do(step, because, found=found)
        flow.results[step.name] = done.result
        state: StepState = "skipped" if done.reused else "done"
        counts = {} if done.reused else dict(done.result.get("counts", {}))
        self._put(StepRecord(step.name, state, done.why, 0.0 if done.reused else done.seconds, counts))
        if not done.reused:
            numbers = {name: value for name, value in counts.items() if isinstance(value, int | float)}
            tracked.metrics({"seconds": done.seconds, **numbers}, prefix=f"{step.name}/")

    def _put(self, step: StepRecord) -> None:
        """Adds or replaces a step's record, and writes the run."""
        steps = {one.name: one for one in self.record.steps}
        self.record = replace(self.record, steps=tuple({**steps, step.name: step}.values()))
        save(self.store, self.record)

    def _end(self, tracked: Run, results: Mapping[str, Result]) -> None:
        trained, published = results.get("train", {}), results.get("publish", {})
        version, index = str(trained.get("version", "")), str(published.get("index", ""))
        self.record = replace(self.record, state="done", ended=time.time(), model_version=version, index=index)
        training = str(trained.get("run_id", ""))
        tracked.tags({"state": "done", "model_version": version, "index": index, "training_run": training})

    def _fail(self, tracked: Run, state: Literal["failed", "interrupted"], what: str) -> None:
        steps = tuple(replace(one, state=state) if one.state == "running" else one for one in self.record.steps)
        self.record = replace(self.record, state=state, ended=time.time(), steps=steps, error=what)
        tracked.tags({"state": state, "error": what[:5000]})

    def close(self) -> RunRecord:
        """Writes how it ended."""
        if self.record.state == "running":
            text = "it ended before its first step"
            self.record = replace(self.record, state="failed", ended=time.time(), error=text)
        save(self.store, self.record)
        return self.record


def _check(only: str) -> None:
    if only and only not in STEPS:
        raise InvalidData(f"there is no step {only!r}", valid=", ".join(STEPS), remedy="name one of these with --only")


def _check_models(choice: Choice) -> None:
    """Raises `NotFound` for a model that does not exist: before it is remembered."""
    from training.zoo import find

    for name in choice.names or ():
        find(name)


def _only(only: str) -> str:
    return f"asked for: --only {only}" if only else ""


def _before(flow: Flow, name: str, only: str) -> None:
    """A step that is not to be done: one before the asked one must be done already, one after it waits."""
    order = list(STEPS)
    if order.index(name) > order.index(only):
        return
    step = flow.step(name)
    found = flow.steps.check(step)
    if not found.reused and not step.idle:
        raise Conflict(
            f"step {name!r} must come before {only!r}: {found.why}",
            valid=f"--only {name} first",
            remedy="interlace refresh, which does what is to be done in order",
        )
    flow.results[name] = found.result


def _holds_items(store: GraphStore) -> bool:
    return bool(store.query("item_count").rows[0][0])


def _end_interrupted(store: GraphStore, tracker: Tracker) -> None:
    """Nobody else refreshes: what says that it does was killed."""
    from training.tracking import end_interrupted

    for record in interrupt(store, time.time()):
        end_interrupted(tracker, {TAG: record.id})
