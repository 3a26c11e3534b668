"""Reads for a snapshot: nodes in pages, relationships grouped by their head, all of a range in one row of lists.

Row by row, a driver spends four times as long on a million relationships as on their groups, and half of what is left
on the groups' own rows. Every range is `$after < id <= $upto` (page by page, or in parallel by ranges); the caller
sorts what it collects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

SNAPSHOT: Mapping[str, str] = MappingProxyType(
    {
        # What there is, and perhaps what there was: from the catalogue, where counting would read everything.
        "labels_known": "CALL db.labels() YIELD label RETURN label",
        "types_known": "CALL db.relationshipTypes() YIELD relationshipType RETURN relationshipType AS type",
        "friends": (
            "MATCH (u:User)-[:FRIEND]->(v:User) WHERE u.id > $after AND u.id <= $upto "
            "WITH u, collect(v.id) AS friends RETURN collect(u.id) AS users, collect(friends) AS friends"
        ),
        "identities": (
            "MATCH (u:User)-[r:IS]->(p:Person) "
            "RETURN u.id AS user, p.id AS person, coalesce(r.probability, 1.0) AS probability ORDER BY user, person"
        ),
        "same_items": (
            "MATCH (a:Item)-[r:SAME_AS]->(b:Item) "
            "RETURN a.id AS item, b.id AS other, coalesce(r.probability, 1.0) AS probability ORDER BY item, other"
        ),
    }
)


def all_ids(label: str) -> str:
    """Every id of a label (already through `safe_name`), a row each: the local store collects at most 524,288."""
    return f"MATCH (n:`{label}`) RETURN n.id AS id"


def nodes_between(label: str) -> str:
    """The nodes of a label (already through `safe_name`) in a range."""
    return (
        f"MATCH (n:`{label}`) WHERE n.id > $after AND n.id <= $upto "
        "RETURN collect(n.id) AS ids, collect(properties(n)) AS properties"
    )


def acts_of(kind: str) -> str:
    """Interactions of one relationship type; `$unknown_value` (NaN) and `$unknown_time` stand for absent properties.

    One type at a time is half the work of all.
    """
    return (
        f"MATCH (u:User)-[r:`{kind}`]->(i:Item) WHERE u.id > $after AND u.id <= $upto WITH u, collect(i.id) AS items, "
        "collect(coalesce(r.value, $unknown_value)) AS values, collect(coalesce(r.at, $unknown_time)) AS times "
        "RETURN collect(u.id) AS users, collect(items) AS items, collect(values) AS values, collect(times) AS times"
    )


def triples_from(label: str, types: Iterable[str]) -> str:
    """Relationships of the given types out of the nodes of a label: head, and lists of types, tail labels, tail ids.

    Named types let both stores pass over the others unseen: a user's facts without their thousands of interactions.
    """
    named = "|".join(f"`{name}`" for name in types)
    return (
        f"MATCH (h:`{label}`)-[r:{named}]->(t) WHERE h.id > $after AND h.id <= $upto "
        "WITH h, collect(type(r)) AS types, collect(labels(t)[0]) AS labels, collect(t.id) AS tails "
        "RETURN collect(h.id) AS heads, collect(types) AS types, collect(labels) AS labels, collect(tails) AS tails"
    )


def count_nodes(label: str) -> str:
    """How many nodes of a label (through `safe_name`): at once in both stores, whatever the number."""
    return f"MATCH (n:`{label}`) RETURN count(n) AS nodes"


def nodes_of(label: str) -> str:
    """The nodes of a label among `$ids`, with their properties."""
    return f"UNWIND $ids AS id MATCH (n:`{label}` {{id: id}}) RETURN n.id AS id, properties(n) AS properties"
