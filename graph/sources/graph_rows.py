"""Tables of nodes and relationships, as any reader of a general graph has them, to checked `GraphChunk`s.

What interactions mean is the same as in a dataset folder: `value` a number, `at` a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import InvalidData
from graph.schema import Batch, EdgeBatch, NodeBatch, safe_name
from graph.sources import values
from graph.sources.chunks import REFUSED_SCHEMA, ROW, GraphChunk
from graph.sources.graph_map import GraphMap
from graph.sources.graph_values import normal, safe_property
from graph.sources.values import Checks

Convert: TypeAlias = Callable[[pa.Array, str, Checks], pa.Array]
"""A column as the file has it, its name, and where to refuse rows -> the column in a kind that both stores hold."""


@dataclass(frozen=True)
class Rows:
    """Rows of one label or type in one file: properties beside `ROW` and the ids (`id`, or `head` and `tail`).

    `key`: the label, or type, label of the head and label of the tail.
    """

    file: str
    key: tuple[str, ...]
    rows: pa.Table
    refused: pa.Table | None = None


def graph_chunk(given: Rows, *, mapping: GraphMap, now: float, convert: Convert = normal) -> GraphChunk:
    """Checks the rows; those that break a rule are refused with their reason."""
    raw = given.rows.combine_chunks()
    checks = Checks(raw.num_rows)
    ends = ("id",) if len(given.key) == 1 else ("head", "tail")
    _need(raw, ends, given.file)
    columns = {ROW: _column(raw, ROW), **{name: values.ids(_column(raw, name), name, checks) for name in ends}}
    for name in raw.column_names:
        if name not in {ROW, *ends}:
            safe = safe_property(name)
            if safe in columns:
                raise _twice(given.file, name, safe)
            columns[safe] = convert(_column(raw, name), name, checks)
    batch = mapping.batch(_batch(given.key, pa.table(columns)))
    batch = _with_times(batch, checks, now)
    rows, refused = checks.split(batch.rows, raw)
    if given.refused is not None:
        refused = pa.concat_tables([given.refused, refused])
    read = raw.num_rows + (given.refused.num_rows if given.refused is not None else 0)
    numbers = _column(rows, ROW)
    return GraphChunk(given.file, _with_rows(batch, rows.drop_columns([ROW])), numbers, refused, read)


def only_refused(file: str, refused: pa.Table, read: int) -> GraphChunk:
    """A chunk of rows none of which could be read."""
    nothing = NodeBatch("Entity", pa.table({"id": pa.array([], pa.string())}))
    return GraphChunk(file, nothing, pa.array([], pa.int64()), refused, read)


def _batch(key: Sequence[str], rows: pa.Table) -> Batch:
    if len(key) == 1:
        return NodeBatch(safe_name(key[0]), rows)
    return EdgeBatch(safe_name(key[0]), safe_name(key[1]), safe_name(key[2]), rows)


def _with_rows(batch: Batch, rows: pa.Table) -> Batch:
    if isinstance(batch, NodeBatch):
        return NodeBatch(batch.label, rows)
    return EdgeBatch(batch.type, batch.head_label, batch.tail_label, rows)


def _with_times(batch: Batch, checks: Checks, now: float) -> Batch:
    """Relationships with `value` as a number and `at` as Unix seconds, which tell them apart."""
    rows = batch.rows
    if isinstance(batch, NodeBatch):
        return batch
    if "at" in rows.column_names:
        at = values.times(_column(rows, "at"), "at", checks, now)
        rows = rows.set_column(rows.column_names.index("at"), "at", at)
    if "value" in rows.column_names:
        value = values.numbers(_column(rows, "value"), "value", checks)
        rows = rows.set_column(rows.column_names.index("value"), "value", value)
    return _with_rows(batch, rows)


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _need(rows: pa.Table, ends: tuple[str, ...], file: str) -> None:
    missing = [name for name in ends if name not in rows.column_names]
    if missing:
        found = ", ".join(repr(name) for name in rows.column_names if name != ROW)
        raise InvalidData(
            f"{file} has no column {missing[0]!r} (it has {found})",
            valid=f"the columns {', '.join(ends)}",
            remedy="rename or add the column",
        )


def _twice(file: str, name: str, safe: str) -> InvalidData:
    return InvalidData(
        f"{file}: {name!r} and another would both be the property {safe!r}",
        valid="names that differ in letters, digits and _",
        remedy="rename one of them",
    )


def refused_rows(refused: pa.Table | None) -> pa.Table:
    """The rows, or none."""
    return REFUSED_SCHEMA.empty_table() if refused is None else refused


def texts_or_null(column: pa.Array) -> pa.Array:
    """Text with the empty one as null."""
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
