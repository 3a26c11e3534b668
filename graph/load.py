"""Carries out a plan, finishes one that was cut short, or takes one back: all of it takes effect, or none.

`journal.json` in the run's folder says how far it got. While it says `loading`, whoever opens the home next finishes
the load; while it says `undoing`, they take it back. A run without a journal has written nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graph.existing import Codes, edges_of, nodes_by_id, unknown_time
from graph.plan import What, files_of
from graph.queries_ingest import any_with, delete_edges, delete_nodes, set_edges
from graph.schema import TYPE_TO_KIND, Batch, EdgeBatch, Entity, Interaction, NodeBatch, safe_name
from graph.snapshot import NO_TIME
from graph.stage import Edges, Key, Nodes
from graph.store import GraphStore
from graph.whole_files import write_json

JOURNAL = "journal.json"
EMBEDDING = "_embedding"
PLAN = "plan"
ROWS_A_BATCH = 200_000
ROWS_A_WRITE = 20_000
NODES_A_DELETE = 500
EDGES_A_DELETE = 5_000

Progress = Callable[[int], None]


def write_journal(run: Path, store: GraphStore, state: str) -> None:
    """Records how far a run is; on disk when this returns."""
    write_json(run / JOURNAL, {"state": state, "store": store.url}, durable=True)


def read_journal(run: Path) -> tuple[str, str] | None:
    """State and store of a run, None where it has no journal."""
    path = run / JOURNAL
    if not path.is_file():
        return None
    journal = json.loads(path.read_text(encoding="utf-8"))
    return str(journal["state"]), str(journal["store"])


def load(store: GraphStore, run: Path, progress: Progress | None = None) -> None:
    """Carries out the plan of a run that has written nothing yet."""
    _ensure(store, run)
    store.bulk_load(batches_of(run), progress)
    _apply(store, run, "set")
    _delete(store, run, "gone")


def finish(store: GraphStore, run: Path) -> None:
    """Carries out what is left of a plan that was cut short anywhere."""
    _ensure(store, run)
    _create_missing(store, run, "new")
    _apply(store, run, "set")
    _delete(store, run, "gone")


def undo(store: GraphStore, run: Path) -> None:
    """Takes back whatever a plan has written so far."""
    _apply(store, run, "old")
    _delete(store, run, "new")
    _create_missing(store, run, "gone")


def _create_missing(store: GraphStore, run: Path, what: What) -> None:
    """Nodes first: relationships need their ends."""
    files = sorted(files_of(run / PLAN, what), key=lambda one: (isinstance(one[0], Edges), one[1]))
    for key, path in files:
        for rows in _read(path):
            left = _missing_nodes(store, key, rows) if isinstance(key, Nodes) else _missing_edges(store, key, rows)
            if left.num_rows:
                store.bulk_load([_batch(key, left)])


def _delete(store: GraphStore, run: Path, what: What) -> None:
    """Relationships first, the last that came at the beginning."""
    files = list(files_of(run / PLAN, what))
    for key, path in reversed(files):
        if isinstance(key, Edges):
            text = delete_edges(*map(safe_name, key))
            for rows in _read(path, EDGES_A_DELETE):
                store.query(text, {"rows": _keys(rows), "none": NO_TIME})
    for key, path in reversed(files):
        if isinstance(key, Nodes):
            for rows in _read(path, NODES_A_DELETE):
                store.query(delete_nodes(safe_name(key.label)), {"ids": rows.column("id").to_pylist()})


def _ensure(store: GraphStore, run: Path) -> None:
    labels = {label for key, _ in files_of(run / PLAN, "new") for label in _labels(key)}
    store.ensure_schema(sorted(labels))
    for (label, name), dim in _vectors(run).items():
        # With an index before the first vector, none has to be made of all of them; an index that is there stays.
        if not store.query(any_with(safe_name(label), safe_name(name))).rows:
            store.ensure_vector_index(label, name, dim)


def _vectors(run: Path) -> dict[tuple[str, str], int]:
    """Label and property of the embeddings that a plan brings, and their length."""
    found: dict[tuple[str, str], int] = {}
    for what in ("new", "set"):
        for key, path in files_of(run / PLAN, what):
            if isinstance(key, Nodes):
                for name in _vector_columns(path):
                    dim = pc.max(pc.list_value_length(pq.read_table(path, columns=[name]).column(name))).as_py()
                    found.setdefault((key.label, name), dim)
    return {key: dim for key, dim in found.items() if dim}


def _vector_columns(path: Path) -> list[str]:
    schema = pq.read_schema(path)
    return [one.name for one in schema if one.name.endswith(EMBEDDING) and pa.types.is_list(one.type)]


def _labels(key: Key) -> tuple[str, ...]:
    return (key.label,) if isinstance(key, Nodes) else (key.head_label, key.tail_label)


def batches_of(run: Path) -> Iterator[Batch]:
    """What a run's plan creates, in order."""
    for key, path in files_of(run / PLAN, "new"):
        for rows in _read(path):
            yield _batch(key, rows)


