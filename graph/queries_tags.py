"""Cypher of zero-shot tags (`encoders.zeroshot`): vectors to compare, what is known, and the tags' nodes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TAGS: Mapping[str, str] = MappingProxyType(
    {
        "item_vectors": (
            "UNWIND $ids AS id MATCH (n:Item {id: id}) RETURN n.id AS id, "
            "n.text_embedding AS text, n.text_embedding_encoder AS text_encoder, "
            "n.text_embedding_version AS text_version, n.image_embedding AS image, "
            "n.image_embedding_encoder AS image_encoder, n.image_embedding_version AS image_version, "
            "n.audio_embedding AS audio, n.audio_embedding_encoder AS audio_encoder, "
            "n.audio_embedding_version AS audio_version"
        ),
        # Which encoder made how many vectors, by modality.
        "text_encoders": (
            "MATCH (n:Item) WHERE n.text_embedding IS NOT NULL RETURN n.text_embedding_encoder AS encoder, "
            "n.text_embedding_version AS version, count(*) AS items ORDER BY items DESC, encoder, version"
        ),
        "image_encoders": (
            "MATCH (n:Item) WHERE n.image_embedding IS NOT NULL RETURN n.image_embedding_encoder AS encoder, "
            "n.image_embedding_version AS version, count(*) AS items ORDER BY items DESC, encoder, version"
        ),
        "audio_encoders": (
            "MATCH (n:Item) WHERE n.audio_embedding IS NOT NULL RETURN n.audio_embedding_encoder AS encoder, "
            "n.audio_embedding_version AS version, count(*) AS items ORDER BY items DESC, encoder, version"
        ),
        "item_kinds": "MATCH (n:Item) RETURN coalesce(n.kind, '') AS kind, count(*) AS items ORDER BY items DESC, kind",
        "tag_counts": (
            "UNWIND $ids AS id MATCH (n:Item {id: id})-[r:TAGGED]->(:ZeroShotTag) RETURN n.id AS id, count(r) AS tags"
        ),
        "tag_names": "MATCH (t:ZeroShotTag) RETURN t.id AS id, t.name AS name ORDER BY id",
        "drop_unused_tags": "MATCH (t:ZeroShotTag) WHERE NOT t.id IN $ids DETACH DELETE t",
    }
)


def named_nodes(label: str) -> str:
    """Ids and names of the nodes of a label (already through `safe_name`)."""
    return f"MATCH (a:`{label}`) RETURN a.id AS id, coalesce(a.name, '') AS name ORDER BY id"


def attributes_of(label: str) -> str:
    """Which nodes of the label the items in `$ids` point at."""
    return (
        f"UNWIND $ids AS id MATCH (i:Item {{id: id}})-->(a:`{label}`) "
        "RETURN i.id AS id, collect(DISTINCT a.id) AS nodes"
    )
