"""What an ingest must change: staged rows less what the store holds, written to Parquet before anything is loaded.

The plan is what makes a load all or nothing: it can be finished, or taken back, by whoever finds it (`graph.load`).
Nodes are told apart by id; relationships by head, tail and, for interactions, time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from graph.columns import merge_nodes
from graph.existing import Codes, Queries, There, edges_of, nodes_by_id, unknown_time
from graph.schema import TYPE_TO_KIND
from graph.sources.chunks import ROW
from graph.stage import FILE, Edges, Key, Nodes, Stage

What: TypeAlias = Literal["new", "set", "old", "gone"]
"""Rows to create; rows to change, with their new values; the same rows with the values they have now; rows to delete,
with all the values they have."""


@dataclass
class Written:
    """Which rows of the source files bring something new: a mask a file."""

    rows: dict[int, NDArray[np.bool_]] = field(default_factory=dict)

    def add(self, files: NDArray[np.int32], numbers: NDArray[np.int64]) -> None:
        """Marks rows; numbers below 1 are no rows of a file."""
        for file in np.unique(files).tolist():
            mine = numbers[(files == file) & (numbers > 0)]
            mask = self.rows.get(file, np.zeros(0, np.bool_))
            if len(mine) and mine.max() >= len(mask):
                mask = np.concatenate([mask, np.zeros(int(mine.max()) + 1 - len(mask), np.bool_)])
            mask[mine] = True
            self.rows[file] = mask

    def count(self, file: int) -> int:
        return int(self.rows.get(file, np.zeros(0, np.bool_)).sum())


@dataclass
class Plan:
    """A folder of Parquet files, in the order in which they are to be loaded, and how many rows they hold."""

    folder: Path
    written: Written = field(default_factory=Written)
    nodes: int = 0
    relationships: int = 0
    changed: int = 0
    deleted_nodes: int = 0
    deleted_relationships: int = 0

    def save(self, key: Key, what: What, rows: pa.Table) -> None:
        """Adds a file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        number = sum(1 for _ in self.folder.iterdir())
        path = self.folder / f"{number:06d}.{what}.{'.'.join(key)}.parquet"
        pq.write_table(rows, path, compression="lz4")


def files_of(folder: Path, what: What) -> Iterator[tuple[Key, Path]]:
    """The files of one sort in a plan's folder, in order."""
    for path in sorted(folder.glob(f"*.{what}.*.parquet")):
        parts = path.name.split(".")[2:-1]
        yield (Nodes(parts[0]) if len(parts) == 1 else Edges(parts[0], parts[1], parts[2])), path


def make_plan(store: Queries, stage: Stage, folder: Path, watch: Callable[[int], None] | None = None) -> Plan:
    """Compares everything staged with the store; nodes first, as relationships need to know which are there.

    `watch` gets the number of rows compared since its last call.
    """
    watch = watch or _nobody
    plan = Plan(folder)
    new: dict[str, list[pa.Array]] = {}
    labels = {row[0] for row in store.query("labels_known")}
    for key in stage.nodes():
        asked = store if key.label in labels else None
        new[key.label] = [_watched(_plan_nodes(asked, key, rows, plan), rows, watch) for rows in stage.read(key)]
    for edges in stage.edges():
        created = pa.chunked_array(new.get(edges.head_label, []), pa.string()).combine_chunks()
        for rows in stage.read(edges):
            _plan_edges(store, edges, rows, created, plan)
            watch(rows.num_rows)
    return plan


def _nobody(_: int) -> None:
    """Nobody watches."""


def _watched(ids: pa.Array, rows: pa.Table, watch: Callable[[int], None]) -> pa.Array:
    watch(rows.num_rows)
    return ids


def _plan_nodes(store: Queries | None, key: Nodes, rows: pa.Table, plan: Plan) -> pa.Array:
    """Plans one bucket of a label; returns the ids that the store (None: one without this label) does not hold yet."""
    nodes = merge_nodes([rows.drop_columns([ROW, FILE])])
    names = [name for name in nodes.column_names if name != "id"]
    found = nodes_by_id(store, key.label, nodes.column("id").combine_chunks(), names) if store else {}
    there = pa.array(list(found), pa.string())
    known = pc.is_in(nodes.column("id"), value_set=there)
    new = nodes.filter(pc.invert(known))
    if new.num_rows:
        plan.save(key, "new", new)
        plan.nodes += new.num_rows
    changed = _plan_changes(key, nodes.filter(known), names, found, plan)
    created = new.column("id").combine_chunks()
    _mark(rows, "id", pa.concat_arrays([created, changed]), plan)
    return created


def _plan_changes(key: Nodes, nodes: pa.Table, names: list[str], found: dict[str, list[Any]], plan: Plan) -> pa.Array:
    """Nodes whose values differ from the store's; a value that is not given changes nothing."""
    keep: list[int] = []
    old: list[dict[str, Any]] = []
    for place, row in enumerate(nodes.to_pylist()):
        before = dict(zip(names, found[row["id"]], strict=True))
        if any(row[name] is not None and row[name] != before[name] for name in names):
            keep.append(place)
            old.append({"id": row["id"], **before})
    if not keep:
        return pa.array([], pa.string())
    changed = nodes.take(pa.array(keep))
    plan.save(key, "set", changed)
    plan.save(key, "old", _as_table(old, changed))
    plan.changed += len(keep)
    return changed.column("id").combine_chunks()


