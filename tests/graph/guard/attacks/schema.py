"""Schema changes: indexes and constraints, made and dropped, by commands and procedures."""

BOTH = {
    "unique constraint": "CREATE CONSTRAINT boom FOR (n:Boom) REQUIRE n.id IS UNIQUE",
    "constraint if not exists": "CREATE CONSTRAINT boom IF NOT EXISTS FOR (n:Boom) REQUIRE n.id IS UNIQUE",
    "lower case constraint": "create constraint boom_low for (n:BoomLow) require n.id is unique",
}
NEO4J = {
    "index": "CREATE INDEX boom FOR (n:User) ON (n.name)",
    "index without a name": "CREATE INDEX FOR (n:User) ON (n.name)",
    "range index": "CREATE RANGE INDEX boom FOR (n:User) ON (n.name)",
    "text index": "CREATE TEXT INDEX boom FOR (n:User) ON (n.name)",
    "point index": "CREATE POINT INDEX boom FOR (n:User) ON (n.place)",
    "full-text index": "CREATE FULLTEXT INDEX boom FOR (n:User) ON EACH [n.name]",
    "vector index": "CREATE VECTOR INDEX boom FOR (n:User) ON (n.v) "
    "OPTIONS {indexConfig: {`vector.dimensions`: 2, `vector.similarity_function`: 'cosine'}}",
    "relationship index": "CREATE INDEX boom FOR ()-[r:RATED]-() ON (r.value)",
    "composite index": "CREATE INDEX boom FOR (n:User) ON (n.name, n.id)",
    "index if not exists": "CREATE INDEX boom IF NOT EXISTS FOR (n:User) ON (n.name)",
    "drop index": "DROP INDEX keep",
    "drop index if exists": "DROP INDEX keep IF EXISTS",
    "drop constraint": "DROP CONSTRAINT keep_unique",
    "drop in comments": "DROP /* x */ INDEX // y\n keep",
    "drop in escapes": "D\\u0052OP INDEX keep",
    "relationship constraint": "CREATE CONSTRAINT boom FOR ()-[r:BOOM]-() REQUIRE r.id IS UNIQUE",
    "vector index procedure": "CALL db.index.vector.createNodeIndex('boom', 'User', 'v', 2, 'cosine')",
    "new label": "CALL db.createLabel('Boom')",
    "new property": "CALL db.createProperty('boom')",
    "new type": "CALL db.createRelationshipType('BOOM')",
    "new label in quotes": "CALL `db`.`createLabel`('Boom')",
    "new label spread out": "CALL db /* . */ . // labels\n createLabel ( 'Boom' )",
}
LOCAL = {
    "drop constraint": "DROP CONSTRAINT keep_unique",
}
