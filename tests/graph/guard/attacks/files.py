"""Files and addresses: LOAD CSV, which passes Neo4j's READ mode and statement type. `FILE` and `WEB` are filled in."""

NEO4J = {
    "load a file": "LOAD CSV FROM 'FILE' AS line RETURN line",
    "load in lower case": "load csv from 'FILE' as line return line",
    "with headers": "LOAD CSV WITH HEADERS FROM 'FILE' AS row RETURN row",
    "from a parameter": "LOAD CSV FROM $url AS line RETURN line",
    "from an expression": "WITH 'FILE' AS url LOAD CSV FROM url AS line RETURN line",
    "field terminator": "LOAD CSV FROM 'FILE' AS line FIELDTERMINATOR ';' RETURN line",
    "in a subquery": "CALL { LOAD CSV FROM 'FILE' AS line RETURN line } RETURN line",
    "behind match": "MATCH (u:User) LOAD CSV FROM 'FILE' AS line RETURN line",
    "in a union": "RETURN [] AS line UNION LOAD CSV FROM 'FILE' AS line RETURN line",
    "in comments": "LOAD /* */ CSV /* */ FROM 'FILE' AS line RETURN line",
    "in escapes": "LO\\u0041D CSV FROM 'FILE' AS line RETURN line",
    "behind a string that an escape closes": "WITH 'a\\u0027 AS a LOAD CSV FROM \\u0027FILE' AS line RETURN line",
    "in exists": "MATCH (u:User) WHERE EXISTS { LOAD CSV FROM 'FILE' AS line RETURN line } RETURN u.id",
    "in count": "RETURN COUNT { LOAD CSV FROM 'FILE' AS line RETURN line } AS line",
    "in collect": "RETURN COLLECT { LOAD CSV FROM 'FILE' AS line RETURN line } AS line",
    "with file()": "LOAD CSV FROM 'FILE' AS line RETURN line, file(), linenumber()",
    "from the web": "LOAD CSV FROM 'WEB' AS line RETURN line",
    "from the web with data": "MATCH (u:User) LOAD CSV FROM 'WEB?' + u.name AS line RETURN line",
    "from the web in a subquery": "CALL { LOAD CSV FROM 'WEB' AS line RETURN line } RETURN line",
}
