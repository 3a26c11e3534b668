"""Cypher of `encoders.language`: what a model may be told of items and users, and writing back what it said."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from graph.queries_changes import BUMP

LANGUAGE: Mapping[str, str] = MappingProxyType(
    {
        # Pages by id: parameters `after` ('' to begin) and `limit`.
        "summary_sources": (
            "MATCH (n:Item) WHERE n.id > $after RETURN n.id AS id, n.title AS title, n.text AS text, n.kind AS kind, "
            "n.year AS year, n.summary IS NOT NULL AS there, n.summary_by AS by, n.summary_source AS source "
            "ORDER BY n.id LIMIT $limit"
        ),
        "profile_sources": (
            "MATCH (n:User) WHERE n.id > $after RETURN n.id AS id, n.profile_text IS NOT NULL AS there, "
            "n.profile_text_by AS by, n.profile_text_source AS source, n.consent_recommendation AS consent "
            "ORDER BY n.id LIMIT $limit"
        ),
        "profile_texts": (
            "MATCH (n:User) WHERE n.id > $after RETURN n.id AS id, n.profile_text AS text, "
            "n.profile_text_embedding IS NOT NULL AS there, n.profile_text_embedding_encoder AS encoder, "
            "n.profile_text_embedding_version AS version, n.profile_text_embedding_source AS source "
            "ORDER BY n.id LIMIT $limit"
        ),
        "item_words": (
            "UNWIND $ids AS id MATCH (n:Item {id: id}) "
            "RETURN n.id AS id, n.title AS title, n.text AS text, n.kind AS kind, n.year AS year"
        ),
        "item_attributes": (
            "UNWIND $ids AS id MATCH (i:Item {id: id})-[r]->(a) WHERE a.name IS NOT NULL "
            "RETURN i.id AS item, collect([labels(a)[0], a.id, a.name]) AS ends"
        ),
        # As `set_item_properties`.
        "set_user_properties": (
            BUMP + "WITH c, before UNWIND $rows AS row MATCH (n:User {id: row.id}) SET n += row.properties "
            "RETURN c.version AS version, before, count(n) AS users"
        ),
    }
)
