"""Cypher of an ingest that deletes: what the graph holds of a platform, and what hangs on nodes that are to go."""

from __future__ import annotations


def whole_nodes(label: str) -> str:
    """Those of `$ids` that are there, with all properties."""
    return f"UNWIND $ids AS id MATCH (n:`{label}` {{id: id}}) RETURN n.id AS id, properties(n) AS properties"


def edges_at(label: str) -> str:
    """Every relationship of the nodes in `$ids`: its identity, type, labels and ids of both ends, properties."""
    return (
        f"UNWIND $ids AS id MATCH (n:`{label}` {{id: id}})-[r]-() WITH DISTINCT r "
        "RETURN elementId(r) AS identity, type(r) AS type, labels(startNode(r))[0] AS head_label, "
        "labels(endNode(r))[0] AS tail_label, "
        "startNode(r).id AS head, endNode(r).id AS tail, properties(r) AS properties"
    )


def edges_between(kind: str, head: str, tail: str) -> str:
    """Relationships of a type between the pairs in `$rows` (head, tail): both ids and the properties."""
    return (
        f"UNWIND $rows AS row MATCH (h:`{head}` {{id: row.head}})-[r:`{kind}`]->(t:`{tail}` {{id: row.tail}}) "
        "RETURN h.id AS head, t.id AS tail, properties(r) AS properties"
    )


def degrees(label: str) -> str:
    """How many relationships each node of `$ids` has."""
    return (
        f"UNWIND $ids AS id MATCH (n:`{label}` {{id: id}}) OPTIONAL MATCH (n)-[r]-() RETURN n.id AS id, count(r) AS n"
    )
