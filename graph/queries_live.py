"""Cypher of live writes: what an item is no longer joined with, and which users and items there are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LIVE: Mapping[str, str] = MappingProxyType(
    {
        "ids_of_item": "UNWIND $ids AS id MATCH (n:Item {id: id}) RETURN n.id AS id",
        "ids_of_user": "UNWIND $ids AS id MATCH (n:User {id: id}) RETURN n.id AS id",
    }
)


def detaching(label: str) -> str:
    """Deletes what joins the item `$id` with nodes of a label (through `safe_name`)."""
    return f"MATCH (n:Item {{id: $id}})-[r]-(:`{label}`) DELETE r"
