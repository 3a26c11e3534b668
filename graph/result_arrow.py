"""Answers as an Arrow IPC stream: numbers, texts and lists of them as such, graph values as JSON text.

A stream's schema comes first and an answer's types are known last, so the rows are held (within the byte limit) before
the first batch is written. `interlace.type` of a field is the type that JSON answers name; the schema's own metadata
says whether the answer was truncated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from graph.result_answer import Answer
from graph.result_json import dumps
from graph.result_values import Json

ARROW = "application/vnd.apache.arrow.stream"
BATCH = 16_384
_KINDS = {
    "Boolean": pa.bool_(),
    "Integer": pa.int64(),
    "Float": pa.float64(),
    "Number": pa.float64(),
    "String": pa.string(),
    "Null": pa.null(),
}
_TEXTS = frozenset({"Date", "Time", "LocalTime", "DateTime", "LocalDateTime", "Duration", "Bytes"})
_UNKNOWN = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def arrow_blocks(answer: Answer, limit: int) -> Iterator[bytes]:
    """The stream, a batch of rows a block; stops taking rows before `limit` bytes of them as JSON."""
    rows: list[list[Json]] = []
    size = 0
    for row in answer:
        size += len(dumps(row))
        if size > limit:
            answer.truncated = True
            break
        rows.append(row)
    fields = [_field(name, kind) for name, kind in zip(answer.columns, answer.types, strict=True)]
    schema = pa.schema(fields, {"interlace.truncated": str(answer.truncated).lower()})
    yield from _stream(schema, answer.types, rows)


def _stream(schema: pa.Schema, types: Sequence[str], rows: list[list[Json]]) -> Iterator[bytes]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for start in range(0, len(rows), BATCH):
            columns = list(zip(*rows[start : start + BATCH], strict=True))
            arrays = [
                pa.array([_cell(value, kind) for value in column], field.type)
                for column, kind, field in zip(columns, types, schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    yield sink.getvalue().to_pybytes()


def _field(name: str, kind: str) -> pa.Field:
    return pa.field(name, _arrow(kind), metadata={"interlace.type": kind})


def _arrow(kind: str) -> pa.DataType:
    if kind.startswith("List<") and (inner := kind[5:-1]) in _KINDS:
        return pa.list_(_KINDS[inner])
    return _KINDS.get(kind, pa.string())


def _cell(value: Json, kind: str) -> Json:
    if value is None:
        return None
    if kind in {"Float", "Number"}:
        return _UNKNOWN[value] if isinstance(value, str) else float(value)
    if kind in _KINDS or kind in _TEXTS:
        return value
    if kind.startswith("List<") and (inner := kind[5:-1]) in _KINDS:
        return [_cell(one, inner) for one in value]
    return dumps(value).decode()
