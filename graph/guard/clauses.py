"""Parses clauses, and is the allowlist of them: what is not named here is refused, whatever it would do.

`MATCH`, `WITH`, `RETURN`, `UNWIND`, `ORDER BY`, `SKIP`, `LIMIT`, `UNION`, `CALL {…}`, `CALL procedure`. A word is taken
for a clause only where Neo4j's grammar expects one, so `n.set`, `:Delete` and `AS create` are names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from graph.errors import Forbidden
from graph.guard.cursor import Cursor, Rules
from graph.guard.expressions import choice, expression
from graph.guard.labels import label_expression
from graph.guard.lexer import where
from graph.guard.operands import map_or_parameter
from graph.guard.patterns import pattern
from graph.guard.tree import Node
from graph.guard.words import FORBIDDEN

READS = "MATCH, OPTIONAL MATCH, WHERE, WITH, RETURN, UNWIND, ORDER BY, SKIP, LIMIT, UNION, CALL {…}"
_PREFIXES = frozenset({"EXPLAIN", "PROFILE", "CYPHER"})
_MATCH_MODES = frozenset({"ELEMENT", "ELEMENTS", "RELATIONSHIP", "RELATIONSHIPS"})
_PAGING = frozenset({"ORDER", "SKIP", "OFFSET", "LIMIT"})


def statement(c: Cursor) -> Node:
    """The one query of a text, with a `;` behind it or not."""
    tree = query(c)
    if c.take(";") and c.token.kind != "end":
        raise _refused(c, "a second statement")
    if c.token.kind != "end":
        _refuse(c)
    return tree


def query(c: Cursor) -> Node:
    """Clauses, and more of them after each UNION, up to the bracket that closes them or the end."""
    start = c.at
    members = [_single(c)]
    while c.take("UNION"):
        if c.word in {"ALL", "DISTINCT"}:
            c.at += 1
        members.append(_single(c))
    return Node("query", start, "", tuple(members))


def _single(c: Cursor) -> Node:
    start, parts = c.at, []
    while c.token.kind != "end" and c.word not in {"}", ";", "UNION"}:
        parts.append(_CLAUSES.get(c.word, _refuse)(c))
    if not parts:
        c.fail("a clause: " + READS)
    return Node("union", start, "", tuple(parts))


def _match(c: Cursor) -> Node:
    start = c.at
    if c.take("OPTIONAL") and c.word == "CALL":
        return _call(c)
    c.need("MATCH")
    if c.word in {"REPEATABLE", "DIFFERENT"} and c.ahead(1).word in _MATCH_MODES:
        c.at += 2
        c.take("BINDINGS")
    return match_body(c, start)


def match_body(c: Cursor, start: int = -1) -> Node:
    """Patterns, hints and the condition of a MATCH or of `EXISTS {…}`."""
    start = c.at if start < 0 else start
    parts = [pattern(c)]
    while c.take(","):
        parts.append(pattern(c))
    while c.word == "USING":
        _hint(c)
    if c.take("WHERE"):
        parts.append(Node("condition", c.at, "", (expression(c),)))
    return Node("match", start, "", tuple(parts))


def _hint(c: Cursor) -> None:
    """`USING INDEX n:Item(id)`, `USING SCAN n:Item`, `USING JOIN ON a, b`."""
    c.need("USING")
    if c.take("JOIN"):
        c.need("ON")
        _names(c)
        return
    if not c.take("SCAN"):
        if c.word in {"TEXT", "RANGE", "POINT", "BTREE"}:
            c.at += 1
        c.need("INDEX")
        if c.word == "SEEK" and c.is_name(1):
            c.at += 1
    c.name()
    label_expression(c, c.at)
    if c.take("("):
        _names(c)
        c.need(")")


def _names(c: Cursor) -> list[str]:
    found = [c.name()]
    while c.take(","):
        found.append(c.name())
    return found


def _projection(c: Cursor) -> Node:
    """WITH and RETURN."""
    start, kind = c.at, c.word.lower()
    c.at += 1
    if c.word == "DISTINCT" and c.ahead(1).word not in {",", ".", "AS", "}", ";"} and c.ahead(1).kind != "end":
        c.at += 1
    parts = [_star_or_item(c)]
    while c.take(","):
        parts.append(_item(c))
    if c.word in _PAGING:
        parts += _page(c).parts
    if kind == "with" and c.take("WHERE"):
        parts.append(Node("condition", c.at, "", (expression(c),)))
    return Node(kind, start, "", tuple(parts))


def _star_or_item(c: Cursor) -> Node:
    start = c.at
    return Node("star", start) if c.take("*") else _item(c)


def _item(c: Cursor) -> Node:
    start, value = c.at, expression(c)
    if c.take("AS"):
        return Node("item", start, c.name(), (value,))
    return Node("item", start, value.name if value.kind == "variable" else "", (value,))


def _page(c: Cursor) -> Node:
    """ORDER BY, SKIP, LIMIT: behind a projection, or a clause of its own."""
    start, parts = c.at, []
    if c.take("ORDER"):
        c.need("BY")
        parts.append(_order(c))
        while c.take(","):
            parts.append(_order(c))
    while c.word in {"SKIP", "OFFSET", "LIMIT"}:
        at = c.at
        c.at += 1
        parts.append(Node("page", at, "", (expression(c),)))
    return Node("paging", start, "", tuple(parts))


def _order(c: Cursor) -> Node:
    start, value = c.at, expression(c)
    if c.word in {"ASC", "ASCENDING", "DESC", "DESCENDING"}:
        c.at += 1
    return Node("order", start, "", (value,))


def _unwind(c: Cursor) -> Node:
    start = c.at
    c.need("UNWIND")
    value = expression(c)
    c.need("AS")
    return Node("unwind", start, c.name(), (value,))


def _call(c: Cursor) -> Node:
    start = c.at
    c.need("CALL")
    if c.word in {"{", "("}:
        return _subquery(c, start)
    names = [c.name()]
    while c.take("."):
        names.append(c.name())
    parts: list[Node] = []
    if c.take("("):
        while c.word != ")":
            parts.append(expression(c))
            if not c.take(","):
                break
        c.need(")")
    if c.take("YIELD"):
        parts += _yield(c)
    return Node("procedure", start, ".".join(names), tuple(parts))


def _yield(c: Cursor) -> list[Node]:
    start = c.at
    if c.take("*"):
        return [Node("star", start)]
    found = [_column(c)]
    while c.take(","):
        found.append(_column(c))
    if c.take("WHERE"):
        found.append(Node("condition", c.at, "", (expression(c),)))
    return found


def _column(c: Cursor) -> Node:
    """`node AS n`: its name is the variable, its part says which column."""
    start, column = c.at, c.name()
    name = c.name() if c.take("AS") else column
    return Node("yield", start, name, (Node("column", start, column),))


def _subquery(c: Cursor, start: int) -> Node:
    """`CALL { … }` and `CALL (a, b) { … }`."""
    if c.take("("):
        if not c.take("*") and c.word != ")":
            _names(c)
        c.need(")")
    c.need("{")
    inside = query(c)
    c.need("}")
    if c.word == "IN":
        raise _refused(c, "IN TRANSACTIONS")
    return Node("subquery", start, "", (inside,))


def _refuse(c: Cursor) -> NoReturn:
    """Raises `Forbidden` for a clause that we know and refuse, `InvalidData` for a word that is none."""
    if c.word in _PREFIXES:
        raise _refused(c, f"{c.word} before the query")
    if c.word in FORBIDDEN:
        raise _refused(c, c.word)
    c.fail("a clause: " + READS)


def _refused(c: Cursor, what: str) -> Forbidden:
    return Forbidden(
        f"{what} at {where(c.text, c.token.start)} is not allowed: queries may only read",
        valid=READS,
        remedy="leave it out; data enters through `interlace ingest` and POST /v1/events",
    )


_CLAUSES: dict[str, Callable[[Cursor], Node]] = {
    "MATCH": _match,
    "OPTIONAL": _match,
    "WITH": _projection,
    "RETURN": _projection,
    "UNWIND": _unwind,
    "CALL": _call,
    **dict.fromkeys(_PAGING, _page),
}

RULES = Rules(expression, pattern, query, map_or_parameter, match_body, choice)
