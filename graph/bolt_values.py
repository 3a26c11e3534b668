"""Driver values to plain Python: nodes, relationships and paths become dictionaries, times become `datetime`'s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neo4j.graph import Node, Path, Relationship
from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time

_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})


def plain_row(values: Sequence[Any]) -> tuple[Any, ...]:
    """One row of an answer, each value plain."""
    return tuple([value if type(value) in _PLAIN else plain(value) for value in values])


def plain(value: Any) -> Any:
    """The value without driver types. A list of plain values is returned as it is, whatever its length."""
    if isinstance(value, list):
        return value if _PLAIN.issuperset(map(type, value)) else [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, Node | Relationship | Path):
        return _graph(value)
    if isinstance(value, DateTime | Date | Time):
        return value.to_native()
    if isinstance(value, Duration):
        return value.iso_format()
    return tuple(value) if isinstance(value, Point) else value


def _graph(value: Node | Relationship | Path) -> dict[str, Any]:
    if isinstance(value, Node):
        return {"labels": sorted(value.labels), "properties": plain(dict(value.items()))}
    if isinstance(value, Relationship):
        return {"type": value.type, "properties": plain(dict(value.items()))}
    return {
        "nodes": [_graph(one) for one in value.nodes],
        "relationships": [_graph(one) for one in value.relationships],
    }
