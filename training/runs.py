"""Runs in MLflow read back: lists of them, and two or more side by side with paired tests from what they kept.

After training. Runs may be of other days and other machines: they are compared user by user if they were measured on
the same snapshot and split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData, NotFound
from training.artifacts import read_per_user
from training.metrics import TARGET
from training.registry import Registry
from training.significance import FamilyMember, family, paired_test
from training.tracking import Tracker, metric_name

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

SHOWN_PREFIXES = ("test/", "validation/", "beyond/", "seconds/")
LEAST_CHARACTERS = 4
"""Of a run's id, to name it by."""


@dataclass(frozen=True)
class RunRow:
    """A run in a list. `parent`: id of the run it is nested in. `begun` in milliseconds since 1970."""

    id: str
    name: str
    experiment: str
    model: str
    status: str
    begun: int
    parent: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Runs side by side. `params`: only those that differ. `tests`: each later run against the first, Holm-corrected.

    `untested`: runs that could not be tested against the first, and why.
    """

    runs: tuple[RunRow, ...]
    params: Mapping[str, tuple[str | None, ...]]
    metrics: Mapping[str, tuple[float | None, ...]]
    measure: str
    tests: Mapping[str, FamilyMember]
    untested: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def list_runs(tracker: Tracker, *, experiment: str = "", nested: bool = False, most: int = 20) -> list[RunRow]:
    """The newest runs first, of one experiment or of all. Raises `NotFound` for an experiment that is not there."""
    names = _experiments(tracker)
    if experiment and experiment not in names.values():
        raise NotFound(f"no experiment {experiment!r}", valid=", ".join(sorted(names.values())) or "none yet",
                       remedy="interlace train")  # fmt: skip
    chosen = [number for number, name in names.items() if not experiment or name == experiment]
    found: list[RunRow] = []
    token = None
    while chosen and len(found) < most:
        page = tracker.client.search_runs(
            chosen, order_by=["attributes.start_time DESC"], max_results=min(1000, 5 * most), page_token=token
        )
        rows = [_row(run, names) for run in page]
        found += [row for row in rows if nested or not row.parent]
        token = page.token
        if not token:
            break
    return found[:most]


def find_run(registry: Registry, name: str) -> RunRow:
    """A run by its id or the beginning of it, or by a model version as `version:3`, `champion`, `challenger`.

    Raises `NotFound` where there is none, `InvalidData` where several begin so.
    """
    tracker = registry.tracker
    if name in ("champion", "challenger") or name.startswith("version:"):
        return _by_id(tracker, registry.find(name.removeprefix("version:")).run_id)
    if len(name) < LEAST_CHARACTERS:
        raise InvalidData(f"{name!r} is too short for a run", valid=f"at least {LEAST_CHARACTERS} characters of its id",
                          remedy="interlace runs list")  # fmt: skip
    found = _begin_with(tracker, name)
    if not found:
        raise NotFound(f"no run {name!r}", valid="a run's id, version:N, champion or challenger",
                       remedy="interlace runs list --nested")  # fmt: skip
    if len(found) > 1:
        raise InvalidData(f"{len(found)} runs begin with {name!r}", valid=", ".join(row.id for row in found),
                          remedy="give more of the id")  # fmt: skip
    return found[0]


def compare_runs(registry: Registry, names: Sequence[str], *, measure: str = TARGET, seed: int = 42) -> Comparison:
    """Two or more runs side by side; the first is what the others are tested against, user by user, as one family."""
    rows = [find_run(registry, name) for name in names]
    if len({row.id for row in rows}) < len(rows) or len(rows) < 2:
        raise InvalidData("a comparison needs different runs", valid="two or more runs", remedy="interlace runs list")
    kept = [registry.tracker.client.get_run(row.id) for row in rows]
    metrics = _table([{name: one for name, one in run.data.metrics.items() if name.startswith(SHOWN_PREFIXES)}
                      for run in kept])  # fmt: skip
    chosen = [{"chosen": run.data.tags["chosen"]} if "chosen" in run.data.tags else {} for run in kept]
    params = _table([{**run.data.params, **one} for run, one in zip(kept, chosen, strict=True)])
    tests, untested = _tests(registry.tracker, rows, measure, seed)
    return Comparison(
        runs=tuple(rows),
        params={name: values for name, values in params.items() if len(set(values)) > 1},
        metrics=metrics,
        measure=measure,
        tests=tests,
        untested=untested,
    )


def _tests(
    tracker: Tracker, rows: Sequence[RunRow], measure: str, seed: int
) -> tuple[dict[str, FamilyMember], dict[str, str]]:
    first = _measured(tracker, rows[0].id, measure)
    found, untested = {}, {}
    for row in rows[1:]:
        other = _measured(tracker, row.id, measure)
        why = _why_not(first, other, measure)
        if why or first is None or other is None:
            untested[row.id] = why
        else:
            found[row.id] = paired_test(other[1], first[1], seed=seed)
    return family(found), untested


_Measured = tuple[NDArray[np.int64], NDArray[np.float64], Mapping[str, str]]


def _measured(tracker: Tracker, run_id: str, measure: str) -> _Measured | None:
    kept = read_per_user(tracker, run_id)
    if kept is None or measure not in kept[0].measures:
        return None
    return kept[0].users, kept[0].measures[measure], kept[1]


def _why_not(first: _Measured | None, other: _Measured | None, measure: str) -> str:
    """Why two runs cannot be tested against each other; empty when they can."""
    if first is None or other is None:
        return f"{'the first run' if first is None else 'it'} kept no {measure} by user"
    for what in ("snapshot", "split"):
        if first[2].get(what) != other[2].get(what):
            return f"other {what}: {str(other[2].get(what))[:40]}, not {str(first[2].get(what))[:40]}"
    return "" if np.array_equal(first[0], other[0]) else "other test users"


def _table(columns: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Name -> its value in each, None where it is missing; names sorted."""
    names = sorted({name for column in columns for name in column})
    return {name: tuple(column.get(name) for column in columns) for name in names}


def _experiments(tracker: Tracker) -> dict[str, str]:
    return {one.experiment_id: one.name for one in tracker.client.search_experiments()}


def _by_id(tracker: Tracker, run_id: str) -> RunRow:
    return _row(tracker.client.get_run(run_id), _experiments(tracker))


def _begin_with(tracker: Tracker, name: str) -> list[RunRow]:
    names = _experiments(tracker)
    wanted = f"attributes.run_id LIKE '{''.join(one for one in name if one.isalnum())}%'"
    page = tracker.client.search_runs(list(names), wanted, max_results=5) if names else []
    return [row for row in (_row(run, names) for run in page) if row.id.startswith(name)]


def _row(run: MlflowRun, experiments: Mapping[str, str]) -> RunRow:
    tags = run.data.tags
    return RunRow(
        id=run.info.run_id,
        name=run.info.run_name or "",
        experiment=experiments.get(run.info.experiment_id, run.info.experiment_id),
        model=tags.get("model", run.data.params.get("model", "")),
        status=run.info.status,
        begun=int(run.info.start_time or 0),
        parent=tags.get("mlflow.parentRunId", ""),
        metrics=dict(run.data.metrics),
        tags={name: value for name, value in tags.items() if not name.startswith("mlflow.")},
    )


def quality(row: RunRow, part: str = "test") -> float | None:
    """A run's ndcg@10 on a part (`test`, `validation`); None where it was not measured."""
    return row.metrics.get(f"{part}/{metric_name(TARGET)}")
