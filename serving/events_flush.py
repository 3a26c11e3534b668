"""Events into the graph, as interactions: a batch is one load of the change log, so that a refresh reads only what it
brought. What was written and not yet noted is written again: interactions are merged by user, item, kind and time.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from graph.changes import Load, mark_of
from graph.schema import ITEM, KIND_TO_TYPE, USER, Entity, Interaction
from graph.store import GraphStore
from serving.catalogue import platform_of
from serving.events import Event, EventLog

BATCH = 1_000
RUN = "events.load"
"""Folder of the load that goes on; found again after a kill."""


def flush_events(store: GraphStore, home: Path, log: EventLog) -> int:
    """Writes what waits; returns how many events. Those of items that the graph does not know go on waiting."""
    written, after = 0, 0
    while batch := log.waiting(BATCH, after):
        after = batch[-1].sequence
        there = _there(store, ITEM, {one.item for one in batch})
        ready = [one for one in batch if one.item in there]
        if ready:
            _write(store, home, ready)
            log.apply([one.sequence for one in ready], version_now(store))
            written += len(ready)
    return written


def version_now(store: GraphStore) -> int:
    """The graph's version."""
    mark = mark_of(store)
    return 0 if mark is None else mark.version


def _write(store: GraphStore, home: Path, events: Sequence[Event]) -> None:
    run = home / RUN
    run.mkdir(exist_ok=True)
    load = Load(store, home, run)
    users = {one.user for one in events}
    new = sorted(users - _there(store, USER, users))
    entities = [Entity(USER, user, {"platform": platform_of(user, {})}) for user in new]
    acts = [Interaction(one.user, one.item, one.kind_name, one.value, one.at) for one in events]
    store.ensure_schema([USER])
    store.write(entities, acts, bump=False)
    load.end(_plan(home, new, events))
    shutil.rmtree(run)


def _plan(home: Path, new: Sequence[str], events: Iterable[Event]) -> Path:
    """What the load brought, as a plan's folder."""
    folder = Path(mkdtemp(prefix="events-", dir=home))
    if new:
        pq.write_table(pa.table({"id": pa.array(new, pa.string())}), folder / f"000000.new.{USER}.parquet")
    by_kind: dict[str, list[Event]] = defaultdict(list)
    for one in events:
        by_kind[one.kind_name].append(one)
    for place, (kind, some) in enumerate(by_kind.items(), start=1):
        name = f"{place:06d}.new.{KIND_TO_TYPE[kind]}.{USER}.{ITEM}.parquet"
        pq.write_table(_rows(some), folder / name, compression="lz4")
    return folder


def _rows(events: Sequence[Event]) -> pa.Table:
    columns: dict[str, tuple[list[Any], pa.DataType]] = {
        "head": ([one.user for one in events], pa.string()),
        "tail": ([one.item for one in events], pa.string()),
        "value": ([one.value for one in events], pa.float64()),
        "at": ([one.at for one in events], pa.int64()),
    }
    return pa.table({name: pa.array(values, kind) for name, (values, kind) in columns.items()})


def _there(store: GraphStore, label: str, ids: Iterable[str]) -> set[str]:
    """Of these ids, those that the graph has a node of."""
    return {row[0] for row in store.query(f"ids_of_{label.lower()}", {"ids": sorted(ids)}).rows}
