"""Cypher of linkage (`graph.link.store`): what is read, what a run writes, and what undoing it takes away.

Everything that a run wrote carries its id in `run`; what somebody else said is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from graph.queries_changes import BUMP

_END = "RETURN c.version AS version, before, count(*) AS links"

LINK: Mapping[str, str] = MappingProxyType(
    {
        "link_given": (
            "MATCH (u:User)-[r:IS]->(p:Person) WHERE r.run IS NULL RETURN u.id AS user, p.id AS person "
            "ORDER BY user, person"
        ),
        "link_people_there": (
            "MATCH (u:User)-[r:IS]->(p:Person) WHERE r.run IS NOT NULL "
            "RETURN u.id AS head, p.id AS tail, r.probability AS probability, r.run AS run"
        ),
        "link_items_there": (
            "MATCH (a:Item)-[r:SAME_AS]->(b:Item) WHERE r.run IS NOT NULL "
            "RETURN a.id AS head, b.id AS tail, r.probability AS probability, r.run AS run"
        ),
        "link_people_write": (
            BUMP + "WITH c, before UNWIND $rows AS row MATCH (u:User {id: row.head}) "
            "MERGE (p:Person {id: row.tail}) MERGE (u)-[r:IS]->(p) "
            "SET r.probability = row.probability, r.method = $method, r.run = row.run " + _END
        ),
        "link_items_write": (
            BUMP + "WITH c, before UNWIND $rows AS row MATCH (a:Item {id: row.head}) MATCH (b:Item {id: row.tail}) "
            "MERGE (a)-[r:SAME_AS]->(b) SET r.probability = row.probability, r.method = $method, r.run = row.run "
            + _END
        ),
        "link_people_remove": (
            BUMP + "WITH c, before UNWIND $rows AS row "
            "MATCH (u:User {id: row.head})-[r:IS]->(p:Person {id: row.tail}) WHERE r.run IS NOT NULL DELETE r " + _END
        ),
        "link_items_remove": (
            BUMP + "WITH c, before UNWIND $rows AS row MATCH (a:Item {id: row.head})-[r:SAME_AS]->(b:Item {id: "
            "row.tail}) WHERE r.run IS NOT NULL DELETE r " + _END
        ),
        "link_users": (
            "MATCH (n:User) WHERE n.id > $after RETURN n.id AS id, properties(n) AS properties ORDER BY id LIMIT $page"
        ),
        "link_items": (
            "MATCH (n:Item) WHERE n.id > $after RETURN n.id AS id, properties(n) AS properties ORDER BY id LIMIT $page"
        ),
        "link_lonely": "MATCH (p:Person) WHERE p.id IN $ids AND NOT (p)<-[:IS]-() DELETE p",
    }
)
