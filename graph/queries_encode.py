"""Cypher of `encoders.encode`: what there is to encode, and writing the vectors back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from graph.queries_changes import BUMP

ENCODE: Mapping[str, str] = MappingProxyType(
    {
        # A page of items by id: parameters `after` ('' to begin) and `limit`. The vectors stay in the store.
        "item_sources": (
            "MATCH (n:Item) WHERE n.id > $after RETURN n.id AS id, n.title AS title, n.text AS text, "
            "n.summary AS summary, n.image AS image, n.audio AS audio, n.video AS video, "
            "n.text_embedding IS NOT NULL AS has_text, n.text_embedding_encoder AS text_encoder, "
            "n.text_embedding_version AS text_version, n.text_embedding_source AS text_source, "
            "n.image_embedding IS NOT NULL AS has_image, n.image_embedding_encoder AS image_encoder, "
            "n.image_embedding_version AS image_version, n.image_embedding_source AS image_source, "
            "n.audio_embedding IS NOT NULL AS has_audio, n.audio_embedding_encoder AS audio_encoder, "
            "n.audio_embedding_version AS audio_version, n.audio_embedding_source AS audio_source "
            "ORDER BY n.id LIMIT $limit"
        ),
        "item_count": "MATCH (n:Item) RETURN count(n) AS items",
        # `rows`: id and the properties to set, null to remove. A change of the graph (`graph.changes`).
        # Never creates: an item erased meanwhile stays erased.
        "set_item_properties": (
            BUMP + "WITH c, before UNWIND $rows AS row MATCH (n:Item {id: row.id}) SET n += row.properties "
            "RETURN c.version AS version, before, count(n) AS items"
        ),
    }
)
