"""The ids of a label's nodes, in order and in pages: how whatever reads a graph piece by piece walks over it."""

from __future__ import annotations

from collections.abc import Iterator

from graph.existing import Queries
from graph.schema import safe_name

LAST = "\U0010ffff"
"""Stands behind every id."""
IDS_A_PAGE = 10_000


def id_pages(
    store: Queries, label: str, *, after: str = "", before: str = LAST, limit: int | None = None
) -> Iterator[list[str]]:
    """Ids with `after < id < before`, at most `limit` (else `IDS_A_PAGE`) a page."""
    nodes = f"MATCH (n:`{safe_name(label)}`) WHERE n.id > $after AND n.id < $before"
    text = f"{nodes} RETURN n.id AS id ORDER BY n.id LIMIT $limit"
    while rows := store.query(text, {"after": after, "before": before, "limit": limit or IDS_A_PAGE}).rows:
        yield [row[0] for row in rows]
        after = rows[-1][0]
