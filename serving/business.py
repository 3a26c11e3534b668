"""The logs of a home as one: what was shown, what people did, and how a challenger answered. Feeds `training.online`.

Not part of the request path. Events are those of `HOME/events.sqlite`; what was removed from there, as every index
holds it, is in the snapshot of the published index (`graph=True`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from graph.errors import InvalidData, NotFound
from graph.snapshot import NO_TIME
from graph.snapshot_files import load
from graph.snapshot_fresh import SNAPSHOTS
from serving.events import EventLog
from serving.experiment_runs import ExperimentRuns, Run
from serving.experiments import INTERLEAVE, MODEL, Arm, Experiment
from serving.exposures import ExposureLog
from serving.index import FOLDER, MANIFEST, Index, current_version, open_index, read_manifest
from training.online.log import ACT_COLUMNS, Ints, Log, encode, impressions_of
from training.online.plan import Plan
from training.online.shadow import Pair

AGES = 1 << 62
"""A time that no event has: «without end»."""
KEY = ("user", "item", "kind", "at")
SERVED, SEEN = "served", "seen"
ACTS = pa.schema(
    {"user": pa.string(), "item": pa.string(), "kind": pa.int64(), "value": pa.float64(), "at": pa.int64()}
)
SHOWN = pa.schema({
    "answer": pa.int64(), "user": pa.string(), "item": pa.string(), "at": pa.int64(), "rank": pa.int64(),
    "model": pa.string(), "arms": pa.string(), "propensity": pa.float64(), "team": pa.int64(),
})  # fmt: skip


@dataclass(frozen=True)
class Span:
    """Unix times: from `since` up to, not with, `until`; None: as far as there is anything."""

    since: int | None = None
    until: int | None = None

    @property
    def low(self) -> int:
        return -AGES if self.since is None else self.since

    @property
    def high(self) -> int:
        return AGES if self.until is None else self.until


def read_log(
    home: Path, span: Span, *, graph: bool = False, impressions: str = SERVED, now: float | None = None
) -> Log:
    """The home's logs over the span. `graph`: with the interactions of the published index's snapshot.

    `impressions`: `served`, the items of logged answers; `seen`, what clients reported as `impressed`. Raises
    `InvalidData` for another word, `NotFound` with `graph` when nothing is published.
    """
    if impressions not in (SERVED, SEEN):
        raise InvalidData(f"impressions {impressions!r}", valid=f"{SERVED}, {SEEN}", remedy="name one of these")
    acts = _events(home, span)
    if graph:
        acts = _merged(acts, _interactions(home, span))
    end = int(time.time() if now is None else now)
    log = encode(acts, _answers(home, span), end)
    return impressions_of(log) if impressions == SEEN else log


def _events(home: Path, span: Span) -> pa.Table:
    with closing(EventLog(home)) as log:
        if not log.ledger.there:
            return ACTS.empty_table()
        with log.ledger.open() as connection:
            text = f"SELECT {', '.join(ACT_COLUMNS)} FROM events WHERE at >= ? AND at < ?"  # noqa: S608  our own names
            rows = connection.execute(text, (span.low, span.high)).fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * len(ACT_COLUMNS)
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, ACTS, strict=True)], ACTS)


def _interactions(home: Path, span: Span) -> pa.Table:
    snapshot = load(home / SNAPSHOTS / open_index(home).snapshot)
    rows = snapshot.interactions
    rows = rows.take((rows.time != NO_TIME) & (rows.time >= span.low) & (rows.time < span.high))
    users, items = (pa.array(one.ids, pa.string()) for one in (snapshot.users, snapshot.items))
    value = pa.array(rows.value.astype(np.float64), from_pandas=True)
    kind, at = (pa.array(column.astype(np.int64)) for column in (rows.kind, rows.time))
    return pa.table([users.take(pa.array(rows.user)), items.take(pa.array(rows.item)), kind, value, at], schema=ACTS)


def _merged(events: pa.Table, rows: pa.Table) -> pa.Table:
    """Both, without rows that are events too."""
    marks = events.select(KEY).group_by(list(KEY)).aggregate([])
    return pa.concat_tables([events, rows.join(marks, list(KEY), join_type="left anti").select(ACT_COLUMNS)])


def _answers(home: Path, span: Span) -> pa.Table:
    with closing(ExposureLog(home)) as log:
        columns = "sequence, user, at, model, arms, items, propensities, teams"
        rows = log.read("answers", span.low, span.high, columns)
    lists = [orjson.loads(row[5]) for row in rows]
    sizes = np.array([len(one) for one in lists], np.int64)
    repeat = np.repeat(np.arange(len(rows)), sizes)
    place = np.arange(len(repeat)) - np.repeat(np.cumsum(sizes) - sizes, sizes)

    def column(at: int, kind: pa.DataType) -> pa.Array:
        return pa.array([row[at] for row in rows], kind).take(pa.array(repeat))

    def flat(at: int, missing: float) -> NDArray[np.float64]:
        parts = [[missing] * size if row[at] is None else orjson.loads(row[at]) for row, size in zip(rows, sizes)]  # noqa: B905
        return np.array([one for part in parts for one in part], np.float64)

    items = pa.array([one for part in lists for one in part], pa.string())
    team = flat(7, -1).astype(np.int64)
    propensity = pa.array(flat(6, np.nan), from_pandas=True)
    values = (column(0, pa.int64()), column(1, pa.string()), items, column(2, pa.int64()), place + 1,
              column(3, pa.string()), column(4, pa.string()), propensity, team)  # fmt: skip
    return pa.table([pa.array(one) if isinstance(one, np.ndarray) else one for one in values], schema=SHOWN)


def plan_of(run: Run) -> Plan:
    """What a report reads of a run."""
    one = run.experiment
    ends = [time for time in (one.end, run.stopped) if time is not None]
    return Plan(
        name=one.name, arms={arm.name: arm.weight for arm in one.arms}, measures=one.metrics, guards=dict(one.guards),
        minimum_effect=one.minimum_effect, alpha=one.alpha, horizon=one.horizon, window=one.window,
        expected=one.expected_users, start=run.since, end=min(ends, default=None), interleave=one.form == INTERLEAVE,
    )  # fmt: skip


def experiment_log(home: Path, run: Run, *, impressions: str = SERVED, now: float | None = None) -> Log:
    """What a run's report reads: from as long before its start as its horizon is, to its end and the horizon after."""
    plan = plan_of(run)
    until = None if plan.end is None else plan.end + max(plan.horizon, plan.window) + 9 * 24 * 3600
    kept = _has_snapshot(home)
    return read_log(home, Span(plan.start - plan.horizon, until), graph=kept, impressions=impressions, now=now)


