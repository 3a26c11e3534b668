"""Parses what an expression is made of: literals, parameters, variables, calls, lists, maps, CASE, subqueries.

Neo4j lets nearly every keyword be a name, so what a word is depends on what follows it.
"""

from __future__ import annotations

from graph.guard.cursor import Cursor
from graph.guard.lexer import FLOAT, INTEGER, STRING, Token
from graph.guard.lists import list_like, quantifier, reduce
from graph.guard.patterns import SHORTEST, elements, shortest_path
from graph.guard.tree import Node

FORMS = frozenset({"NFC", "NFD", "NFKC", "NFKD"})
_CONSTANTS = frozenset({"TRUE", "FALSE", "NULL", "NAN", "INF", "INFINITY"})
_QUANTIFIERS = frozenset({"ALL", "ANY", "NONE", "SINGLE"})
_SUBQUERIES = {"EXISTS": "exists", "COUNT": "count", "COLLECT": "collect"}
_LITERALS = {INTEGER: "number", FLOAT: "number", STRING: "string"}
_AFTER_A_NAME = frozenset({".", ",", ")", "]", "}", "AS", ":", "=", "<>", "IS", "IN", "AND", "OR", ";"})
_QUERY_WORDS = frozenset({"MATCH", "OPTIONAL", "WITH", "UNWIND", "RETURN", "CALL", "USE"})


def operand(c: Cursor) -> Node:
    """One operand, without signs before and keys after it."""
    token, start = c.token, c.at
    if kind := _LITERALS.get(token.kind):
        c.at += 1
        return Node(kind, start, token.text if kind == "number" else token.value)
    if token.word == "(":
        return _pattern_or_bracketed(c)
    if token.word == "[":
        return list_like(c)
    if token.word in {"{", "$"}:
        return map_or_parameter(c)
    if not c.is_name():
        c.fail("an expression")
    return _keyword(c) or _named(c)


def map_or_parameter(c: Cursor) -> Node:
    """`{key: value}` or `$name`."""
    start = c.at
    if c.take("$"):
        return Node("parameter", start, c.integer() or c.name())
    c.need("{")
    entries: list[Node] = []
    while c.word != "}":
        at = c.at
        key = c.name()
        c.need(":")
        entries.append(Node("entry", at, key, (c.expression(),)))
        if not c.take(","):
            break
    c.need("}")
    return Node("map", start, "", tuple(entries))


def _keyword(c: Cursor) -> Node | None:
    """What a keyword opens here; None when the word is only a name."""
    word, start, after = c.word, c.at, c.ahead(1).word
    if word in _CONSTANTS and after not in {"(", "."}:
        c.at += 1
        return Node("constant", start, word)
    if word == "CASE" and not _ends_a_name(c.ahead(1)):
        return _case(c)
    if word in _SUBQUERIES and after == "{":
        return _subquery(c)
    return _keyword_call(c) if after == "(" else None


def _ends_a_name(after: Token) -> bool:
    """Whether a keyword with this behind it is only a name."""
    return after.kind == "end" or after.word in _AFTER_A_NAME


def _keyword_call(c: Cursor) -> Node | None:
    """What looks like a call and is grammar: `shortestPath(…)`, `reduce(…)`, `all(x IN …)`."""
    if c.word in SHORTEST:
        return shortest_path(c)
    if c.word == "REDUCE":
        return reduce(c)
    if c.word in _QUANTIFIERS and c.is_name(2) and c.ahead(3).word == "IN":
        return quantifier(c)
    return None


def _named(c: Cursor) -> Node:
    """A call `a.b.c(…)`, a map projection `n {…}`, or a variable."""
    ahead = 0
    while c.ahead(ahead + 1).word == "." and c.is_name(ahead + 2):
        ahead += 2
    if c.ahead(ahead + 1).word == "(":
        return _call(c)
    start, name = c.at, c.name()
    if c.word == "{":
        return _projection(c, start, name)
    return Node("variable", start, name)


