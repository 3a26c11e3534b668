"""A graph as JSON Lines, one node or relationship a line, in the shape that Neo4j's APOC exports too:

    {"type": "node", "id": "shop:1", "labels": ["Item"], "properties": {"title": "Pen"}}
    {"type": "relationship", "label": "VIEWED", "start": {"id": "shop:u", "labels": ["User"]},
     "end": {"id": "shop:1", "labels": ["Item"]}, "properties": {"at": 100}}

The order does not matter: the file is read twice, nodes first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from graph.errors import InvalidData
from graph.schema import safe_name
from graph.sources.chunks import ROW, GraphChunk, refused_table
from graph.sources.graph_map import GraphMap
from graph.sources.graph_rows import Rows, graph_chunk, only_refused
from graph.sources.tables import BLOCK_BYTES, empty, opened

NAMES = ("graph.jsonl", "graph.jsonl.gz")
LABELS = "labels"


def file_in(path: Path) -> Path | None:
    """The file of records: the path itself, or in it."""
    if path.is_file():
        return path if path.name.endswith((".jsonl", ".jsonl.gz")) else None
    return next((path / name for name in NAMES if (path / name).is_file()), None)


@dataclass
class _Group:
    """Records of one label or type, as columns to be."""

    numbers: list[int] = field(default_factory=list)
    ends: list[tuple[str, ...]] = field(default_factory=list)
    properties: list[dict[str, Any]] = field(default_factory=list)


def chunks(path: Path, file: str, *, mapping: GraphMap, now: float) -> Iterator[GraphChunk]:
    """All nodes, then all relationships."""
    lines = 0
    for wanted in ("node", "relationship"):
        first = 1
        with opened(path) as content:
            while block := content.readlines(BLOCK_BYTES):
                yield from _block(block, first, wanted, file, mapping=mapping, now=now)
                first += len(block)
        lines = first - 1
    if not lines:
        raise empty(path)


def _block(
    lines: list[bytes], first: int, wanted: str, file: str, *, mapping: GraphMap, now: float
) -> Iterator[GraphChunk]:
    groups: dict[tuple[str, ...], _Group] = defaultdict(_Group)
    bad: list[tuple[int, str, str]] = []
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        try:
            record = _parsed(line)
            if record["type"] == wanted:
                _add(record, number, groups, mapping)
        except _Refused as error:
            if wanted == "node":  # once is enough
                bad.append((number, str(error), line.decode("utf-8", "replace").strip()))
        except InvalidData as error:
            bad.append((number, error.what, line.decode("utf-8", "replace").strip()))
    for key, group in groups.items():
        yield graph_chunk(Rows(file, key, _table(group, len(key) == 1)), mapping=mapping, now=now)
    if bad:
        columns = [list(column) for column in zip(*bad, strict=True)]
        yield only_refused(file, refused_table(columns[0], columns[1], columns[2]), len(bad))


class _Refused(Exception):
    """Why a line is no record."""


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _Refused(f"not JSON: {error}") from error
    if not isinstance(record, dict) or record.get("type") not in {"node", "relationship"}:
        raise _Refused("neither a node nor a relationship: type must say which")
    if not isinstance(record.get("properties", {}), dict):
        raise _Refused("properties must be an object")
    return record


def _add(record: dict[str, Any], number: int, groups: dict[tuple[str, ...], _Group], mapping: GraphMap) -> None:
    properties = dict(record.get("properties") or {})
    if record["type"] == "node":
        labels = _labels(record, "the node")
        key: tuple[str, ...] = (_own(labels, mapping),)
        ends: tuple[str, ...] = (_id(record, "the node", properties, mapping.ids.get(key[0])),)
        if len(labels) > 1:
            properties[LABELS] = labels
        properties.pop(mapping.ids.get(key[0], ""), None)
    else:
        start, end = (_end(record, name) for name in ("start", "end"))
        kind = record.get("label") or record.get("name")
        if not isinstance(kind, str):
            raise InvalidData("the relationship has no label")
        key = (safe_name(kind), _own(_labels(start, "start"), mapping), _own(_labels(end, "end"), mapping))
        ends = (
            _id(start, "start", start.get("properties") or {}, mapping.ids.get(key[1])),
            _id(end, "end", end.get("properties") or {}, mapping.ids.get(key[2])),
        )
    group = groups[key]
    group.numbers.append(number)
    group.ends.append(ends)
    group.properties.append(properties)


def _own(labels: list[str], mapping: GraphMap) -> str:
    """The label under which a node is kept: users and items first, then as given."""
    return safe_name(next((one for one in labels if one in mapping.users | mapping.items), mapping.label(labels)))


def _end(record: dict[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    if not isinstance(found, dict):
        raise InvalidData(f"the relationship has no {name}")
    return found


def _labels(record: dict[str, Any], what: str) -> list[str]:
    labels = record.get("labels") or ([record["label"]] if isinstance(record.get("label"), str) else [])
    if not labels or not isinstance(labels, list) or not all(isinstance(one, str) for one in labels):
        raise InvalidData(f"{what} has no labels")
    return labels


def _id(record: dict[str, Any], what: str, properties: dict[str, Any], name: str | None) -> str:
    found = properties.get(name) if name else record.get("id")
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise InvalidData(f"{what} has no {name or 'id'}")
    return str(found)


def _table(group: _Group, nodes: bool) -> pa.Table:
    names = dict.fromkeys(name for one in group.properties for name in one)
    columns = {ROW: pa.array(group.numbers, pa.int64())}
    for place, name in enumerate(("id",) if nodes else ("head", "tail")):
        columns[name] = pa.array([ends[place] for ends in group.ends], pa.string())
    for name in names:
        shown = f"{name}_" if name in columns else name
        columns[shown] = any_column([one.get(name) for one in group.properties])
    return pa.table(columns)


def any_column(values: list[Any]) -> pa.Array:
    """A column of whatever there is: numbers of two kinds become floats, what else is of several kinds text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        kinds = {type(value) for value in values if value is not None}
        if kinds <= {int, float}:
            return pa.array(values, pa.float64())
        return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return orjson.dumps(value, default=str).decode()
    return str(value)
