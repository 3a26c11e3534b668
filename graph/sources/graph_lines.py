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

    def table(self) -> pa.Table:
        columns = {ROW: pa.array(self.numbers, pa.int64())}
        for place, name in enumerate(("id",) if len(self.ends[0]) == 1 else ("head", "tail")):
            columns[name] = pa.array([ends[place] for ends in self.ends], pa.string())
        for name in dict.fromkeys(name for one in self.properties for name in one):
            shown = f"{name}_" if name in columns else name
            columns[shown] = any_column([one.get(name) for one in self.properties])
        return pa.table(columns)


class Groups:
    """Records that wait to become chunks, by label and type. `file`: the name that all their chunks bear."""

    def __init__(self, mapping: GraphMap, now: float, file: str = "") -> None:
        self.size = 0
        self._mapping = mapping
        self._now = now
        self.file = file
        self._groups: dict[tuple[str, ...], _Group] = defaultdict(_Group)
        self._counts: dict[tuple[str, ...], int] = defaultdict(int)

    def add_node(self, identity: str, labels: list[str], properties: dict[str, Any], number: int | None = None) -> None:
        """A node of all these labels; it is kept under one, the others stay in a property."""
        if len(labels) > 1:
            properties = {**properties, LABELS: labels}
        self._add((self.own(labels),), (identity,), properties, number)

    def add_edge(
        self,
        kind: str,
        head: tuple[str, list[str]],
        tail: tuple[str, list[str]],
        properties: dict[str, Any],
        number: int | None = None,
    ) -> None:
        """A relationship; each end is its id and its labels."""
        self._add((kind, self.own(head[1]), self.own(tail[1])), (head[0], tail[0]), properties, number)

    def own(self, labels: list[str]) -> str:
        """The label under which a node is kept: users and items first, then as given."""
        mapped = self._mapping.users | self._mapping.items
        return safe_name(next((one for one in labels if one in mapped), self._mapping.label(labels)))

    def take(self) -> Iterator[GraphChunk]:
        """What waits, as chunks."""
        for key, group in self._groups.items():
            rows = Rows(self.file or ".".join(key), key, group.table())
            yield graph_chunk(rows, mapping=self._mapping, now=self._now)
        self._groups.clear()
        self.size = 0

    def _add(self, key: tuple[str, ...], ends: tuple[str, ...], properties: dict[str, Any], number: int | None) -> None:
        self._counts[key] += 1
        group = self._groups[key]
        group.numbers.append(self._counts[key] if number is None else number)
        group.ends.append(ends)
        group.properties.append(properties)
        self.size += 1


def chunks(path: Path, file: str, *, mapping: GraphMap, now: float) -> Iterator[GraphChunk]:
    """All nodes, then all relationships."""
    lines = 0
    for wanted in ("node", "relationship"):
        first = 1
        with opened(path) as content:
            while block := content.readlines(BLOCK_BYTES):
                yield from _block(block, first, wanted, Groups(mapping, now, file), mapping)
                first += len(block)
        lines = first - 1
    if not lines:
        raise empty(path)


def _block(lines: list[bytes], first: int, wanted: str, groups: Groups, mapping: GraphMap) -> Iterator[GraphChunk]:
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
    yield from groups.take()
    if bad:
        columns = [list(column) for column in zip(*bad, strict=True)]
        yield only_refused(groups.file, refused_table(columns[0], columns[1], columns[2]), len(bad))


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


def _add(record: dict[str, Any], number: int, groups: Groups, mapping: GraphMap) -> None:
    properties = dict(record.get("properties") or {})
    if record["type"] == "node":
        labels = _labels(record, "the node")
        key = mapping.ids.get(groups.own(labels))
        identity = _id(record, "the node", properties, key)
        properties.pop(key or "", None)
        groups.add_node(identity, labels, properties, number)
        return
    kind = record.get("label") or record.get("name")
    if not isinstance(kind, str):
        raise InvalidData("the relationship has no label")
    ends = []
    for name in ("start", "end"):
        end = _end(record, name)
        labels = _labels(end, name)
        key = mapping.ids.get(groups.own(labels))
        ends.append((_id(end, name, end.get("properties") or {}, key), labels))
    groups.add_edge(safe_name(kind), ends[0], ends[1], properties, number)


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
