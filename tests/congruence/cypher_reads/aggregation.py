"""Aggregating functions and grouping."""

READS = {
    "count star": "MATCH (i:Item) RETURN count(*) AS n",
    "count property": "MATCH (i:Item) RETURN count(i.year) AS n",
    "count distinct": "MATCH (i:Item) RETURN count(DISTINCT i.year) AS n",
    "sum avg min max": (
        "MATCH ()-[r:RATED]->() RETURN sum(r.value) AS s, avg(r.value) AS a, min(r.value) AS l, max(r.value) AS h"
    ),
    "of integers": "MATCH (i:Item) RETURN sum(i.year) AS s, min(i.year) AS l, max(i.year) AS h",
    "of nothing": (
        "MATCH (n:Nowhere) RETURN count(n) AS c, sum(n.x) AS s, avg(n.x) AS a, collect(n.x) AS l, max(n.x) AS m"
    ),
    "group by one": "MATCH (i:Item) RETURN i.adult AS a, count(*) AS n ORDER BY a",
    "group by two": "MATCH (u:User)-[r]->(i:Item) RETURN type(r) AS t, i.adult AS a, count(*) AS n ORDER BY t, a",
    "group by expression": (
        "MATCH (i:Item) WHERE i.year IS NOT NULL RETURN i.year / 10 * 10 AS decade, count(*) AS n ORDER BY decade"
    ),
    "collect": "MATCH (g:Genre) WITH g.name AS name ORDER BY name RETURN collect(name) AS names",
    "collect nulls left out": "MATCH (i:Item) RETURN size(collect(i.year)) AS n",
    "standard deviation": "MATCH ()-[r:RATED]->() RETURN round(stDev(r.value), 6) AS s, round(stDevP(r.value), 6) AS p",
    "percentiles": "MATCH ()-[r:RATED]->() RETURN percentileCont(r.value, 0.5) AS m, percentileDisc(r.value, 0.9) AS d",
    "minimum of strings": "MATCH (g:Genre) RETURN min(g.name) AS first, max(g.name) AS last",
    "arithmetic of aggregates": "MATCH (i:Item) RETURN 1.0 * count(i.year) / count(*) AS share",
    "having": "MATCH (g:Genre)<-[:HAS_GENRE]-(i) WITH g, count(i) AS n WHERE n >= 5 RETURN g.id AS id, n ORDER BY id",
    "aggregate twice": (
        "MATCH (u:User)-[r:RATED]->() WITH u, count(r) AS n RETURN max(n) AS most, min(n) AS least, avg(n) AS mean"
    ),
    "case in an aggregate": "MATCH (i:Item) RETURN sum(CASE WHEN i.year > 1990 THEN 1 ELSE 0 END) AS n",
    "top by degree": "MATCH (i:Item)<-[r:RATED]-() RETURN i.id AS id, count(r) AS n ORDER BY n DESC, id LIMIT 5",
    "jaccard of users": (
        "MATCH (a:User {id: $user})-[:RATED]->(i) WITH a, collect(DISTINCT i.id) AS mine "
        "MATCH (b:User)-[:RATED]->(j) WHERE b <> a WITH b, mine, collect(DISTINCT j.id) AS theirs "
        "WITH b, size([x IN mine WHERE x IN theirs]) AS both, size(mine) + size(theirs) AS sum "
        "RETURN b.id AS id, 1.0 * both / (sum - both) AS jaccard ORDER BY jaccard DESC, id LIMIT 5"
    ),
}
