"""Numbers, strings, booleans, CASE, conversions, points."""

READS = {
    "arithmetic": "RETURN 7 / 2 AS i, 7.0 / 2 AS f, 7 % 3 AS m, -7 / 2 AS neg, 2 ^ 10 AS p, 1 + 2 * 3 AS order",
    "numbers": "RETURN 1 AS i, 1.5 AS f, 1e3 AS e, 0x1F AS hex, 0o17 AS oct, -4 AS n, 9007199254740993 AS big",
    "rounding": "RETURN round(2.5) AS a, round(-2.5) AS b, round(3.14159, 2) AS c, floor(-1.5) AS d, ceil(1.2) AS e",
    "math": "RETURN abs(-3) AS a, sign(-2) AS s, sqrt(16) AS q, exp(0) AS e, log(1) AS l, log10(100) AS t",
    "trigonometry": (
        "RETURN sin(0) AS s, cos(0) AS c, tan(0) AS t, atan2(0, 1) AS a, pi() > 3 AS p, degrees(0) AS d, "
        "radians(0) AS r"
    ),
    "nan": "RETURN isNaN(0.0 / 0.0) AS yes, isNaN(1.0) AS no",
    "case simple": (
        "UNWIND [1, 2, 3] AS n RETURN n, CASE n WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'many' END AS word ORDER BY n"
    ),
    "case searched": "UNWIND [1, 20] AS n RETURN n, CASE WHEN n < 10 THEN 'low' ELSE 'high' END AS level ORDER BY n",
    "case without else": "RETURN CASE WHEN false THEN 1 END AS nothing",
    "case of several values": (
        "UNWIND [1, 2, 3] AS n RETURN n, CASE n WHEN 1, 2 THEN 'few' ELSE 'many' END AS w ORDER BY n"
    ),
    "coalesce": "MATCH (i:Item) RETURN i.id AS id, coalesce(i.year, 0) AS year ORDER BY id LIMIT 8",
    "null if": "RETURN nullIf(1, 1) AS a, nullIf(1, 2) AS b",
    "upper lower": "RETURN toUpper('aBc') AS u, toLower('aBc') AS l",
    "trims": "RETURN trim('  x ') AS t, ltrim('  x') AS l, rtrim('x  ') AS r",
    "substring": (
        "RETURN substring('hello', 1, 3) AS a, substring('hello', 2) AS b, left('hello', 2) AS c, "
        "right('hello', 2) AS d"
    ),
    "replace": "RETURN replace('hello', 'l', 'L') AS r",
    "split": "RETURN split('a,b,c', ',') AS parts",
    "reverse": "RETURN reverse('abc') AS r",
    "concatenation": "RETURN 'a' + 'b' AS ab, 'n' + 1 AS n1",
    "string size": "RETURN size('hello') AS n, char_length('hello') AS c",
    "unicode": "RETURN 'Ünï 😀 日本' AS text, size('日本') AS n",
    "to integer": "RETURN toInteger('42') AS a, toInteger('x') AS b, toInteger(3.9) AS c, toInteger(true) AS d",
    "to float": "RETURN toFloat('1.5') AS a, toFloat('x') AS b, toFloat(2) AS c",
    "to boolean": "RETURN toBoolean('true') AS a, toBoolean('x') AS b",
    "to string": "RETURN toString(1) AS a, toString(1.5) AS b, toString(true) AS c",
    "or null": "RETURN toIntegerOrNull('x') AS a, toFloatOrNull([]) AS b, toStringOrNull({}) AS c",
    "comparison": "RETURN 1 < 2 AS a, 1 = 1.0 AS b, 'a' < 'b' AS c, 1 <> 2 AS d, null = null AS e, null IS NULL AS f",
    "boolean logic": (
        "RETURN true AND null AS a, false AND null AS b, true OR null AS c, NOT null AS d, true XOR false AS e"
    ),
    "type predicate": "RETURN 1 IS :: INTEGER AS a, 'x' IS :: STRING AS b, 1 IS NOT :: STRING AS c",
    "point": "RETURN point({x: 1, y: 2}).x AS x, point.distance(point({x: 0, y: 0}), point({x: 3, y: 4})) AS d",
    "element id is text": "MATCH (g:Genre {id: $genre}) RETURN elementId(g) IS NOT NULL AS there",
    "parameters": "RETURN $user AS user, $limit + 1 AS more, $text AS text",
    "quoted parameter": "RETURN $`user` AS user",
    "negative and unary": "RETURN -(-3) AS a, +2 AS b, - 1 AS c",
    "random within bounds": "WITH rand() AS r RETURN r >= 0 AND r < 1 AS yes",
    "ascii and code points": "RETURN size(toString(timestamp())) > 10 AS yes",
    "escapes": "RETURN 'it\\'s' AS a, \"q\\\"q\" AS b, 'tab\\tnew\\nline' AS c, 'back\\\\slash' AS d",
    "unicode escape": "RETURN 'caf\\u00e9' AS word",
}
