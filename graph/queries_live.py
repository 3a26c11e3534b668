"""Cypher of live writes: what an item is no longer joined with."""

from __future__ import annotations


def detaching(label: str) -> str:
    """Deletes what joins the item `$id` with nodes of a label (through `safe_name`)."""
    return f"MATCH (n:Item {{id: $id}})-[r]-(:`{label}`) DELETE r"
