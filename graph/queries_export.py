"""Cypher of an export: every node and every relationship, page by page. Labels come through `safe_name`."""

from __future__ import annotations

from collections.abc import Iterable


def whole_page(label: str, left_out: Iterable[str]) -> str:
    """`$limit` nodes after id `$after` (`''` to begin), in id order; the properties `left_out` stay in the store."""
    nulls = "".join(f", `{name}`: null" for name in left_out)
    return (
        f"MATCH (n:`{label}`) WHERE n.id > $after "
        f"RETURN n.id AS id, n {{.*{nulls}}} AS properties ORDER BY n.id LIMIT $limit"
    )


def edges_out(label: str) -> str:
    """Relationships out of the nodes of a label with `$after < id <= $upto`, but for the types `$not`.

    Grouped by head, type and label of the tail: lists of tails, values and times (`$nan`, `$none` where there is none),
    and how many properties they have in all. Lists of plain values are read in half the time of lists of maps.
    """
    return (
        f"MATCH (h:`{label}`)-[r]->(t) WHERE h.id > $after AND h.id <= $upto AND NOT type(r) IN $not "
        "WITH h.id AS head, type(r) AS type, labels(t)[0] AS label, collect(t.id) AS tails, "
        "collect(coalesce(r.value, $nan)) AS values, collect(coalesce(r.at, $none)) AS times, "
        "sum(size(keys(r))) AS properties "
        "RETURN head, type, label, tails, values, times, properties"
    )


def edges_with_properties(label: str, kind: str, tail: str) -> str:
    """As `edges_out`, of one type to one label, with all properties: head, tails, properties."""
    return (
        f"MATCH (h:`{label}`)-[r:`{kind}`]->(t:`{tail}`) WHERE h.id > $after AND h.id <= $upto "
        "WITH h.id AS head, collect(t.id) AS tails, collect(properties(r)) AS properties "
        "RETURN head, tails, properties"
    )
