"""Variable length, shortest paths, quantified paths, path functions."""

READS = {
    "variable length": "MATCH (e:Entity)-[:PART_OF*1..2]->(f) RETURN e.id AS e, f.id AS f, count(*) AS n ORDER BY e, f",
    "exactly two": "MATCH (u:User {id: $user})-[:FRIEND*2]-(v) RETURN count(*) AS n",
    "from zero": "MATCH (i:Item {id: $item})-[:SEQUEL_OF*0..2]->(j) RETURN DISTINCT j.id AS id ORDER BY id",
    "no upper bound": "MATCH (e:Entity)-[:PART_OF*]->(f:Entity) RETURN count(DISTINCT f.id) AS n",
    "at most": "MATCH (e:Entity)-[:PART_OF*..2]->(f) RETURN count(*) AS n",
    "at least": "MATCH (i:Item)-[:SEQUEL_OF*2..]->(j) RETURN count(*) > 0 AS some",
    "relationship list": ("MATCH (e:Entity)-[rs:PART_OF*1..2]->(f) RETURN size(rs) AS n, count(*) AS paths ORDER BY n"),
    "named path": "MATCH p = (u:User {id: $user})-[:RATED]->(i)-[:HAS_GENRE]->(g) RETURN count(p) AS n",
    "path returned": "MATCH p = (:User)-[:IS]->(:Person) RETURN p ORDER BY nodes(p)[0].id",
    "length": "MATCH p = (e:Entity)-[:PART_OF*1..3]->() RETURN length(p) AS n, count(*) AS paths ORDER BY n",
    "nodes": "MATCH p = (:User)-[:IS]->(:Person) RETURN [n IN nodes(p) | n.id] AS ids ORDER BY ids",
    "relationships": (
        "MATCH p = (:User)-[:IS]->(:Person) RETURN [r IN relationships(p) | type(r)] AS types, count(*) AS n"
    ),
    "shortest path": (
        "MATCH (u:User {id: $user}), (g:Genre {id: $genre}) MATCH p = shortestPath((u)-[*..5]-(g)) RETURN "
        "length(p) AS n"
    ),
    "shortest path of types": (
        "MATCH (a:User {id: $user}), (b:User) WHERE a <> b MATCH p = shortestPath((a)-[:FRIEND*..6]-(b)) "
        "RETURN b.id AS b, length(p) AS n ORDER BY b"
    ),
    "all shortest paths": (
        "MATCH (u:User {id: $user}), (g:Genre {id: $genre}) MATCH p = allShortestPaths((u)-[:RATED|HAS_GENRE*..4]-(g)) "
        "RETURN length(p) AS n, count(*) AS paths"
    ),
    "quantified path": "MATCH (e:Entity) ((a)-[:PART_OF]->(b)){1,2} (f:Entity) RETURN count(*) AS n",
    "quantified relationship": "MATCH (e:Entity)-[:PART_OF]->{1,2}(f) RETURN count(*) AS n",
    "quantified plus": "MATCH (i:Item {id: $item})-[:SEQUEL_OF]->+(j) RETURN count(DISTINCT j) AS n",
    "all on a path": (
        "MATCH p = (u:User {id: $user})-[:RATED]->(i)-[:HAS_GENRE]->(g) "
        "WHERE all(n IN nodes(p) WHERE n.id IS NOT NULL) RETURN count(p) AS n"
    ),
    "end points": "MATCH (:User)-[r:IS]->(:Person) RETURN startNode(r).id AS a, endNode(r).id AS b ORDER BY a, b",
    "reduce over a path": (
        "MATCH p = (:User)-[:IS]->(:Person) RETURN reduce(t = 0.0, r IN relationships(p) | t + "
        "r.probability) AS t ORDER BY t"
    ),
    "three hops with names": (
        "MATCH (u:User {id: $user})-[:RATED]->(i:Item)-[:HAS_GENRE]->(g:Genre)<-[:HAS_GENRE]-(j:Item) "
        "WHERE i <> j RETURN j.id AS id, size(collect(DISTINCT g.name)) > 0 AS named ORDER BY id LIMIT 20"
    ),
}
