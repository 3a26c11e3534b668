"""Cypher of what is too old (`graph.expire`): interactions of one kind before a time, by ranges of users' ids."""

from __future__ import annotations


def expired_of(kind: str) -> str:
    """Interactions of a relationship type (through `safe_name`) of a range of users that are older than `$before`."""
    return (
        f"MATCH (u:User)-[r:`{kind}`]->(i:Item) WHERE u.id > $after AND u.id <= $upto AND r.at < $before "
        "RETURN u.id AS head, i.id AS tail, properties(r) AS properties"
    )
