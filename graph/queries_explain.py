"""Cypher of `graph.explain` and `graph.neighbourhood`, merged into `graph.queries.QUERIES`. Parameters only.

Both ends are always anchored by id and everything read is bounded: a popular genre joins half of all items.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

EXPLAIN: Mapping[str, str] = MappingProxyType(
    {
        # What a user did, newest first: `types` are relationship types.
        "user_interactions": (
            "MATCH (u:User {id: $user})-[l]->(i:Item) WHERE type(l) IN $types "
            "RETURN i.id AS item, type(l) AS type, l.value AS value, l.at AS at "
            "ORDER BY at DESC, item LIMIT $limit"
        ),
        # What items point at: attribute nodes, entities, other items. Interactions point at items, so they stay out.
        "item_attributes": (
            "UNWIND $items AS id MATCH (i:Item {id: id}) OPTIONAL MATCH (i)-[r]->(a) "
            "WITH i, collect({type: type(r), id: a.id, label: labels(a)[0], name: a.name, title: a.title}) AS ends "
            "RETURN i.id AS item, i.title AS title, i.year AS year, ends"
        ),
    }
)
