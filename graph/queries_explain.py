"""Cypher of `graph.explain`, merged into `graph.queries.QUERIES`. Parameters only.

Both ends are always anchored by id and everything read is bounded: a popular genre joins half of all items. Each proof
exists once for one path (`path_…`) and once for many (`paths_…`, over `$paths`), with the same pattern and columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_LIKED = (
    "MATCH (u:User {{id: {p}user}}) MATCH (liked:Item {{id: {p}liked}}) MATCH (item:Item {{id: {p}item}}) "
    "MATCH (u)-[like]->(liked) WHERE type(like) = {p}liking AND (type(like) <> 'RATED' OR like.value >= {p}at_least) "
)
_ENDS = (
    "RETURN DISTINCT u.id AS user, liked.id AS liked, liked.title AS liked_title, liked.year AS liked_year, "
    "item.id AS item, item.title AS item_title, item.year AS item_year, type(r) AS relation, "
)
PROOFS: Mapping[str, str] = MappingProxyType(
    {
        # Both items point at the same node by the same relation.
        "attribute": (
            _LIKED + "MATCH (liked)-[r]->(a) WHERE type(r) = {p}relation AND a.id = {p}via AND {p}label IN labels(a) "
            "MATCH (item)-[s]->(a) WHERE type(s) = {p}relation "
            + _ENDS
            + "a.id AS via, coalesce(a.name, a.title) AS via_title"
        ),
        "from_liked": (
            _LIKED + "MATCH (liked)-[r]->(item) WHERE type(r) = {p}relation " + _ENDS + "null AS via, null AS via_title"
        ),
        "to_liked": (
            _LIKED + "MATCH (item)-[r]->(liked) WHERE type(r) = {p}relation " + _ENDS + "null AS via, null AS via_title"
        ),
        # Another user liked both.
        "neighbour": (
            _LIKED + "MATCH (v:User {{id: {p}via}}) "
            "MATCH (v)-[r]->(liked) WHERE type(r) = {p}relation AND (type(r) <> 'RATED' OR r.value >= {p}at_least) "
            "MATCH (v)-[s]->(item) WHERE type(s) = {p}last AND (type(s) <> 'RATED' OR s.value >= {p}at_least) "
            + _ENDS
            + "v.id AS via, null AS via_title"
        ),
    }
)

EXPLAIN: Mapping[str, str] = MappingProxyType(
    {
        # What a user did, newest first: `types` are relationship types.
        "user_interactions": (
            "MATCH (u:User {id: $user})-[l]->(i:Item) WHERE type(l) IN $types "
            "WITH i.id AS item, type(l) AS type, l.value AS value, l.at AS at ORDER BY at DESC, item LIMIT $limit "
            "RETURN collect([item, type, value, at]) AS rows"
        ),
        # What items point at: attribute nodes, entities, other items. Interactions point at items, so they stay out.
        "item_ends": (
            "UNWIND $items AS id MATCH (i:Item {id: id})-[r]->(a) "
            "RETURN i.id AS item, collect([type(r), labels(a)[0], a.id]) AS ends"
        ),
        # Users who liked items, at most `limit` an item.
        "item_fans": (
            "UNWIND $items AS id MATCH (i:Item {id: id}) "
            "CALL (i) { MATCH (i)<-[l]-(v:User) "
            "WHERE type(l) IN $types AND v.id <> $user AND (type(l) <> 'RATED' OR l.value >= $at_least) "
            "RETURN v.id AS fan, type(l) AS type ORDER BY fan, type LIMIT $limit } "
            "RETURN i.id AS item, collect([fan, type]) AS fans"
        ),
        **{f"path_{name}": text.format(p="$") for name, text in PROOFS.items()},
        **{f"paths_{name}": "UNWIND $paths AS p " + text.format(p="p.") for name, text in PROOFS.items()},
    }
)


def degrees_of(label: str) -> str:
    """How many relationships reach each node of `$ids` of this label (through `safe_name`), counted up to `$most`."""
    return (
        f"UNWIND $ids AS id MATCH (a:`{label}` {{id: id}}) "
        "CALL (a) { MATCH (a)<-[r]-() WITH r LIMIT $most RETURN count(r) AS degree } "
        "RETURN a.id AS id, coalesce(a.name, a.title) AS name, degree"
    )
