"""MATCH, OPTIONAL MATCH, WHERE, ORDER BY, SKIP, LIMIT, UNION, UNWIND, WITH."""

READS = {
    "by label": "MATCH (u:User) RETURN u.id AS id ORDER BY id",
    "by property": "MATCH (i:Item {id: $item}) RETURN i.title AS title",
    "two labels or": "MATCH (n:Genre|Person) RETURN n.id AS id ORDER BY id",
    "label negation": "MATCH (n:!Item&!User&!Genre) RETURN count(n) AS n",
    "label conjunction": "MATCH (n:Item&!Genre) RETURN count(n) AS n",
    "any label": "MATCH (n:%) RETURN count(n) AS n",
    "inline where": "MATCH (i:Item WHERE i.year > 1990) RETURN i.id AS id ORDER BY id",
    "relationship inline where": (
        "MATCH (u:User)-[r:RATED WHERE r.value > 4]->(i) RETURN u.id AS u, i.id AS i ORDER BY u, i"
    ),
    "typed relationship": (
        "MATCH (u:User {id: $user})-[r:RATED]->(i:Item) RETURN i.id AS id, r.value AS value ORDER BY id"
    ),
    "types by bar": "MATCH (u:User)-[r:LIKED|PURCHASED]->(i:Item) RETURN type(r) AS t, count(*) AS n ORDER BY t",
    "old bar and colon free": "MATCH (:User)-[:VIEWED|CLICKED|LIKED]->(i) RETURN count(DISTINCT i) AS n",
    "incoming": "MATCH (i:Item)<-[:RATED]-(u:User) WHERE i.id = $item RETURN count(u) AS n",
    "undirected": "MATCH (u:User {id: $user})-[:FRIEND]-(v) RETURN count(DISTINCT v.id) AS n",
    "no names": "MATCH (:User)-->(:Item) RETURN count(*) AS n",
    "no brackets undirected": "MATCH (:Item)--(:Genre) RETURN count(*) AS n",
    "two patterns": "MATCH (u:User {id: $user}), (g:Genre {id: $genre}) RETURN u.id AS u, g.id AS g",
    "two matches": (
        "MATCH (u:User {id: $user})-[:RATED]->(i) MATCH (i)-[:HAS_GENRE]->(g) RETURN g.id AS g, count(*) AS "
        "n ORDER BY g"
    ),
    "optional": (
        "MATCH (i:Item) OPTIONAL MATCH (i)-[:SEQUEL_OF]->(j) RETURN i.id AS i, count(j) AS n ORDER BY n DESC, i LIMIT 5"
    ),
    "optional with where": (
        "MATCH (u:User) OPTIONAL MATCH (u)-[r:RATED]->(i) WHERE r.value >= 4.5 "
        "RETURN u.id AS u, size(collect(i.id)) > 0 AS some ORDER BY u"
    ),
    "optional chain": (
        "MATCH (u:User {id: $user}) OPTIONAL MATCH (u)-[:IS]->(p:Person) OPTIONAL MATCH (p)<-[:IS]-(v:User) "
        "WHERE v <> u RETURN u.id AS u, p.id AS p, count(v) AS others"
    ),
    "optional null property": "OPTIONAL MATCH (n:Item {id: 'nobody'}) RETURN n.title AS t, n IS NULL AS missing",
    "where and or not": (
        "MATCH (i:Item) WHERE (i.year > 1980 AND i.adult) OR NOT i.year IS NOT NULL RETURN i.id AS id ORDER BY id"
    ),
    "where xor": "MATCH (i:Item) WHERE (i.year > 1990) XOR i.adult RETURN count(i) AS n",
    "where in": "MATCH (i:Item) WHERE i.id IN $ids RETURN i.id AS id ORDER BY id",
    "where pattern": "MATCH (i:Item) WHERE (i)-[:HAS_GENRE]->(:Genre {id: $genre}) RETURN count(i) AS n",
    "where not pattern": "MATCH (u:User) WHERE NOT (u)-[:PURCHASED]->() RETURN u.id AS id ORDER BY id",
    "chained comparison": "MATCH (i:Item) WHERE 1960 < i.year <= 2000 RETURN count(i) AS n",
    "null is not equal": "MATCH (i:Item) WHERE i.year = null RETURN count(i) AS n",
    "is null": "MATCH (i:Item) WHERE i.year IS NULL RETURN count(i) AS n",
    "starts with": "MATCH (i:Item) WHERE i.id STARTS WITH 'm:i1' RETURN i.id AS id ORDER BY id",
    "ends with": "MATCH (i:Item) WHERE i.id ENDS WITH '5' RETURN i.id AS id ORDER BY id",
    "contains": "MATCH (i:Item) WHERE i.title CONTAINS 'Title' RETURN count(i) AS n",
    "regex": "MATCH (i:Item) WHERE i.id =~ 'm:i0[0-5]' RETURN i.id AS id ORDER BY id",
    "regex without case": "MATCH (i:Item) WHERE i.title =~ '(?i).*title.*' RETURN count(i) AS n",
    "label predicate": "MATCH (n) WHERE n:Genre OR n:Person RETURN n.id AS id ORDER BY id",
    "labels function": "MATCH (n) WHERE 'Genre' IN labels(n) RETURN count(n) AS n",
    "type function": "MATCH (:User)-[r]->(:Item) WHERE type(r) = 'RATED' RETURN count(r) AS n",
    "order by two": "MATCH (i:Item) RETURN i.year AS y, i.id AS id ORDER BY y DESC, id ASC LIMIT 12",
    "order ascending words": "MATCH (i:Item) RETURN i.id AS id ORDER BY i.id ASCENDING LIMIT 3",
    "order by expression": "MATCH (i:Item) RETURN i.id AS id ORDER BY size(i.id) DESC, id LIMIT 4",
    "skip limit": "MATCH (i:Item) RETURN i.id AS id ORDER BY id SKIP 5 LIMIT 5",
    "skip limit parameters": "MATCH (i:Item) RETURN i.id AS id ORDER BY id SKIP $limit LIMIT $limit",
    "limit expression": "MATCH (i:Item) RETURN i.id AS id ORDER BY id LIMIT 1 + 2",
    "distinct": "MATCH (i:Item) RETURN DISTINCT i.adult AS a ORDER BY a",
    "with where": "MATCH (u:User)-[r:RATED]->() WITH u, count(r) AS n WHERE n > 1 RETURN u.id AS id, n ORDER BY id",
    "with order limit": (
        "MATCH (i:Item)<-[r]-() WITH i, count(r) AS degree ORDER BY degree DESC, i.id LIMIT 3 RETURN i.id AS id, degree"
    ),
    "with star": "MATCH (g:Genre {id: $genre}) WITH *, 1 AS one RETURN g.id AS id, one",
    "return star of nothing": "MATCH (n:Item {id: 'none'}) RETURN *",
    "return star": "MATCH (g:Genre) WITH g.id AS id, g.name AS name RETURN * ORDER BY id",
    "union": "MATCH (g:Genre) RETURN g.id AS id UNION MATCH (p:Person) RETURN p.id AS id",
    "union all": "MATCH (g:Genre) RETURN g.id AS id UNION ALL MATCH (g:Genre) RETURN g.id AS id",
    "union distinct of three": "RETURN 1 AS n UNION RETURN 2 AS n UNION RETURN 1 AS n",
    "unwind list": "UNWIND [3, 1, 2] AS n RETURN n ORDER BY n",
    "unwind parameter": (
        "UNWIND $ids AS id OPTIONAL MATCH (i:Item {id: id}) RETURN id, i IS NOT NULL AS there ORDER BY id"
    ),
    "unwind maps": "UNWIND [{a: 1, b: 'x'}, {a: 2, b: 'y'}] AS row RETURN row.a AS a, row.b AS b ORDER BY a",
    "unwind of nothing": "UNWIND [] AS n RETURN n",
    "unwind null": "UNWIND null AS n RETURN n",
    "unwind range": "UNWIND range(1, 10, 3) AS n RETURN n",
    "self join": (
        "MATCH (a:User)-[:RATED]->(i)<-[:RATED]-(b:User) WHERE a.id < b.id "
        "RETURN a.id AS a, b.id AS b, count(i) AS n ORDER BY n DESC, a, b LIMIT 10"
    ),
    "recommend by co-rating": (
        "MATCH (u:User {id: $user})-[:RATED]->(:Item)<-[:RATED]-(v:User)-[:RATED]->(j:Item) "
        "WHERE NOT EXISTS { (u)-[:RATED]->(j) } RETURN j.id AS id, count(*) AS n ORDER BY n DESC, id LIMIT 10"
    ),
    "return a node": "MATCH (g:Genre {id: $genre}) RETURN g",
    "return a relationship": "MATCH (:User)-[r:IS]->(:Person) RETURN r ORDER BY r.probability",
    "return a map of nodes": "MATCH (g:Genre {id: $genre}) RETURN {genre: g, nodes: [g]} AS both",
    "comment lines": "MATCH (g:Genre) // all genres\nRETURN count(g) AS n /* and\n nothing else */",
    "trailing semicolon": "MATCH (g:Genre) RETURN count(g) AS n;",
    "odd white space": "MATCH\t(g:Genre)\r\n\r\nRETURN\n  count(g)   AS n",
    "lower case words": "match (g:Genre) where g.name is not null return g.name as name order by name",
    "mixed case words": "MaTcH (g:Genre) ReTuRn g.id aS id OrDeR bY id",
}