def _as_table(rows: list[dict[str, Any]], like: pa.Table) -> pa.Table:
    columns = {name: [row.get(name) for row in rows] for name in like.column_names}
    return pa.table({name: _column(values, like.schema.field(name).type) for name, values in columns.items()})


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(values)


def _mark(rows: pa.Table, name: str, ids: pa.Array, plan: Plan) -> None:
    if len(ids):
        _mark_rows(rows.filter(pc.is_in(rows.column(name), value_set=ids)), plan)


def _mark_rows(rows: pa.Table, plan: Plan) -> None:
    plan.written.add(rows.column(FILE).to_numpy(), rows.column(ROW).to_numpy())


def _plan_edges(store: Queries, key: Edges, rows: pa.Table, created: pa.Array, plan: Plan) -> None:
    """Plans one bucket of a type. Of rows with one key, the last counts. Heads that are `created` have none yet."""
    head, tail = rows.column("head").combine_chunks(), rows.column("tail").combine_chunks()
    codes = Codes(pc.unique(head), pc.unique(tail))
    time = unknown_time(rows.column("at").combine_chunks() if "at" in rows.column_names else None, len(head))
    keys = codes.keys(head, tail, time)
    last = _last_of_each(keys)
    rows, keys = rows.take(pa.array(last)), keys[last]
    heads = codes.heads.filter(pc.invert(pc.is_in(codes.heads, value_set=created)))
    names = _properties(key, rows)
    there = edges_of(store, key, heads, names)
    place = _find(keys, codes.keys(there.head, there.tail, there.time))
    new = rows.filter(pa.array(place < 0))
    if new.num_rows:
        plan.save(key, "new", new.drop_columns([ROW, FILE]))
        plan.relationships += new.num_rows
        _mark_rows(new, plan)
    if key.type in TYPE_TO_KIND and "value" in rows.column_names:
        _plan_values(key, rows, place, there.value, plan)
    if names:
        _plan_properties(key, rows.select(["head", "tail", *_times(rows), *names, ROW, FILE]), place, there, plan)


def _properties(key: Edges, rows: pa.Table) -> list[str]:
    """Names of the properties beside those that every interaction has."""
    known = {"head", "tail", "at", ROW, FILE, *(("value",) if key.type in TYPE_TO_KIND else ())}
    return [name for name in rows.column_names if name not in known]


def _times(rows: pa.Table) -> list[str]:
    return ["at"] if "at" in rows.column_names else []


def _last_of_each(keys: NDArray[np.void]) -> NDArray[np.int64]:
    """Positions of the last row of each key, in order."""
    order = np.lexsort((keys["time"], keys["tail"], keys["head"]))
    ordered = keys[order]
    last = np.ones(len(keys), np.bool_)
    last[:-1] = ordered[1:] != ordered[:-1]
    found: NDArray[np.int64] = np.sort(order[last])
    return found


def _find(keys: NDArray[np.void], known: NDArray[np.void]) -> NDArray[np.int64]:
    """Position of each key among `known`, -1 where it is not."""
    if not len(known):
        return np.full(len(keys), -1, np.int64)
    both = np.concatenate([known, keys])
    order = np.lexsort((both["time"], both["tail"], both["head"]))  # stable: known ones come first
    ordered = both[order]
    starts = np.ones(len(both), np.bool_)
    starts[1:] = ordered[1:] != ordered[:-1]
    first = order[np.maximum.accumulate(np.where(starts, np.arange(len(both)), 0))]
    found = np.empty(len(both), np.int64)
    found[order] = np.where(first < len(known), first, -1)
    return found[len(known) :]


def _plan_values(key: Edges, rows: pa.Table, place: NDArray[np.int64], values: NDArray[np.float64], plan: Plan) -> None:
    """Interactions that are there with another value."""
    given = pc.fill_null(rows.column("value"), np.nan).to_numpy()
    before = np.full(len(place), np.nan)
    before[place >= 0] = values[place[place >= 0]]
    mask = (place >= 0) & ~np.isnan(given) & (given != before)
    if not mask.any():
        return
    changed = rows.filter(pa.array(mask))
    _mark_rows(changed, plan)
    changed = changed.select(["head", "tail", "value", *_times(changed)])
    plan.save(key, "set", changed)
    plan.save(key, "old", changed.set_column(2, "value", pa.array(before[mask], pa.float64(), from_pandas=True)))
    plan.changed += changed.num_rows


def _plan_properties(key: Edges, rows: pa.Table, place: NDArray[np.int64], there: There, plan: Plan) -> None:
    """Relationships that are there with other properties; one that is not given changes nothing."""
    names = _properties(key, rows)
    known = rows.filter(pa.array(place >= 0))
    places = place[place >= 0].tolist()
    keep: list[int] = []
    old: list[dict[str, Any]] = []
    for number, row in enumerate(known.select(names).to_pylist()):
        before = dict(zip(names, there.properties[places[number]], strict=True))
        if any(row[name] is not None and row[name] != before[name] for name in names):
            keep.append(number)
            old.append(before)
    if not keep:
        return
    changed = known.take(pa.array(keep))
    _mark_rows(changed, plan)
    ends = changed.select(["head", "tail", *_times(changed)])
    plan.save(key, "set", changed.drop_columns([ROW, FILE]))
    before_rows = _as_table(old, changed.select(names))
    for name in before_rows.column_names:
        ends = ends.append_column(name, before_rows.column(name))
    plan.save(key, "old", ends)
    plan.changed += len(keep)
