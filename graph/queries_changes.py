"""Cypher of the change log (`graph.changes`): one node that says which version of the graph this is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BUMP = (
    "MERGE (c:GraphChange {id: 'graph'}) SET c.locked = true "  # Takes the node's lock before its version is read.
    "WITH c, coalesce(c.version, 0) AS version, c.token AS before, "
    "[one IN coalesce(c.open, []) WHERE NOT one IN $close] AS open "
    "SET c.version = version + 1, c.token = $token, c.open = open + $open "
)
"""Begins a statement that changes the graph, so that both happen or neither. Parameters `token`, `open`, `close`."""

CHANGES: Mapping[str, str] = MappingProxyType(
    {
        "change_mark": (
            "MATCH (c:GraphChange {id: 'graph'}) RETURN c.version AS version, c.token AS token, c.open AS open"
        ),
        "change_bump": BUMP + "RETURN c.version AS version, before",
    }
)


def erasing(label: str) -> str:
    """What follows `BUMP` to delete the nodes of a label (through `safe_name`) among `$ids`, relationships and all."""
    return (
        f"WITH c, before UNWIND $ids AS id MATCH (n:`{label}` {{id: id}}) DETACH DELETE n "
        "RETURN c.version AS version, before, count(*) AS nodes"
    )
