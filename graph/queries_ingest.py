"""Cypher of an ingest: what of the staged data the graph holds already, and taking back what a failed load wrote.

Labels, types and property names come through `safe_name`; everything else is a parameter. `$none` stands for an unknown
time, `$nan` for an unknown value.
"""

from __future__ import annotations

from collections.abc import Iterable


def nodes_there(label: str, properties: Iterable[str]) -> str:
    """Those of `$ids` that are nodes of the label, each with the given properties."""
    values = ", ".join(f"n.`{name}`" for name in properties)
    return f"UNWIND $ids AS id MATCH (n:`{label}` {{id: id}}) RETURN n.id AS id, [{values}] AS values"


def edges_there(kind: str, head: str, tail: str, properties: Iterable[str] = ()) -> str:
    """Relationships of a type out of the heads in `$ids`: head, and lists of tails, values, times and properties."""
    named = ", ".join(f"r.`{name}`" for name in properties)
    return (
        f"UNWIND $ids AS id MATCH (h:`{head}` {{id: id}})-[r:`{kind}`]->(t:`{tail}`) WITH h, collect(t.id) AS tails, "
        "collect(coalesce(r.value, $nan)) AS values, collect(coalesce(r.at, $none)) AS times"
        + (f", collect([{named}]) AS properties " if named else ", [] AS properties ")
        + "RETURN h.id AS head, tails, values, times, properties"
    )


def set_edges(kind: str, head: str, tail: str) -> str:
    """Sets `row.properties` (null to remove) on those of `$rows` (head, tail, at) that are there."""
    return (
        f"UNWIND $rows AS row MATCH (h:`{head}` {{id: row.head}})-[r:`{kind}`]->(t:`{tail}` {{id: row.tail}}) "
        "WHERE coalesce(r.at, $none) = row.at SET r += row.properties"
    )


def any_with(label: str, name: str) -> str:
    """One node of the label that has the property."""
    return f"MATCH (n:`{label}`) WHERE n.`{name}` IS NOT NULL RETURN n.id AS id LIMIT 1"


def delete_nodes(label: str) -> str:
    """Deletes those of `$ids` that are there, with their relationships."""
    return f"UNWIND $ids AS id MATCH (n:`{label}` {{id: id}}) DETACH DELETE n"


def delete_edges(kind: str, head: str, tail: str) -> str:
    """Deletes those of `$rows` (head, tail, at) that are there."""
    return (
        f"UNWIND $rows AS row MATCH (h:`{head}` {{id: row.head}})-[r:`{kind}`]->(t:`{tail}` {{id: row.tail}}) "
        "WHERE coalesce(r.at, $none) = row.at DELETE r"
    )
