"""What is in a graph: labels and types with counts, their properties, what joins what, and queries to begin with.

Counts are the store's own; properties and pairs of labels are what a sample of nodes and relationships shows, so the
cost does not grow with the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from graph.guard.hidden import Hidden
from graph.guard.policy import Policy
from graph.reader import IndexFacts, Reader, ReadLimits, Records
from graph.reader_examples import examples_of
from graph.reader_names import plain, quoted
from graph.result_types import NULL, merged, type_of
from graph.schema import GRAPH_CHANGE

SAMPLE = 100
LIMITS = ReadLimits(timeout=10.0, rows=SAMPLE)


@dataclass(frozen=True)
class LabelFacts:
    """A label: how many nodes, and the properties that a sample of them has, with their types."""

    name: str
    count: int
    properties: Mapping[str, str]


@dataclass(frozen=True)
class TypeFacts:
    """A relationship type. `pairs`: labels of start and end, as a sample shows them."""

    name: str
    count: int
    properties: Mapping[str, str]
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class GraphSchema:
    """See the module. `examples`: (what it asks, the query)."""

    labels: list[LabelFacts]
    relationships: list[TypeFacts]
    indexes: list[IndexFacts]
    examples: list[tuple[str, str]]


def read_schema(reader: Reader, policy: Policy) -> GraphSchema:
    """What the policy shows of the graph, by name. Raises as `Reader.read`."""
    hidden, counters = Hidden(policy), reader.counters()
    shown = {
        name: count
        for name, count in sorted(counters.labels.items())
        if count and name != GRAPH_CHANGE and not hidden.label(name)
    }
    types = {name: count for name, count in sorted(counters.types.items()) if count and not hidden.label(name)}
    labels = [LabelFacts(name, count, _of_nodes(reader, name, hidden)) for name, count in shown.items()]
    relationships = [_of_type(reader, name, count, hidden, shown) for name, count in types.items()]
    indexes = sorted(
        (one for one in reader.indexes() if one.label in shown and not hidden.any_property(one.properties)),
        key=lambda one: (one.label, one.properties, one.kind),
    )
    return GraphSchema(labels, relationships, indexes, examples_of(labels, relationships))


def _of_nodes(reader: Reader, name: str, hidden: Hidden) -> dict[str, str]:
    if not plain(name):
        return {}
    with _sampled(reader, f"MATCH (n:{quoted(name)}) RETURN properties(n) AS p LIMIT {SAMPLE}") as found:
        return _types((row[0] for row in found), hidden)


def _of_type(reader: Reader, name: str, count: int, hidden: Hidden, shown: Mapping[str, int]) -> TypeFacts:
    if not plain(name):
        return TypeFacts(name, count, {}, ())
    text = f"MATCH (a)-[r:{quoted(name)}]->(b) RETURN properties(r) AS p, labels(a) AS f, labels(b) AS t LIMIT {SAMPLE}"
    with _sampled(reader, text) as found:
        rows = list(found)
    pairs = {(start, end) for _, starts, ends in rows for start in starts for end in ends}
    return TypeFacts(
        name,
        count,
        _types((row[0] for row in rows), hidden),
        tuple(sorted((start, end) for start, end in pairs if start in shown and end in shown)),
    )


def _types(samples: Iterable[Mapping[str, Any]], hidden: Hidden) -> dict[str, str]:
    """Property -> type, as the samples show it."""
    found: dict[str, str] = {}
    for properties in samples:
        for key, value in properties.items():
            found[key] = merged(found.get(key, NULL), type_of(value))
    return {key: kind for key, kind in sorted(found.items()) if not hidden.property(key)}


def _sampled(reader: Reader, text: str) -> AbstractContextManager[Records]:
    return reader.own(text, {}, LIMITS)
