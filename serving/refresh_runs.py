"""The record of each refresh: one `RefreshRun` node a run in the graph, for people, the API and the page to read.

Written by `serving.refresh` when a run begins, after each step and at the end. A run that was killed stays `running`
until the next one marks it `interrupted`. No part of a snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from dataclasses import fields as dataclass_fields
from typing import Any, Literal, TypeAlias

from graph.errors import NotFound
from graph.schema import REFRESH_RUN
from graph.store import GraphStore

State: TypeAlias = Literal["running", "done", "failed", "interrupted"]
StepState: TypeAlias = Literal["running", "done", "skipped", "failed", "interrupted"]


@dataclass(frozen=True)
class StepRecord:
    """One step of a run: `why` it ran or was skipped, `seconds` it took in this run, `counts` of what it did."""

    name: str
    state: StepState
    why: str = ""
    seconds: float = 0.0
    counts: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """One run. `trigger`: who asked (`command`, `api`, `schedule`); `started`, `ended`: Unix seconds.

    `mlflow_run`: its run in the experiment `refresh`; `model_version` and `index`: what served when it had ended.
    """

    id: str
    state: State
    trigger: str
    started: float
    ended: float | None = None
    steps: tuple[StepRecord, ...] = ()
    error: str = ""
    mlflow_run: str = ""
    model_version: str = ""
    index: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took, None while it runs."""
        return None if self.ended is None else self.ended - self.started

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": self.seconds}


def save(store: GraphStore, record: RunRecord) -> None:
    """Writes the run's node, whole."""
    properties = asdict(record)
    properties["steps"] = json.dumps([asdict(step) for step in record.steps], ensure_ascii=False)
    store.ensure_schema([REFRESH_RUN])
    store.query("save_refresh_run", {"id": record.id, "properties": properties})


def recent(store: GraphStore, limit: int = 20) -> tuple[RunRecord, ...]:
    """The last runs, newest first."""
    return tuple(_record(row[0]) for row in store.query("refresh_runs", {"limit": limit}))


def find(store: GraphStore, run_id: str) -> RunRecord:
    """One run. Raises `NotFound`."""
    rows = store.query("refresh_run", {"id": run_id}).rows
    if not rows:
        raise NotFound(f"no refresh run {run_id!r}", valid="the id of a run", remedy="interlace refresh --status")
    return _record(rows[0][0])


def interrupt(store: GraphStore, ended: float) -> tuple[RunRecord, ...]:
    """Marks every run that says it is running as interrupted; only whoever holds the lease may ask for it."""
    found = [_record(row[0]) for row in store.query("refresh_runs_in_state", {"state": "running"})]
    marked = tuple(_interrupted(record, ended) for record in found)
    for record in marked:
        save(store, record)
    return marked


def _interrupted(record: RunRecord, ended: float) -> RunRecord:
    steps = tuple(replace(one, state="interrupted") if one.state == "running" else one for one in record.steps)
    return replace(record, state="interrupted", ended=ended, steps=steps, error="the process ended before the run did")


def _record(properties: Mapping[str, Any]) -> RunRecord:
    fields = {name: value for name, value in properties.items() if value is not None}
    fields["steps"] = tuple(StepRecord(**step) for step in json.loads(fields.get("steps", "[]")))
    return RunRecord(**{one.name: fields[one.name] for one in dataclass_fields(RunRecord) if one.name in fields})
