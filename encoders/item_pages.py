"""The items of a graph, page by page: what of each is encoded, and what its vectors were made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graph.store import GraphStore

PAGE = 512


def item_pages(store: GraphStore, limit: int = PAGE) -> Iterator[list[dict[str, Any]]]:
    """Rows of the named query `item_sources`, by id."""
    after = ""
    while rows := store.query("item_sources", {"after": after, "limit": limit}).dicts():
        yield rows
        after = rows[-1]["id"]
