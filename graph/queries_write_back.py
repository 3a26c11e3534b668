"""Cypher of derived relationships: what a refresh writes back, merged into `graph.queries.QUERIES`.

For each kind four queries: `…_there` reads what the owners in `$ids` have, grouped; `…_remove`, `…_change` and
`…_create` write a difference (`graph.derived`). MERGE would be one query in place of two, at a tenth of the speed on
the local store.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from graph.schema import ITEM, RECOMMENDED, SIMILAR, TAG, TAGGED, USER


def _difference(type_: str, head: str, tail: str, sets: str, *, within: str = "") -> dict[str, str]:
    """`within`: which of several to one tail is meant; `sets`: what `x` and `$run` give it."""
    match = f"UNWIND $rows AS row MATCH (h:{head} {{id: row.id}})-[r:{type_}]->(t:{tail}) WHERE {within}"
    return {
        "remove": match + "t.id IN row.tails DELETE r",
        "change": match + f"true UNWIND row.edges AS x WITH r, t, x WHERE x.tail = t.id SET {sets}",
        "create": (
            f"UNWIND $rows AS x MATCH (h:{head} {{id: x.id}}) MATCH (t:{tail} {{id: x.tail}}) "
            f"CREATE (h)-[r:{type_}]->(t) SET {sets} RETURN count(r) AS created"
        ),
    }


_RECOMMENDED = _difference(
    RECOMMENDED, USER, ITEM, "r.rank = x.rank, r.score = x.score, r.model = x.model, r.run = $run"
)
_SIMILAR = _difference(
    SIMILAR,
    ITEM,
    ITEM,
    "r.score = x.score, r.modality = x.modality, r.run = $run",
    within="coalesce(r.modality, '') = row.modality AND ",
)
_TAGGED = _difference(TAGGED, ITEM, TAG, "r.confidence = x.confidence, r.encoder = x.encoder, r.modality = x.modality")

DERIVED: Mapping[str, str] = MappingProxyType(
    {
        "recommended_there": (
            "UNWIND $ids AS id MATCH (h:User {id: id})-[r:RECOMMENDED]->(t:Item) RETURN h.id AS id, "
            "collect(t.id) AS tails, collect(coalesce(r.rank, 0)) AS ranks, "
            "collect(coalesce(r.score, 0.0)) AS scores, collect(coalesce(r.model, '')) AS models"
        ),
        "similar_there": (
            "UNWIND $ids AS id MATCH (h:Item {id: id})-[r:SIMILAR]->(t:Item) RETURN h.id AS id, "
            "collect(t.id) AS tails, collect(coalesce(r.modality, '')) AS modalities, "
            "collect(coalesce(r.score, 0.0)) AS scores"
        ),
        "tagged_there": (
            "UNWIND $ids AS id MATCH (h:Item {id: id})-[r:TAGGED]->(t:ZeroShotTag) RETURN h.id AS id, "
            "collect(t.id) AS tails, collect(coalesce(r.confidence, 0.0)) AS confidences, "
            "collect(coalesce(r.encoder, '')) AS encoders, collect(coalesce(r.modality, '')) AS modalities"
        ),
        **{f"recommended_{name}": text for name, text in _RECOMMENDED.items()},
        **{f"similar_{name}": text for name, text in _SIMILAR.items()},
        **{f"tagged_{name}": text for name, text in _TAGGED.items()},
    }
)

WRITE_BACK: Mapping[str, str] = MappingProxyType(
    {
        **DERIVED,
        "user_count": "MATCH (n:User) RETURN count(n) AS users",
    }
)
