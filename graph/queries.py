"""All Cypher, by name. Parameters only: no value is ever formatted into a text.

The stores run these by name (`store.query("user_page", {...})`). Every text runs unchanged on Neo4j and on the local
store. Pages go by `id > $after` in id order, so they cost the same at any depth. Interactions come grouped by user with
`collect`: row by row, a driver spends four times as long on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from graph.queries_encode import ENCODE
from graph.queries_explain import EXPLAIN

QUERIES: Mapping[str, str] = MappingProxyType(
    {
        **ENCODE,
        **EXPLAIN,
        "node_count": "MATCH (n) RETURN count(n) AS nodes",
        "relationship_count": "MATCH ()-[r]->() RETURN count(r) AS relationships",
        "labels": "MATCH (n) UNWIND labels(n) AS label RETURN label, count(*) AS nodes ORDER BY label",
        "relationship_types": "MATCH ()-[r]->() RETURN type(r) AS type, count(*) AS relationships ORDER BY type",
        # Pages of nodes: parameters `after` (id of the last row before, '' to begin) and `limit`.
        "user_page": (
            "MATCH (n:User) WHERE n.id > $after "
            "RETURN n.id AS id, properties(n) AS properties ORDER BY n.id LIMIT $limit"
        ),
        "item_page": (
            "MATCH (n:Item) WHERE n.id > $after "
            "RETURN n.id AS id, properties(n) AS properties ORDER BY n.id LIMIT $limit"
        ),
        # Attribute nodes that an item or another attribute points at, and entities nobody points at.
        "entity_page": (
            "MATCH (n) WHERE n.id > $after AND NOT n:User AND NOT n:Item AND NOT n:Person AND NOT n:Platform "
            "RETURN n.id AS id, labels(n)[0] AS label, properties(n) AS properties ORDER BY n.id LIMIT $limit"
        ),
        # Both stores answer a vector index with (1 + cosine) / 2.
        "nearest": (
            "CALL db.index.vector.queryNodes($index, $k, $vector) YIELD node, score "
            "RETURN node.id AS id, 2 * score - 1 AS score ORDER BY score DESC, id"
        ),
        # Neo4j's own: the local store asks its SQL side.
        "vector_index_dim": (
            "SHOW VECTOR INDEXES YIELD name, options WHERE name = $name "
            "RETURN options.indexConfig['vector.dimensions'] AS dim"
        ),
        # Grouped by user; `types`: relationship types to read; users with `after < id <= upto`.
        "interactions": (
            "MATCH (u:User)-[r]->(i:Item) WHERE u.id > $after AND u.id <= $upto AND type(r) IN $types "
            "WITH u.id AS user, collect(i.id) AS items, collect(type(r)) AS types, "
            "collect(coalesce(r.value, 'NaN')) AS values, collect(coalesce(r.at, 'none')) AS times "
            "RETURN user, items, types, values, times"
        ),
    }
)


def node_of(label: str) -> str:
    """Properties of the node of this label (already through `safe_name`) with id `$id`."""
    return f"MATCH (n:`{label}` {{id: $id}}) RETURN properties(n) AS properties"


def neighbours_of(label: str) -> str:
    """Up to `$each` neighbours by relationship type of one node, among its first `$looked_at` relationships."""
    return (
        f"MATCH (n:`{label}` {{id: $id}})-[r]-(m) WITH n, r, m LIMIT $looked_at "
        "WITH n, type(r) AS type, collect({r: r, m: m})[..$each] AS ends UNWIND ends AS end "
        "WITH n, type, end.r AS r, end.m AS m "
        "RETURN type, startNode(r).id = n.id AS outgoing, properties(r) AS values, m.id AS id, "
        "labels(m)[0] AS label, properties(m) AS properties"
    )


def text_of(name_or_cypher: str) -> str | None:
    """Cypher of a named query, the text itself where it holds a blank, None for a name that does not exist."""
    if any(char.isspace() for char in name_or_cypher):
        return name_or_cypher
    return QUERIES.get(name_or_cypher)
