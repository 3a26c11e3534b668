"""The local store's bulk path, where a label has more nodes than one answer may hold."""

from __future__ import annotations

import pyarrow as pa
import pytest

from graph import local_bulk
from graph.local_store import LocalStore
from graph.schema import ITEM, USER, EdgeBatch, NodeBatch


@pytest.mark.parametrize("nodes", [6, 7])
def test_ends_are_found_among_more_nodes_than_a_page(
    local_store: LocalStore, monkeypatch: pytest.MonkeyPatch, nodes: int
) -> None:
    """A page that is just full, and one that is begun."""
    monkeypatch.setattr(local_bulk, "RECORDS_PER_PAGE", 3)
    users = [f"shop:u{number}" for number in range(nodes)]
    local_store.bulk_load([NodeBatch(USER, pa.table({"id": users})), NodeBatch(ITEM, pa.table({"id": ["shop:i"]}))])
    rows = {"head": users, "tail": ["shop:i"] * nodes, "value": [1.0] * nodes, "at": list(range(nodes))}
    written = local_store.bulk_load([EdgeBatch("RATED", USER, ITEM, pa.table(rows))])
    assert written.relationships == nodes
    found = local_store.query("MATCH (u:User)-[r:RATED]->(:Item) RETURN u.id, r.at ORDER BY r.at").rows
    assert [tuple(row) for row in found] == list(zip(users, range(nodes), strict=True))
