"""Types of an answer's columns, as they show in its values: `Integer`, `List<String>`, `Node`, …

Cypher has no declared types, so a column's type is what all of its values are; nulls say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neo4j.graph import Node, Path, Relationship
from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time

NULL = "Null"
ANY = "Any"
NUMBER = "Number"
_PLAIN = {bool: "Boolean", int: "Integer", float: "Float", str: "String", type(None): NULL, bytes: "Bytes"}
_GRAPH: tuple[tuple[type, str], ...] = (
    (Node, "Node"),
    (Relationship, "Relationship"),
    (Path, "Path"),
    (Point, "Point"),
    (Duration, "Duration"),
    (Date, "Date"),
    (bytearray, "Bytes"),
    (dict, "Map"),
)


class ColumnTypes:
    """Learns the types row by row."""

    def __init__(self, columns: int) -> None:
        self._types = [NULL] * columns
        self._last: tuple[type, ...] = ()

    def observe(self, values: Sequence[Any]) -> None:
        """Takes one row of driver values into account."""
        kinds = tuple(map(type, values))
        if kinds == self._last and _PLAIN.keys() >= set(kinds):
            return  # Most rows are like the one before.
        self._last = kinds
        self._types = [merged(old, type_of(value)) for old, value in zip(self._types, values, strict=True)]

    def names(self) -> list[str]:
        return list(self._types)


def type_of(value: Any) -> str:
    """The type of one driver value."""
    plain = _PLAIN.get(type(value))
    if plain is not None:
        return plain
    if isinstance(value, list):
        return f"List<{_items(value)}>"
    if isinstance(value, DateTime):
        return "LocalDateTime" if value.tzinfo is None else "DateTime"
    if isinstance(value, Time):
        return "LocalTime" if value.tzinfo is None else "Time"
    return next((name for kind, name in _GRAPH if isinstance(value, kind)), ANY)


def merged(one: str, other: str) -> str:
    """The type of a column that holds both."""
    if other in {one, NULL}:
        return one
    if one == NULL:
        return other
    if {one, other} <= {"Integer", "Float", NUMBER}:
        return NUMBER
    if one.startswith("List<") and other.startswith("List<"):
        return f"List<{merged(one[5:-1], other[5:-1])}>"
    return ANY


def _items(values: list[Any]) -> str:
    found = NULL
    for value in values:
        found = merged(found, type_of(value))
        if found == ANY:
            break
    return found
