"""Cypher of refresh runs and of the lease that keeps two refreshes of one graph apart.

The clock is the database's (`timestamp()`, milliseconds): the machines that share a graph need not agree on the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

REFRESH: Mapping[str, str] = MappingProxyType(
    {
        "save_refresh_run": "MERGE (r:RefreshRun {id: $id}) SET r += $properties RETURN r.id AS id",
        "refresh_run": "MATCH (r:RefreshRun {id: $id}) RETURN properties(r) AS properties",
        # Newest first.
        "refresh_runs": (
            "MATCH (r:RefreshRun) RETURN properties(r) AS properties ORDER BY r.started DESC, r.id DESC LIMIT $limit"
        ),
        "refresh_runs_in_state": (
            "MATCH (r:RefreshRun) WHERE r.state = $state RETURN properties(r) AS properties ORDER BY r.started, r.id"
        ),
        "refresh_lease": (
            "MATCH (l:RefreshLease {id: 'refresh'}) "
            "RETURN properties(l) AS properties, l.expires > timestamp() AS valid, l.taken AS taken"
        ),
        # The first SET takes the node's lock: what is read after it is what the last owner wrote.
        "take_refresh_lease": (
            "MERGE (l:RefreshLease {id: 'refresh'}) SET l.asked = $owner WITH l "
            "WHERE coalesce(l.owner, '') IN ['', $owner, $dead] OR l.expires <= timestamp() "
            "SET l.owner = $owner, l.holder = $holder, l.taken = timestamp(), l.expires = timestamp() + $milliseconds "
            "RETURN l.owner AS owner"
        ),
        "renew_refresh_lease": (
            "MATCH (l:RefreshLease {id: 'refresh'}) WHERE l.owner = $owner "
            "SET l.expires = timestamp() + $milliseconds RETURN l.owner AS owner"
        ),
        "release_refresh_lease": (
            "MATCH (l:RefreshLease {id: 'refresh'}) WHERE l.owner = $owner SET l.owner = '', l.expires = 0 "
            "RETURN l.id AS id"
        ),
    }
)
