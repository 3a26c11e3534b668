"""Reads that both stores must answer alike. `$user`, `$item`, `$genre` are ids of the graph; rows without ORDER BY are
compared as sets, collected lists too."""

from __future__ import annotations

READS: dict[str, str] = {
    "labels and properties": "MATCH (n) RETURN labels(n) AS l, properties(n) AS p",
    "a node": "MATCH (n:Item {id: $item}) RETURN n",
    "a relationship": "MATCH (:User {id: $user})-[r]->(:Item) RETURN r",
    "a path": "MATCH p = (:User {id: $user})-[:RATED]->(:Item) RETURN p",
    "types": "MATCH ()-[r]->() RETURN DISTINCT type(r) AS t",
    "no rows": "MATCH (n:Nowhere) RETURN n.id AS id",
    "count by type": "MATCH ()-[r]->() RETURN type(r) AS t, count(*) AS n, count(r.value) AS v",
    "aggregates": "MATCH ()-[r:RATED]->() RETURN min(r.value), max(r.value), avg(r.value), sum(r.value), count(*)",
    "aggregates of nothing": (
        "MATCH (n:Item {id: 'none'}) RETURN count(n), sum(n.year), avg(n.year), collect(n.id), max(n.year)"
    ),
    "distinct": "MATCH (:User)-[:RATED]->(i) RETURN count(DISTINCT i.id) AS n, count(DISTINCT i.year) AS y",
    "nulls": "MATCH (n:Item) WHERE n.year IS NULL RETURN n.id, n.year, n.year = 1, coalesce(n.year, -1)",
    "null order": "MATCH (n:Item) RETURN n.year AS y, n.id AS id ORDER BY y, id",
    "null order down": "MATCH (n:Item) RETURN n.year AS y, n.id AS id ORDER BY y DESC, id",
    "paging": "MATCH (n:Item) WHERE n.id > $item RETURN n.id AS id ORDER BY id SKIP 3 LIMIT 7",
    "string order": "MATCH (n) RETURN n.id AS id ORDER BY id",
    "optional": "MATCH (u:User) OPTIONAL MATCH (u)-[r:PURCHASED]->(i) RETURN u.id, count(r), collect(i.id)",
    "optional nothing": "OPTIONAL MATCH (n:Item {id: 'none'}) RETURN n, n.id",
    "undirected": "MATCH (u:User {id: $user})-[:FRIEND]-(v) RETURN v.id",
    "incoming": "MATCH (g:Genre {id: $genre})<-[:HAS_GENRE]-(i) RETURN i.id",
    "two types": "MATCH (u:User {id: $user})-[r:RATED|LIKED]->(i) RETURN type(r), i.id",
    "types in a list": "MATCH (u:User {id: $user})-[r]->(i) WHERE type(r) IN $types RETURN type(r), i.id",
    "two hops": "MATCH (u:User {id: $user})-[:RATED]->(i)<-[:RATED]-(v) WHERE v <> u RETURN v.id, count(*)",
    "three hops": (
        "MATCH (u:User {id: $user})-[:RATED]->(i)-[:HAS_GENRE]->(g)<-[:HAS_GENRE]-(j:Item) "
        "WHERE NOT (u)-[:RATED]->(j) RETURN j.id, count(DISTINCT g) AS n"
    ),
    "variable length": "MATCH (e:Entity)-[:PART_OF*1..3]->(f) RETURN e.id, f.id, count(*)",
    "shortest path": (
        "MATCH (u:User {id: $user}), (g:Genre {id: $genre}) MATCH p = shortestPath((u)-[*..4]-(g)) RETURN length(p)"
    ),
    "exists": "MATCH (i:Item) WHERE EXISTS { (i)-[:HAS_GENRE]->(:Genre {id: $genre}) } RETURN i.id",
    "not exists": "MATCH (i:Item) WHERE NOT EXISTS { MATCH (i)<-[r:RATED]-() WHERE r.value > 3 } RETURN i.id",
    "count subquery": "MATCH (i:Item) RETURN i.id, COUNT { (i)<-[:RATED]-() } AS n",
    "call subquery": (
        "MATCH (u:User) CALL (u) { MATCH (u)-[r:RATED]->(i) RETURN i.id AS id ORDER BY r.value DESC, id LIMIT 2 } "
        "RETURN u.id, collect(id)"
    ),
    "with and having": "MATCH (u:User)-[r:RATED]->() WITH u, avg(r.value) AS mean WHERE mean > 2.5 RETURN u.id, mean",
    "unwind": "UNWIND $ids AS id MATCH (n:Item {id: id}) RETURN id, n.title",
    "union": "MATCH (n:Genre) RETURN n.id AS id UNION MATCH (n:Person) RETURN n.id AS id",
    "case": (
        "MATCH (i:Item) RETURN i.id, CASE WHEN i.year < 1980 THEN 'old' WHEN i.year IS NULL THEN '?' ELSE 'new' END"
    ),
    "strings": "MATCH (i:Item) RETURN i.id, toLower(i.id), size(i.id), split(i.id, ':')[0], i.id STARTS WITH 'm:i0'",
    "contains": "MATCH (i:Item) WHERE toLower(i.title) CONTAINS toLower($text) RETURN i.id",
    "regex": "MATCH (i:Item) WHERE i.id =~ 'm:i[0-9]+' RETURN i.id",
    "lists": (
        "MATCH (i:Item) WHERE 't1' IN i.tags RETURN i.id, size(i.tags), head(i.tags), [t IN i.tags WHERE t <> 't1']"
    ),
    "list predicates": (
        "MATCH (i:Item) WHERE any(t IN i.tags WHERE t = 't2') AND none(t IN i.tags WHERE t = 't3') RETURN i.id"
    ),
    "reduce": "MATCH (i:Item) RETURN i.id, reduce(n = 0, t IN coalesce(i.tags, []) | n + size(t))",
    "pattern list": "MATCH (u:User) RETURN u.id, [(u)-[:LIKED]->(i:Item) | i.id] AS liked",
    "maps": "MATCH (i:Item {id: $item}) RETURN i {.id, .year, extra: 1} AS m, keys(i)",
    "nested collect": (
        "MATCH (u:User)-[r]->(i:Item) WITH u, type(r) AS t, collect(i.id) AS ids RETURN u.id, collect({t: t, "
        "n: size(ids)})"
    ),
    "integer arithmetic": "UNWIND [7, -7] AS n RETURN n / 2, n % 3, n * 1.5, abs(n), toFloat(n), 2 ^ 3",
    "numbers": "RETURN toInteger('12'), toInteger('x'), toFloat('1.5'), round(2.5), floor(-1.5), sqrt(16.0)",
    "booleans": "MATCH (i:Item) RETURN i.id, i.adult AND true, i.adult OR true, NOT i.adult, i.adult XOR true",
    "percentiles": (
        "MATCH ()-[r:RATED]->() RETURN percentileCont(r.value, 0.5), percentileDisc(r.value, 0.9), stDev(r.value)"
    ),
    "start and end": "MATCH (:User)-[r:IS]->(:Person) RETURN startNode(r).id, endNode(r).id, r.probability",
    "self joins": (
        "MATCH (a:Item)-[:HAS_GENRE]->(g)<-[:HAS_GENRE]-(b:Item) WHERE a.id < b.id RETURN a.id, b.id, count(g)"
    ),
    "limit of a parameter": "MATCH (n:Item) RETURN n.id AS id ORDER BY id LIMIT $limit",
    "a property by name": "MATCH (n:Item {id: $item}) RETURN n[$name] AS value",
    "label test": "MATCH (n) WHERE n:User OR n:Person RETURN n.id, n:User",
    "duplicates kept": "MATCH (u:User)-[:RATED]->(i:Item) RETURN u.platform AS p",
}

WRITES: dict[str, tuple[str, str]] = {
    "remove a quoted name": (
        "MATCH (n:Item) REMOVE n.`year`",
        "MATCH (n:Item) RETURN count(n.year) AS years",
    ),
    "remove": ("MATCH (n:Item) REMOVE n.year", "MATCH (n:Item) RETURN count(n.year) AS years"),
    "set and merge": (
        "MATCH (u:User {id: $user}) MATCH (i:Item {id: $item}) MERGE (u)-[r:LIKED]->(i) "
        "ON CREATE SET r.value = 1.0 ON MATCH SET r.value = 2.0 SET i += {title: 'new', year: null}",
        "MATCH (u:User {id: $user})-[r:LIKED]->(i:Item {id: $item}) RETURN r.value, properties(i)",
    ),
    "detach delete": ("MATCH (i:Item {id: $item}) DETACH DELETE i", "MATCH ()-[r]->() RETURN count(r) AS n"),
    "foreach": (
        "MATCH (i:Item) WITH collect(i) AS all FOREACH (n IN all | SET n.seen = true)",
        "MATCH (i:Item) RETURN count(i.seen) AS n",
    ),
}
"""A write, and a read that shows what it did."""
