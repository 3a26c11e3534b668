"""Values as answers show them: driver values to the plain JSON shapes that `docs/guide/cypher.md` documents.

Both stores' answers look the same here: no ids of a store's own, names in order, times as ISO 8601.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from neo4j.graph import Node, Path, Relationship
from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time

from graph.guard.hidden import Hidden
from graph.guard.policy import Policy

Json: TypeAlias = Any
Ends: TypeAlias = Mapping[str, tuple[list[str], Any]]

KIND = "_type"
EMBEDDING = "_embedding"
LONG_LIST = 32
_SIMPLE = frozenset({str, int, bool, type(None)})


class Shaper:
    """Makes values plain, with what `policy` hides left out; embeddings of nodes only where they are asked for."""

    def __init__(self, policy: Policy, *, embeddings: bool = False) -> None:
        self._policy = Hidden(policy)
        self._embeddings = embeddings
        self._hides: dict[str, bool] = {}

    def row(self, values: Sequence[Any], ends: Ends) -> list[Json]:
        """One row. `ends`: labels and id of nodes that relationships name without more, by the store's id."""
        return [value if type(value) in _SIMPLE else self.value(value, ends) for value in values]

    def value(self, value: Any, ends: Ends) -> Json:
        kind = type(value)
        if kind in _SIMPLE:
            return value
        if kind is float:
            return value if math.isfinite(value) else _unknown(value)
        if isinstance(value, list):
            return [one if type(one) in _SIMPLE else self.value(one, ends) for one in value]
        if isinstance(value, dict):
            return {key: self.value(one, ends) for key, one in sorted(value.items()) if not self._hidden(key)}
        if isinstance(value, Node | Relationship | Path):
            return self._graph(value, ends)
        return _scalar(value)

    def _graph(self, value: Node | Relationship | Path, ends: Ends) -> Json:
        if isinstance(value, Node):
            return self._node(value, ends)
        if isinstance(value, Relationship):
            return self._relationship(value, ends)
        return {KIND: "path", "elements": [self._graph(one, ends) for one in alternating(value)]}

    def _node(self, node: Node, ends: Ends) -> Json:
        if self._secret(node.labels):
            return {KIND: "node", "labels": [], "id": None, "properties": {}}
        identity = None if self._hidden("id") else self.value(node.get("id"), ends)
        return {
            KIND: "node",
            "labels": sorted(node.labels),
            "id": identity,
            "properties": self._shown(node.items(), ends),
        }

    def _relationship(self, relationship: Relationship, ends: Ends) -> Json:
        return {
            KIND: "relationship",
            "type": relationship.type,
            "start": self._end(relationship.start_node, ends),
            "end": self._end(relationship.end_node, ends),
            "properties": self._shown(relationship.items(), ends),
        }

    def _end(self, node: Node | None, ends: Ends) -> Json:
        labels, identity = ([], None) if node is None else (sorted(node.labels), node.get("id"))
        if node is not None and not labels:
            labels, identity = ends.get(node.element_id, (labels, identity))
        if self._secret(labels):
            return {"labels": [], "id": None}
        return {"labels": labels, "id": None if self._hidden("id") else self.value(identity, ends)}

    def _shown(self, properties: Iterable[tuple[str, Any]], ends: Ends) -> dict[str, Json]:
        return {
            name: self.value(value, ends)
            for name, value in sorted(properties)
            if not self._hidden(name) and (self._embeddings or not _is_embedding(name, value))
        }

    def _secret(self, labels: Iterable[str]) -> bool:
        return self._policy.any_label(labels)

    def _hidden(self, name: str) -> bool:
        found = self._hides.get(name)
        if found is None:
            found = self._hides[name] = self._policy.property(name)
        return found


def alternating(path: Path) -> Iterator[Node | Relationship]:
    """Node, relationship, node, … of a path."""
    for node, relationship in zip(path.nodes, path.relationships, strict=False):
        yield node
        yield relationship
    yield path.nodes[-1]


def nameless_ends(values: Iterable[Any]) -> Iterator[str]:
    """The store's ids of nodes that relationships among the values name without labels or properties."""
    for value in values:
        if isinstance(value, Relationship):
            yield from (node.element_id for node in value.nodes if node is not None and not node.labels)
        elif isinstance(value, list):
            if value and type(value[0]) not in _SIMPLE and type(value[0]) is not float:
                yield from nameless_ends(value)
        elif isinstance(value, dict):
            yield from nameless_ends(value.values())


def _is_embedding(name: str, value: Any) -> bool:
    if name.endswith(EMBEDDING):
        return True
    return isinstance(value, list) and len(value) > LONG_LIST and all(type(one) is float for one in value)


def _unknown(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _scalar(value: Any) -> Json:
    if isinstance(value, Date):
        return value.iso_format()
    if isinstance(value, DateTime | Time):
        return _short_fraction(value.iso_format())
    if isinstance(value, Duration):
        return value.iso_format()
    if isinstance(value, Point):
        return {KIND: "point", "srid": value.srid, **dict(zip("xyz", map(float, value), strict=False))}
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    return str(value)


def _short_fraction(text: str) -> str:
    """`12:00:00.500000000+01:00` -> `12:00:00.5+01:00`; UTC is `Z`."""
    head, dot, tail = text.partition(".")
    if dot:
        digits = tail[:9].rstrip("0")
        text = head + (f".{digits}" if digits else "") + tail[9:]
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
