"""Cypher of what is written onto users' nodes alone (consents, renewed private properties), as a version of its own."""

from __future__ import annotations

from graph.queries_changes import BUMP

SET_USER_PROPERTIES = BUMP + (
    "WITH c, before UNWIND $rows AS row MATCH (u:User {id: row.user}) "
    "SET u += row.properties "
    "RETURN c.version AS version, before, count(*) AS users"
)
"""Absent where null, as before where not named. Users that are not there are passed over."""
