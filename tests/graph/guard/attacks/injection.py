"""Injection: what a caller that pastes names and ids into Cypher would send. Each breaks out of its place and writes.

`PASTED` are queries with a place for `{}`, as careless code builds them; the second part is what a stranger gives.
"""

PASTED = {
    "id closes a string": (
        "MATCH (u:User {{id: '{}'}}) RETURN u.name",
        "u1'}) SET u.name = 'boom' WITH u MATCH (x {id: 'u1",
    ),
    "id closes a double string": (
        'MATCH (u:User {{id: "{}"}}) RETURN u.name',
        'u1"}) SET u.name = "boom" WITH u MATCH (x {id: "u1',
    ),
    "id and a comment": ("MATCH (u:User {{id: '{}'}}) RETURN u.name", "u1'}) DETACH DELETE u //"),
    "condition and a comment": ("MATCH (u:User) WHERE u.id = '{}' RETURN u.name", "x' OR true DETACH DELETE u //"),
    "union": (
        "MATCH (u:User {{id: '{}'}}) RETURN u.name AS x",
        "u1'}) RETURN u.name AS x UNION CREATE (b:Boom {id: 'b'}) RETURN b.id AS x //",
    ),
    "subquery": ("MATCH (u:User {{id: '{}'}}) RETURN u.name", "u1'}) CALL (u) { SET u.name = 'boom' } RETURN 1 //"),
    "label closes the node": ("MATCH (n:{}) RETURN count(n)", "User) DETACH DELETE n //"),
    "label in backticks": ("MATCH (n:`{}`) RETURN count(n)", "User`) DETACH DELETE n //"),
    "label with a condition": (
        "MATCH (n:{} {{id: 'u1'}}) RETURN count(n)",
        "User) SET n.name = 'boom' WITH n MATCH (m:User",
    ),
    "type closes the relationship": ("MATCH ()-[r:{}]->() RETURN count(r)", "RATED]->() DELETE r //"),
    "property": ("MATCH (u:User) RETURN u.{} AS x", "name AS y UNION CREATE (b:Boom) RETURN b.id AS y //"),
    "property in backticks": ("MATCH (u:User) WHERE u.`{}` = 1 RETURN u", "name` = 'x' OR true DETACH DELETE u //"),
    "order": ("MATCH (u:User) WITH u ORDER BY u.{} RETURN u.id", "name SET u.name = 'boom' //"),
    "limit": ("MATCH (u:User) WITH u LIMIT {} RETURN u.id", "2 SET u.name = 'boom' //"),
    "skip": ("MATCH (u:User) WITH u SKIP {} RETURN u.id", "0 DETACH DELETE u //"),
    "hops": ("MATCH (u:User)-[*1..{}]->(m) RETURN count(m)", "2]->(m) DETACH DELETE m //"),
    "number": ("MATCH (i:Item) WHERE i.year > {} RETURN i.id", "0 OR true DETACH DELETE i //"),
    "list": ("MATCH (u:User) WHERE u.id IN ['{}'] RETURN u.id", "u1'] SET u.name = 'boom' //"),
    "map": ("MATCH (u:User) WITH u, {{a: '{}'}} AS m RETURN m", "x'} AS m SET u.name = 'boom' //"),
    "procedure argument": (
        "CALL db.labels() YIELD label WHERE label = '{}' RETURN label",
        "x' OR true CREATE (:Boom) //",
    ),
}
ESCAPED = {
    "escape closes a cleaned string": (
        "MATCH (u:User {{id: '{}'}}) RETURN u.name",
        "u1\\u0027}) SET u.name = \\u0027boom\\u0027 //",
    ),
    "escape closes a cleaned label": ("MATCH (n:`{}`) RETURN count(n)", "User\\u0060) DETACH DELETE n //"),
    "escape closes a cleaned property": (
        "MATCH (u:User) WHERE u.`{}` IS NULL RETURN u",
        "name\\u0060 IS NOT NULL DETACH DELETE u //",
    ),
}
