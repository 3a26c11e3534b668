"""Denial of service: queries that make much out of little. Without the guard each runs on past a time-out of 2 s."""

NEO4J = {
    "long range": "UNWIND range(1, 1000000000) AS x RETURN count(x)",
    "long range by arithmetic": "WITH 100000 * 100000 AS n UNWIND range(1, n) AS x RETURN count(x)",
    "long range by a power": "UNWIND range(1, toInteger(2 ^ 40)) AS x RETURN count(x)",
    "long range by a parameter": "UNWIND range(1, $big) AS x RETURN count(x)",
    "range by range": "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN count(*)",
    "three ranges": "UNWIND range(1, 10000) AS a UNWIND range(1, 10000) AS b UNWIND range(1, 1000) AS c RETURN "
    "count(*)",
    "range in a variable": "WITH range(1, 100000) AS r UNWIND r AS a UNWIND r AS b RETURN count(*)",
    "collected range": "UNWIND range(1, 100000) AS a WITH collect(a) AS l UNWIND l AS b UNWIND l AS c RETURN count(*)",
    "list predicates": "RETURN all(x IN range(1, 100000) WHERE all(y IN range(1, 100000) WHERE x + y > 0)) AS x",
    "none of lists": "RETURN none(x IN range(1, 100000) WHERE any(y IN range(1, 100000) WHERE x + y < 0)) AS x",
    "reduce in reduce": "RETURN reduce(s = 0, x IN range(1, 100000) | s + reduce(t = 0, y IN range(1, "
    "100000) | t + y)) "
    "AS x",
    "count of ranges": "RETURN COUNT { UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN a } AS x",
    "subquery of ranges": "UNWIND range(1, 100000) AS a CALL (a) { UNWIND range(1, 100000) AS b RETURN count(b) AS c } "
    "RETURN sum(c)",
}
LOCAL = {
    "range by range": "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN count(*)",
    "three ranges": "UNWIND range(1, 10000) AS a UNWIND range(1, 10000) AS b UNWIND range(1, 1000) AS c RETURN "
    "count(*)",
    "list predicates": "RETURN all(x IN range(1, 100000) WHERE all(y IN range(1, 100000) WHERE x + y > 0)) AS x",
    "range in a variable": "WITH range(1, 100000) AS r UNWIND r AS a UNWIND r AS b RETURN count(*)",
}
PLANNED = {
    "many relationships in one match": "MATCH "
    + ", ".join(f"(a{i % 9})-[:X]->(a{(i * 5 + 1) % 9})" for i in range(40))
    + " RETURN count(*)",
    "long chain": "MATCH (n0)" + "".join(f"-[:X]->(n{i + 1})" for i in range(60)) + " RETURN count(*)",
    "many paths without a bound": "MATCH (a)" + "-[*]->()" * 8 + " RETURN count(*)",
    "exclusive or": "MATCH (n) WHERE " + " XOR ".join(f"n.a{i} = 1" for i in range(60)) + " RETURN n",
}
LARGE = {
    "doubled text": "RETURN size(reduce(s = 'a', x IN range(1, 24) | s + s)) AS n",
    "multiplied text": "WITH 'aaaaaaaaaa' AS a "
    + "WITH a + a + a + a + a + a + a + a + a + a AS a " * 7
    + "RETURN size(a) AS n",
    "multiplied by replace": "WITH 'aaaaaaaaaa' AS a "
    + "WITH replace(a, 'a', 'aaaaaaaaaa') AS a " * 7
    + "RETURN size(a) AS n",
    "lists of a list": "WITH [0] AS a " + "WITH a + a + a + a + a + a + a + a AS a " * 8 + "RETURN size(a) AS n",
}
REFUSED = {
    "nested repetition": "UNWIND range(1, 100) AS x RETURN count(toString(x) + '" + "a" * 40 + "!' =~ '\\\\d+(a+)+b')",
    "repetition of any": "RETURN '" + "a" * 40 + "' =~ '(.*)*(.*)*(.*)*(.*)*[^a]' AS x",
    "overlapping alternatives": "RETURN '" + "a" * 60 + "!' =~ '(a|aa)+b' AS x",
    "regex by a parameter": "RETURN '" + "a" * 40 + "!' =~ $pattern AS x",
    "regex by a variable": "WITH '(a+)+b' AS p RETURN '" + "a" * 40 + "!' =~ p AS x",
    "optional repetition": "RETURN '" + "a" * 32 + "' =~ '(a?){60}(a*)*b' AS x",
    "too long": "RETURN '" + "a" * 20_000 + "' AS x",
    "too deep": "RETURN " + "(" * 200 + "1" + ")" * 200,
    "too deep in lists": "RETURN " + "[" * 200 + "]" * 200,
    "too many words": "RETURN " + ", ".join(["1"] * 3000),
    "number of many digits": "RETURN " + "9" * 5000,
    "too many unions": " UNION ".join(["RETURN 1 AS x"] * 300),
    "too many nots": "RETURN " + "NOT " * 3000 + "true",
    "case in case": "RETURN " + "CASE WHEN true THEN " * 100 + "1" + " END" * 100,
    "subqueries in subqueries": "CALL { " * 40 + "RETURN 1 AS x" + " } RETURN x" * 40,
}