def _has_snapshot(home: Path) -> bool:
    try:
        return (home / SNAPSHOTS / open_index(home).snapshot).is_dir()
    except NotFound:
        return False


def resolve(home: Path, experiment: Experiment) -> Experiment:
    """With the versions of the index in place of `current` and of model versions. Raises `NotFound`, `Conflict`."""
    from dataclasses import replace

    def arm(one: Arm) -> Arm:
        if MODEL not in one.options:
            return one
        return replace(one, options={**one.options, MODEL: index_version(home, str(one.options[MODEL]))})

    return replace(experiment, arms=tuple(arm(one) for one in experiment.arms))


def index_version(home: Path, name: str) -> str:
    """The version of the index that `name` means: itself, `current`, or the newest of a model's version."""
    if name == "current":
        return current_version(home)
    found = [path for path in (home / FOLDER).glob("*") if (path / MANIFEST).is_file()]
    for path in found:
        if path.name == name:
            open_index(home, name)
            return name
    for path in sorted(found, key=lambda one: -one.stat().st_mtime):
        if read_manifest(path)["model"]["version"] == name:
            return path.name
    known = ", ".join(sorted(f"{path.name} (model {read_manifest(path)['model']['version']})" for path in found))
    raise NotFound(f"no index {name!r}", valid=f"current, {known or 'and what was published'}",
                   remedy=f"interlace models stage {name}, for a version of `interlace models list`")  # fmt: skip


@dataclass(frozen=True)
class ShadowLog:
    """Pairs of answers of one challenger, the indexes they came from, and the log that their clicks are in."""

    version: str
    pairs: list[Pair]
    requests: list[str]
    index: Index
    since: int


def shadow_log(home: Path, version: str | None) -> ShadowLog:
    """Of the newest shadow, or of the one of this version. Raises `NotFound`."""
    with closing(ExperimentRuns(home)) as runs:
        known = runs.shadows()
    found = next((one for one in known if version in (None, one.version)), None)
    if found is None:
        named = ", ".join(one.version for one in known) or "none was started"
        raise NotFound(f"no shadow {version or ''}".rstrip(), valid=named, remedy="interlace shadow start VERSION")
    with closing(ExposureLog(home)) as log:
        columns = "request, user, champion_items, challenger_items, champion_ms, challenger_ms, challenger"
        rows = [row for row in log.read("shadowed", -AGES, AGES, columns) if row[6] == found.version]
    pairs = [Pair(row[1], orjson.loads(row[2]), orjson.loads(row[3]), row[4], row[5]) for row in rows]
    return ShadowLog(found.version, pairs, [row[0] for row in rows], open_index(home), found.started)


def challengers(home: Path, log: Log, shadow: ShadowLog) -> dict[int, Ints]:
    """The challenger's items by answer, as codes of the log: of the requests whose exposure was logged too."""
    with closing(ExposureLog(home)) as exposures:
        answers: dict[str, int] = dict(exposures.read("answers", shadow.since, AGES, "request, sequence"))
    codes = {item: code for code, item in enumerate(log.items)}
    lists: Iterable[tuple[str, Pair]] = zip(shadow.requests, shadow.pairs, strict=True)
    return {
        answers[request]: np.array([codes.get(item, -1) for item in pair.challenger], np.int64)
        for request, pair in lists
        if request in answers
    }
