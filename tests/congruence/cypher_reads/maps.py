"""Map literals, projections, properties."""

READS = {
    "literal": "RETURN {a: 1, b: [2, 3], c: {d: 'x'}} AS m",
    "access": "WITH {a: 1, b: {c: 2}} AS m RETURN m.a AS a, m.b.c AS c, m.none AS none",
    "access by name": "WITH {a: 1} AS m RETURN m['a'] AS a",
    "access by parameter": "MATCH (i:Item {id: $item}) RETURN i[$name] AS value",
    "projection": "MATCH (g:Genre) RETURN g {.id, .name} AS m ORDER BY m.id",
    "projection with more": "MATCH (g:Genre {id: $genre}) RETURN g {.name, kind: 'genre', two: 1 + 1} AS m",
    "projection of all": "MATCH (g:Genre {id: $genre}) RETURN g {.*} AS m",
    "projection of a variable": "MATCH (g:Genre {id: $genre}) WITH g, 5 AS n RETURN g {.id, n} AS m",
    "projection of all and more": "MATCH (g:Genre {id: $genre}) RETURN g {.*, extra: true} AS m",
    "projection with collect": (
        "MATCH (g:Genre {id: $genre})<-[:HAS_GENRE]-(i) WITH g, i ORDER BY i.id WITH g, collect(i.id) AS items "
        "RETURN g {.id, items} AS m"
    ),
    "nested projection": (
        "MATCH (u:User)-[r:IS]->(p:Person) RETURN u {.id, person: p {.id}, sure: r.probability} AS m ORDER BY u.id"
    ),
    "projection with a comprehension": (
        "MATCH (g:Genre) RETURN g {.id, n: size([(g)<-[:HAS_GENRE]-(i) | i.id])} AS m ORDER BY g.id"
    ),
    "properties": "MATCH (g:Genre {id: $genre}) RETURN properties(g) AS p",
    "properties of a relationship": "MATCH (:User)-[r:IS]->(:Person) RETURN properties(r) AS p ORDER BY r.probability",
    "keys of a map": "WITH {b: 1, a: 2} AS m UNWIND keys(m) AS k RETURN k ORDER BY k",
    "map in a list": "RETURN [{n: 1}, {n: 2}] AS rows",
    "quoted key": "WITH {`a b`: 1} AS m RETURN m.`a b` AS v",
    "map equality": "RETURN {a: 1, b: 2} = {b: 2, a: 1} AS same",
    "map parameter": "WITH $map AS m RETURN m.name AS name, m.list[1] AS second",
    "unwind a map parameter's list": "UNWIND $map.list AS x RETURN x ORDER BY x",
}
