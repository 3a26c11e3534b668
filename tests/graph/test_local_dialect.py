"""What the local store needs changed in a query, and that everything else is left as it was sent."""

from __future__ import annotations

import pytest

from graph.local_dialect import for_local
from tests.congruence.cypher_reads import CORPUS

CHANGES = {
    "aggregate under AND": (
        "MATCH (i) RETURN i.x AS a, count(i) > 2 AND max(i.y) > 1 AS b ORDER BY i.x",
        "MATCH (i) WITH i.x AS `group 0`, count(i) AS `aggregate 1`, max(i.y) AS `aggregate 2` "
        "RETURN `group 0` AS a, `aggregate 1` > 2 AND `aggregate 2` > 1 AS b ORDER BY `group 0`",
    ),
    "aggregate under NOT, without a name": (
        "MATCH (i) RETURN NOT (count(i) > 3)",
        "MATCH (i) WITH count(i) AS `aggregate 0` RETURN NOT (`aggregate 0` > 3) AS `NOT (count(i) > 3)`",
    ),
    "variables stay": (
        "MATCH (u)-->(i) RETURN u, 'x' IN collect(i.id) AS has",
        "MATCH (u)-->(i) WITH u, collect(i.id) AS `aggregate 0` RETURN u, 'x' IN `aggregate 0` AS has",
    ),
    "in a subquery": (
        "MATCH (u) CALL (u) { MATCH (u)-->(i) RETURN max(i.y) IS NULL AS none } RETURN none",
        "MATCH (u) CALL (u) { MATCH (u)-->(i) WITH max(i.y) AS `aggregate 0` RETURN `aggregate 0` IS NULL AS none } "
        "RETURN none",
    ),
    "shortest of one": (
        "MATCH p = SHORTEST 1 (a:A {x: 1})-[r:R|S]-+(b:B) WHERE length(p) > 1 RETURN p",
        "MATCH p = shortestPath((a:A {x: 1})-[:R|S*1..]-(b:B)) WITH *, relationships(p) AS r "
        "WHERE length(p) > 1 RETURN p",
    ),
    "all shortest, bounded": (
        "MATCH p = ALL SHORTEST PATHS (a)<-[:X]-{1,3}(b) RETURN p",
        "MATCH p = allShortestPaths((a)<-[:X*1..3]-(b)) RETURN p",
    ),
    "any, of any type": ("MATCH ANY SHORTEST (a)-->*(b) RETURN b", "MATCH shortestPath((a)-[*0..]->(b)) RETURN b"),
    "cosine": (
        "RETURN vector.similarity.cosine([1.0], n.x) AS c",
        "RETURN (0.5 + 0.5 * vector.similarity.cosine([1.0], n.x)) AS c",
    ),
}
SAME = [
    "MATCH (i) RETURN i.adult AND i.x IS NULL AS b, count(i) AS n",
    "MATCH (i) WITH collect(CASE WHEN i.x IS NULL THEN 1 END) AS xs RETURN xs",
    "MATCH (i) RETURN COUNT { (i)-->() } > 1 AND EXISTS { (i)<--() } AS b",
    "RETURN 'SHORTEST 1 (a)-->+(b)' AS text // NOT count(x) > 3",
    "OPTIONAL MATCH p = shortestPath((a)-[*..4]-(b)) WHERE length(p) > 1 RETURN p",
    "WITH 1 AS count, 2 AS any RETURN count > 1 AND any > 1 AS b",
    "MATCH p = SHORTEST 3 (a)-->+(b) RETURN p",
]


@pytest.mark.parametrize("name", CHANGES)
def test_changes(name: str) -> None:
    sent, expected = CHANGES[name]
    assert for_local(sent) == expected


@pytest.mark.parametrize("text", SAME)
def test_leaves_alone(text: str) -> None:
    assert for_local(text) == text


@pytest.mark.parametrize("name", CORPUS)
def test_settles_at_once(name: str) -> None:
    changed = for_local(CORPUS[name])
    assert for_local(changed) == changed
