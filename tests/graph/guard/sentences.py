"""Grammar-made queries for the fuzz tests: reads as people write them, then what an attacker would do to one."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = ["n", "m", "x", "set", "create", "delete", "return", "with", "match", "merge", "load", "count", "`a b`", "é"]
LABELS = ["User", "Item", "Set", "Create", "`Odd one`"]
TYPES = ["RATED", "SET", "DELETE", "FRIEND"]
KEYS = ["id", "name", "title", "set", "create", "`a``b`"]
WRITES = [
    "CREATE (:Boom)",
    "MERGE (:Boom {id: 1})",
    "SET n.name = 1",
    "SET n:Boom",
    "REMOVE n.name",
    "DELETE n",
    "DETACH DELETE n",
    "FOREACH (x IN [1] | CREATE (:Boom))",
    "LOAD CSV FROM 'file:///x' AS line",
    "CALL { CREATE (:Boom) }",
    "CALL (n) { SET n.name = 1 }",
    "CALL db.createLabel('Boom')",
    "CALL dbms.listConfig() YIELD name",
    "USE neo4j",
    "SHOW SETTINGS",
    "INSERT (:Boom)",
    "FINISH",
]
GAPS = [" ", "\n", "\t", "/* x */", " // y\n", "/**/", "\u00a0", "/* ' */", " // `\n", "/* /* */"]
ESCAPES = [
    "\\u0027",
    "\\u0022",
    "\\u0060",
    "\\u002a/",
    "\\u000a",
    "\\u0043",
    "'",
    '"',
    "`",
    "/*",
    "*/",
    "//",
    ";",
    "\\",
]

names, labels, types, keys = map(st.sampled_from, (NAMES, LABELS, TYPES, KEYS))
literals = st.sampled_from(
    ["1", "-2.5", "'a'", '"b"', "'CREATE (n)'", "null", "true", "[1, 2]", "{set: 1}", "$p", "$create"]
)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    """An expression, of up to `depth` levels."""
    if depth == 0:
        return draw(st.one_of(literals, names, st.builds("{}.{}".format, names, keys)))
    inner = expressions(depth=depth - 1)
    a, b, x = draw(inner), draw(inner), draw(names)
    forms = [
        f"({a})",
        f"{a} + {b}",
        f"{a} = {b}",
        f"NOT {a} AND {b}",
        f"{a} IN [{b}]",
        f"{a} IS NOT NULL",
        f"coalesce({a}, {b})",
        f"[{x} IN [{a}] WHERE {b} | {a}]",
        f"CASE WHEN {a} THEN {b} ELSE {a} END",
        f"reduce({x} = {a}, y IN [{b}] | {x})",
        f"{x} {{.id, .*, k: {a}}}",
        f"EXISTS {{ ({x})-->() WHERE {a} }}",
        f"COUNT {{ MATCH ({x}) RETURN {a} AS z }}",
        f"any({x} IN [{a}] WHERE {b})",
        f"size([{a}, {b}])",
        f"[({x})-[:{draw(types)}]->(q) | {a}]",
    ]
    return draw(st.sampled_from(forms))


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """One or two nodes."""
    a, b = draw(names), draw(names)
    label, kind = draw(labels), draw(types)
    return draw(
        st.sampled_from(
            [
                f"({a})",
                f"({a}:{label})",
                f"({a}:{label} {{id: 1}})-[:{kind}]->({b})",
                f"({a})-[r:{kind}*1..2]-({b}:{label})",
            ]
        )
    )


@st.composite
def clauses(draw: st.DrawFn) -> str:
    """A clause that reads."""
    value, name = draw(expressions()), draw(names)
    forms = [
        f"MATCH {draw(patterns())}",
        f"OPTIONAL MATCH {draw(patterns())} WHERE {value}",
        f"WITH {value} AS {name}",
        f"WITH *, {value} AS {name} ORDER BY {name} LIMIT 3",
        f"UNWIND [{value}] AS {name}",
        f"CALL {{ MATCH (n) RETURN n.id AS {name} }}",
        "CALL db.labels() YIELD label",
    ]
    return draw(st.sampled_from(forms))


@st.composite
def reads(draw: st.DrawFn) -> list[str]:
    """Clauses of a query, the last a RETURN."""
    found = ["MATCH (n)", *draw(st.lists(clauses(), max_size=3)), f"RETURN {draw(expressions())} AS {draw(names)}"]
    if draw(st.booleans()):
        found += ["UNION", "MATCH (m) RETURN m.id AS x"]
    return found


@st.composite
def attacks(draw: st.DrawFn) -> str:
    """A read with a forbidden clause, an escape or a comment somewhere, in any case and spacing."""
    parts = draw(reads())
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), draw(st.sampled_from(WRITES)))
    text = draw(st.sampled_from(GAPS)).join(parts)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from([*ESCAPES, *GAPS])) + text[at:]
    return draw(st.sampled_from([text, text, text.lower(), text.swapcase()]))
