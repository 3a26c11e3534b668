"""All Cypher, by name. Parameters only: no value is ever formatted into a text.

The stores run these by name (`store.query("node_count")`). Every text runs unchanged on Neo4j and on the local store,
but for the one that says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from graph.queries_changes import CHANGES
from graph.queries_encode import ENCODE
from graph.queries_erase import ERASE
from graph.queries_explain import EXPLAIN
from graph.queries_language import LANGUAGE
from graph.queries_link import LINK
from graph.queries_live import LIVE
from graph.queries_refresh import REFRESH
from graph.queries_snapshot import SNAPSHOT
from graph.queries_tags import TAGS
from graph.queries_write_back import WRITE_BACK

QUERIES: Mapping[str, str] = MappingProxyType(
    {
        **CHANGES,
        **ENCODE,
        **ERASE,
        **EXPLAIN,
        **LANGUAGE,
        **LINK,
        **LIVE,
        **REFRESH,
        **SNAPSHOT,
        **TAGS,
        **WRITE_BACK,
        # Without the node of the change log, which is bookkeeping.
        "node_count": "MATCH (n) RETURN count(n) - COUNT { (c:GraphChange) } AS nodes",
        "relationship_count": "MATCH ()-[r]->() RETURN count(r) AS relationships",
        "labels": (
            "MATCH (n) UNWIND labels(n) AS label WITH label, count(*) AS nodes WHERE label <> 'GraphChange' "
            "RETURN label, nodes ORDER BY label"
        ),
        "relationship_types": "MATCH ()-[r]->() RETURN type(r) AS type, count(*) AS relationships ORDER BY type",
        # The names alone, without counting: at once, whatever the size.
        "label_names": "CALL db.labels() YIELD label RETURN label ORDER BY label",
        "type_names": "CALL db.relationshipTypes() YIELD relationshipType AS type RETURN type ORDER BY type",
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