def _call(c: Cursor) -> Node:
    start, names = c.at, [c.name()]
    while c.take("."):
        names.append(c.name())
    c.need("(")
    name = ".".join(names)
    if name.lower() == "count" and c.word == "*":
        c.at += 1
        arguments: list[Node] = []
    elif name.lower() == "trim":
        arguments = _trimmed(c)
    else:
        arguments = _arguments(c)
    c.need(")")
    if name.lower() == "normalize":
        arguments[1:] = [Node("constant", one.at, one.name) for one in arguments[1:] if one.name.upper() in FORMS]
    return Node("call", start, name, tuple(arguments))


def _arguments(c: Cursor) -> list[Node]:
    if c.word in {"DISTINCT", "ALL"} and not _ends_a_name(c.ahead(1)) and (c.word, c.ahead(1).word) != ("ALL", "("):
        c.at += 1
    found: list[Node] = []
    while c.word != ")":
        found.append(c.expression())
        if not c.take(","):
            break
    return found


def _trimmed(c: Cursor) -> list[Node]:
    """`trim(BOTH 'x' FROM text)` has words between its arguments."""
    if c.word in {"BOTH", "LEADING", "TRAILING"} and c.ahead(1).word not in {",", ")", "."}:
        c.at += 1
    found: list[Node] = []
    if c.word != "FROM" or c.ahead(1).word in {",", ")", "."}:
        found = _arguments(c)
    if c.take("FROM"):
        found.append(c.expression())
    return found


def _projection(c: Cursor, start: int, name: str) -> Node:
    """`n {.a, .*, other, key: value}`."""
    c.need("{")
    parts: list[Node] = [Node("variable", start, name)]
    while c.word != "}":
        parts.append(_projected(c, name))
        if not c.take(","):
            break
    c.need("}")
    return Node("projection", start, name, tuple(parts))


def _projected(c: Cursor, name: str) -> Node:
    at = c.at
    if c.take("."):
        if c.take("*"):
            return Node("whole", at, name)
        return Node("property", at, c.name(), (Node("variable", at, name),))
    key = c.name()
    value = c.expression() if c.take(":") else Node("variable", at, key)
    return Node("entry", at, key, (value,))


def _case(c: Cursor) -> Node:
    start = c.at
    c.need("CASE")
    parts = [] if c.word == "WHEN" else [c.expression()]
    simple = bool(parts)
    while c.take("WHEN"):
        parts += _choices(c)
        c.need("THEN")
        parts.append(c.expression())
    if c.take("ELSE"):
        parts.append(c.expression())
    c.need("END")
    return Node("case", start, "simple" if simple else "", tuple(parts))


def _choices(c: Cursor) -> list[Node]:
    """What may stand between WHEN and THEN: `1, 2`, `> 3`, `IS NULL`, `STARTS WITH 'a'`, or any condition."""
    found: list[Node] = []
    while True:
        found += c.rules.choice(c)
        if not c.take(","):
            return found


def _subquery(c: Cursor) -> Node:
    """`EXISTS { … }`, `COUNT { … }`, `COLLECT { … }`: a query, or a pattern with its condition."""
    start, kind = c.at, _SUBQUERIES[c.word]
    c.at += 1
    c.need("{")
    if c.word in _QUERY_WORDS and c.ahead(1).word != "=":
        parts: tuple[Node, ...] = (c.query(),)
    else:
        parts = (c.rules.match_body(c),)
    c.need("}")
    return Node(kind, start, "", parts)


def _pattern_or_bracketed(c: Cursor) -> Node:
    start = c.at
    if is_pattern(c):
        return Node("path", start, "", tuple(elements(c)))
    c.need("(")
    inside = c.expression()
    c.need(")")
    return inside


def is_pattern(c: Cursor) -> bool:
    """Whether the bracket here is the first node of a path: a node inside, a relationship behind."""
    if c.word != "(" or not _could_be_node(c):
        return False
    behind = c.brackets[c.at] + 1 - c.at
    words = [c.ahead(behind + step).word for step in range(3)]
    if words[0] == "<":
        words.pop(0)
    return words[0] == "-" and words[1] in {"[", "-"}


def _could_be_node(c: Cursor) -> bool:
    if c.is_name(1):
        return c.ahead(2).word in {")", ":", "{", "$", "WHERE", "IS"}
    return c.ahead(1).word in {")", ":", "{", "$"}
