"""Cypher of `graph.explain`, merged into `graph.queries.QUERIES`. Parameters only.

Both ends are always anchored by id. Each proof exists for a user (`path_…`) and for a newcomer, who is no node of the
graph (`path_new_…`); those that are run for many at once also over `$paths` (`paths_…`), with the same pattern and
columns. Proofs about people count at least as many as `$people`, and return nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from graph.explain_words import VERBS

_ITEMS = "MATCH (liked:Item {{id: {p}liked}}) MATCH (item:Item {{id: {p}item}}) "
_USER = (
    "MATCH (u:User {{id: {p}user}}) "
    + _ITEMS
    + "MATCH (u)-[like]->(liked) WHERE type(like) = {p}liking AND (type(like) <> 'RATED' OR like.value >= {p}at_least) "
)
_ENDS = (
    "liked.id AS liked, liked.title AS liked_title, liked.year AS liked_year, "
    "item.id AS item, item.title AS item_title, item.year AS item_year"
)
_LINK = ", type(r) AS relation, null AS via, null AS via_title"


def _counted(after: str) -> str:
    """People who did the same with both, `$people` or more."""
    liked = "type({0}) = {{p}}by AND (type({0}) <> 'RATED' OR {0}.value >= {{p}}at_least)"
    return (
        f"MATCH (v:User)-[r]->(liked) WHERE {liked.format('r')} "
        f"MATCH (v)-[s]->(item) WHERE {liked.format('s')}{after} "
        "WITH {keep}liked, item, count(DISTINCT v) AS found WHERE found >= {p}people "
    )


def _cosine(modality: str) -> str:
    """The cosine of two stored embeddings is `$cosine`, as far as it is told."""
    dot = "reduce(sum = 0.0, k IN range(0, size(x) - 1) | sum + {0}[k] * {1}[k])"
    length = f"sqrt({dot.format('x', 'x')} * {dot.format('y', 'y')})"
    return (
        f"WITH {{keep}}liked, item, liked.{modality}_embedding AS x, item.{modality}_embedding AS y "
        "WHERE x IS NOT NULL AND size(x) = size(y) "
        f"WITH {{keep}}liked, item, {dot.format('x', 'y')} / {length} AS found "
        "WHERE abs(found - {p}cosine) <= 0.006 "
    )


MEASURED = ("similar_text", "similar_image", "similar_audio", "people", "next")
"""What is found and measured in the index; the query measures it again."""
_MATCHES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # Both items point at the same node by the same relation.
        "attribute": (
            "MATCH (liked)-[r]->(a) WHERE type(r) = {p}relation AND a.id = {p}via AND {p}label IN labels(a) "
            "MATCH (item)-[s]->(a) WHERE type(s) = {p}relation ",
            ", type(r) AS relation, a.id AS via, coalesce(a.name, a.title) AS via_title",
        ),
        "from_liked": ("MATCH (liked)-[r]->(item) WHERE type(r) = {p}relation ", _LINK),
        "to_liked": ("MATCH (item)-[r]->(liked) WHERE type(r) = {p}relation ", _LINK),
        **{f"similar_{modality}": (_cosine(modality), ", found AS cosine") for modality in ("text", "image", "audio")},
        "people": (_counted(""), ", found AS people"),
        "next": (_counted(" AND s.at > r.at"), ", found AS people"),
    }
)
_FRIEND = (
    "MATCH (u:User {id: $user}) MATCH (item:Item {id: $item}) MATCH (u)-[:FRIEND]-(f:User) "
    "MATCH (f)-[s]->(item) WHERE type(s) = $last AND (type(s) <> 'RATED' OR s.value >= $at_least) "
    "AND NOT u.id IN coalesce([] + f.blocked, []) AND NOT f.id IN coalesce([] + u.blocked, []) "
)
_AGREES = "toLower(toString(coalesce(f.consent_explanation, $agreed))) = 'true'"
"""A friend agrees to be part of explanations (`graph.consent`); `$agreed`: whether silence is a yes."""
SHARES = f"toLower(toString(coalesce(f.share_activity, true))) <> 'false' AND {_AGREES}"
TELLS = f"toLower(toString(f.share_activity)) = 'true' AND {_AGREES}"
"""What a friend says of what they do: friends may count it (unless they say no), or know of it (if they say so)."""
_ITEM = "item.id AS item, item.title AS item_title, item.year AS item_year"
FRIEND_PROOFS: Mapping[str, str] = MappingProxyType(
    {
        # Friends who did not say that they keep it to themselves: so many that it points at none of them.
        "friends": (
            _FRIEND + f"AND {SHARES} WITH u, item, count(DISTINCT f) AS found "
            f"WHERE found >= $people RETURN u.id AS user, {_ITEM}, found AS people"
        ),
        # A friend who said that friends may know.
        "friend": _FRIEND + f"AND f.id = $via AND {TELLS} RETURN DISTINCT u.id AS user, {_ITEM}, f.id AS via",
    }
)


def _proof(name: str, p: str, *, new: bool) -> str:
    match, columns = _MATCHES[name]
    text = (_ITEMS if new else _USER) + match + "RETURN DISTINCT " + ("null" if new else "u.id") + " AS user, "
    return (text + _ENDS + columns).format(p=p, keep="" if new else "u, ")


BATCHED = ("attribute", "from_liked", "to_liked")
PROOFS: Mapping[str, str] = MappingProxyType(
    {
        **{name: _proof(name, "$", new=False) for name in _MATCHES},
        **{f"new_{name}": _proof(name, "$", new=True) for name in _MATCHES},
        **FRIEND_PROOFS,
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
        # Which of the likings that a reason names the graph holds: types in the pattern, as a user may have hundreds of
        # relationships of other types.
        "user_likes": (
            f"MATCH (u:User {{id: $user}})-[like:{'|'.join(VERBS)}]->(i:Item) WHERE i.id IN $items "
            "WITH i.id AS item, type(like) AS type, max(like.value) AS value "
            "RETURN collect([item, type, value]) AS rows"
        ),
        # What items point at: attribute nodes, entities, other items. Interactions point at items, so they stay out.
        "item_ends": (
            "UNWIND $items AS id MATCH (i:Item {id: id})-[r]->(a) "
            "RETURN i.id AS item, collect([type(r), labels(a)[0], a.id]) AS ends"
        ),
        # By which relations pairs of items point at the same node, and at each other.
        "pairs_attribute": (
            "UNWIND $pairs AS p MATCH (liked:Item {id: p.liked})-[r]->(a) WHERE a.id = p.via AND p.label IN labels(a) "
            "MATCH (item:Item {id: p.item})-[s]->(a) WHERE type(s) = type(r) "
            "RETURN DISTINCT p.liked AS liked, p.item AS item, p.via AS via, type(r) AS relation, "
            "coalesce(a.name, a.title) AS via_title"
        ),
        "pairs_direct": (
            "UNWIND $pairs AS p MATCH (liked:Item {id: p.liked}) MATCH (item:Item {id: p.item}) "
            "MATCH (liked)-[r]-(item) WHERE NOT type(r) IN ['SIMILAR', 'SAME_AS', 'RECOMMENDED'] "
            "RETURN DISTINCT p.liked AS liked, p.item AS item, type(r) AS relation, "
            "startNode(r).id = p.liked AS forward"
        ),
        # Which friends did something with each item: those who may be counted, and those who let friends know.
        "items_friends": (
            "MATCH (u:User {id: $user})-[:FRIEND]-(f:User) WITH DISTINCT u, f LIMIT $limit "
            "MATCH (f)-[s]->(item:Item) WHERE item.id IN $items AND type(s) IN $types "
            "AND (type(s) <> 'RATED' OR s.value >= $at_least) "
            "AND NOT u.id IN coalesce([] + f.blocked, []) AND NOT f.id IN coalesce([] + u.blocked, []) "
            "RETURN item.id AS item, type(s) AS last, "
            f"collect(DISTINCT CASE WHEN {SHARES} THEN f.id END) AS sharing, "
            f"collect(DISTINCT CASE WHEN {TELLS} THEN f.id END) AS telling"
        ),
        **{f"path_{name}": text for name, text in PROOFS.items()},
        **{f"paths_{name}": "UNWIND $paths AS p " + _proof(name, "p.", new=False) for name in BATCHED},
    }
)


def degrees_of(label: str) -> str:
    """How many relationships reach each node of `$ids` of this label (through `safe_name`), counted up to `$most`."""
    return (
        f"UNWIND $ids AS id MATCH (a:`{label}` {{id: id}}) "
        "CALL (a) { MATCH (a)<-[r]-() WITH r LIMIT $most RETURN count(r) AS degree } "
        "RETURN a.id AS id, coalesce(a.name, a.title) AS name, degree"
    )
