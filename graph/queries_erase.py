"""Cypher of an erasure: who a person is on all platforms, what joins them with others, and who names them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ERASE: Mapping[str, str] = MappingProxyType(
    {
        "people_of": (
            "UNWIND $ids AS id MATCH (:User {id: id})-[:IS]->(p:Person) MATCH (o:User)-[:IS]->(p) "
            "RETURN DISTINCT o.id AS user, p.id AS person ORDER BY user, person"
        ),
        "relationships_of": "UNWIND $ids AS id MATCH (:User {id: id})-[r]-() RETURN count(r) AS relationships",
        "blockers_of": (
            "MATCH (u:User) WHERE u.blocked IS NOT NULL AND any(one IN [] + u.blocked WHERE one IN $ids) "
            "RETURN u.id AS user, [] + u.blocked AS blocked ORDER BY user"
        ),
        "properties_of_user": "MATCH (u:User {id: $user}) RETURN properties(u) AS properties",
        "everything_of": (
            "MATCH (u:User {id: $user})-[r]-(m) "
            "RETURN type(r) AS type, labels(m)[0] AS label, m.id AS id, properties(r) AS values ORDER BY type, id"
        ),
        "profile_texts_of": (
            "UNWIND $ids AS id MATCH (u:User {id: id}) WHERE u.profile_text IS NOT NULL "
            "RETURN u.id AS user, u.profile_text AS text"
        ),
    }
)
