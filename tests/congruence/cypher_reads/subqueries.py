"""CALL {}, EXISTS {}, COUNT {}, COLLECT {}, pattern comprehensions."""

READS = {
    "exists pattern": "MATCH (u:User) WHERE EXISTS { (u)-[:LIKED]->(:Item) } RETURN u.id AS id ORDER BY id",
    "exists match where": (
        "MATCH (i:Item) WHERE EXISTS { MATCH (i)<-[r:RATED]-(:User) WHERE r.value > 4 } RETURN i.id AS id ORDER BY id"
    ),
    "not exists": "MATCH (i:Item) WHERE NOT EXISTS { (i)-[:HAS_GENRE]->() } RETURN i.id AS id ORDER BY id",
    "exists returned": "MATCH (i:Item) RETURN i.id AS id, EXISTS { (i)-[:SEQUEL_OF]->() } AS sequel ORDER BY id",
    "nested exists": (
        "MATCH (u:User) WHERE EXISTS { MATCH (u)-[:RATED]->(i) WHERE EXISTS { (i)-[:HAS_GENRE]->(:Genre {id: "
        "$genre}) } } "
        "RETURN u.id AS id ORDER BY id"
    ),
    "exists of a full query": (
        "MATCH (u:User) WHERE EXISTS { MATCH (u)-[:RATED]->(i) WITH i WHERE i.year > 1990 RETURN i } "
        "RETURN count(u) AS n"
    ),
    "count subquery": "MATCH (u:User) RETURN u.id AS id, COUNT { (u)-[:RATED]->() } AS n ORDER BY id",
    "count subquery where": "MATCH (u:User) WHERE COUNT { (u)-[:RATED]->() } > 1 RETURN u.id AS id ORDER BY id",
    "count with match": (
        "MATCH (i:Item) RETURN i.id AS id, COUNT { MATCH (i)<-[r:RATED]-() WHERE r.value >= 3 RETURN r } AS "
        "n ORDER BY id"
    ),
    "collect subquery": (
        "MATCH (u:User {id: $user}) RETURN COLLECT { MATCH (u)-[:RATED]->(i) RETURN i.id ORDER BY i.id } AS items"
    ),
    "collect subquery where": (
        "MATCH (g:Genre) WHERE size(COLLECT { MATCH (g)<-[:HAS_GENRE]-(i) RETURN i.id }) > 3 RETURN g.id AS "
        "id ORDER BY id"
    ),
    "call imports": (
        "MATCH (g:Genre) CALL (g) { MATCH (g)<-[:HAS_GENRE]-(i) RETURN i.id AS best ORDER BY best LIMIT 1 } "
        "RETURN g.id AS g, best ORDER BY g"
    ),
    "call with old imports": (
        "MATCH (g:Genre) CALL { WITH g MATCH (g)<-[:HAS_GENRE]-(i) RETURN count(i) AS n } RETURN g.id AS g, "
        "n ORDER BY g"
    ),
    "call on its own": "CALL { MATCH (g:Genre) RETURN count(g) AS n } RETURN n",
    "call imports nothing": "CALL () { RETURN 1 AS one } RETURN one",
    "call imports all": "MATCH (g:Genre {id: $genre}) CALL (*) { RETURN g.id AS same } RETURN same",
    "call union": (
        "MATCH (u:User {id: $user}) CALL (u) { MATCH (u)-[:LIKED]->(i) RETURN i.id AS id UNION "
        "MATCH (u)-[:PURCHASED]->(i) RETURN i.id AS id } RETURN id ORDER BY id"
    ),
    "call in call": (
        "MATCH (u:User {id: $user}) CALL (u) { MATCH (u)-[:RATED]->(i) CALL (i) { MATCH (i)-[:HAS_GENRE]->(g) "
        "RETURN count(g) AS genres } RETURN sum(genres) AS total } RETURN total"
    ),
    "top two each": (
        "MATCH (u:User) CALL (u) { MATCH (u)-[r:RATED]->(i) RETURN i.id AS id, r.value AS v ORDER BY v DESC, "
        "id LIMIT 2 } "
        "RETURN u.id AS u, collect(id) AS best ORDER BY u"
    ),
    "pattern comprehension": ("MATCH (u:User {id: $user}) RETURN size([(u)-[:RATED]->(i:Item) | i.id]) AS n"),
    "pattern comprehension where": (
        "MATCH (u:User) RETURN u.id AS u, size([(u)-[r:RATED]->(i:Item) WHERE r.value > 3 | i.title]) AS n ORDER BY u"
    ),
    "pattern comprehension named": (
        "MATCH (u:User {id: $user}) RETURN size([p = (u)-[:RATED]->(:Item) | length(p)]) AS n"
    ),
    "labels procedure": "CALL db.labels() YIELD label RETURN label ORDER BY label",
    "types procedure": (
        "CALL db.relationshipTypes() YIELD relationshipType AS t WHERE t STARTS WITH 'R' RETURN t ORDER BY t"
    ),
}