def _batch(key: Key, rows: pa.Table) -> Batch:
    if isinstance(key, Nodes):
        return NodeBatch(key.label, rows)
    return EdgeBatch(key.type, key.head_label, key.tail_label, rows)


def _read(path: Path, rows: int = ROWS_A_BATCH) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=rows):
            yield pa.Table.from_batches([batch])


def _missing_nodes(store: GraphStore, key: Nodes, rows: pa.Table) -> pa.Table:
    there = nodes_by_id(store, key.label, rows.column("id").combine_chunks(), ())
    return rows.filter(pc.invert(pc.is_in(rows.column("id"), value_set=pa.array(list(there), pa.string()))))


def _missing_edges(store: GraphStore, key: Edges, rows: pa.Table) -> pa.Table:
    head, tail = rows.column("head").combine_chunks(), rows.column("tail").combine_chunks()
    there = edges_of(store, key, pc.unique(head))
    codes = Codes(pc.unique(head), pc.unique(tail))
    time = unknown_time(rows.column("at").combine_chunks() if "at" in rows.column_names else None, len(head))
    known = set(codes.keys(there.head, there.tail, there.time).tolist())
    keys = codes.keys(head, tail, time).tolist()
    return rows.filter(pa.array([one not in known for one in keys], pa.bool_()))


def _apply(store: GraphStore, run: Path, what: What) -> None:
    """Writes new values (`set`) or the ones before (`old`)."""
    for key, path in files_of(run / PLAN, what):
        for rows in _read(path, ROWS_A_WRITE):
            if isinstance(key, Nodes):
                store.write(entities=_entities(key, rows, keep_null=what == "old"), bump=False)
            elif set(rows.column_names) == {"head", "tail", "value", "at"} and key.type in TYPE_TO_KIND:
                store.write(interactions=_interactions(key, rows), bump=False)
            else:
                _set_edges(store, key, rows, keep_null=what == "old")


def _entities(key: Nodes, rows: pa.Table, *, keep_null: bool) -> list[Entity]:
    found = []
    for row in rows.to_pylist():
        identity = row.pop("id")
        values = {name: value for name, value in row.items() if keep_null or value is not None}
        found.append(Entity(key.label, identity, values))
    return found


def _set_edges(store: GraphStore, key: Edges, rows: pa.Table, *, keep_null: bool) -> None:
    text = set_edges(*map(safe_name, key))
    names = [name for name in rows.column_names if name not in {"head", "tail", "at"}]
    properties = [
        {name: value for name, value in row.items() if keep_null or value is not None}
        for row in rows.select(names).to_pylist()
    ]
    changes = [{**ends, "properties": values} for ends, values in zip(_keys(rows), properties, strict=True)]
    for start in range(0, len(changes), EDGES_A_DELETE):
        store.query(text, {"rows": changes[start : start + EDGES_A_DELETE], "none": NO_TIME})


def _interactions(key: Edges, rows: pa.Table) -> list[Interaction]:
    kind = TYPE_TO_KIND[key.type]
    return [Interaction(row["head"], row["tail"], kind, row["value"], row["at"]) for row in rows.to_pylist()]


def _keys(rows: pa.Table) -> list[dict[str, Any]]:
    times = unknown_time(rows.column("at").combine_chunks() if "at" in rows.column_names else None, rows.num_rows)
    pairs = rows.select(["head", "tail"]).to_pylist()
    return [{**pair, "at": at} for pair, at in zip(pairs, times.tolist(), strict=True)]
