"""Parses expressions: operators by precedence, then what follows an operand. Operands are `graph.guard.operands`'.

Operators of one level become one node with many parts, so a long sum makes a flat tree.
"""

from __future__ import annotations

from graph.guard.cursor import Cursor
from graph.guard.labels import label_expression
from graph.guard.operands import operand
from graph.guard.tree import Node

POSTFIXES = 64
NOTS = 16
_PREDICATE = 6
_LEVELS = {
    "OR": 1,
    "XOR": 2,
    "AND": 3,
    **dict.fromkeys(("=", "<>", "!=", "<", ">", "<=", ">="), 5),
    **dict.fromkeys(("=~", "STARTS", "ENDS", "CONTAINS", "IN", "IS", "::"), _PREDICATE),
    **dict.fromkeys(("+", "-", "||"), 7),
    **dict.fromkeys(("*", "/", "%"), 8),
    "^": 9,
}
_TYPES = """
NOTHING NULL BOOL BOOLEAN VARCHAR STRING INT SIGNED INTEGER FLOAT DATE LOCAL TIME DATETIME ZONED TIMESTAMP
TIMEZONE ZONE DURATION POINT NODE VERTEX RELATIONSHIP EDGE MAP LIST ARRAY PATH PATHS PROPERTY VALUE ANY
"""
_TYPE_WORDS = frozenset(_TYPES.split())


def expression(c: Cursor) -> Node:
    """A whole expression."""
    return _from_level(c, 1)


def choice(c: Cursor) -> list[Node]:
    """One choice of a CASE: `> 3`, `IS NULL`, `STARTS WITH 'a'`, or a whole expression."""
    level = _LEVELS.get(c.word, 0)
    if level == _PREDICATE:
        return _predicate(c)
    if level == 5:
        c.at += 1
        return [_from_level(c, level + 1)]
    return [expression(c)]


def _from_level(c: Cursor, lowest: int) -> Node:
    """What binds at least as tightly as `lowest`."""
    start = c.at
    left = _negation(c) if c.word == "NOT" else _signed(c)
    while (level := _LEVELS.get(c.word, 0)) >= lowest:
        left = _chain(c, start, left, level)
    return left


def _chain(c: Cursor, start: int, left: Node, level: int) -> Node:
    """All operators of one level from here on, as one node."""
    parts, operators = [left], []
    while _LEVELS.get(c.word) == level:
        operators.append(c.word)
        if level == _PREDICATE:
            parts += _predicate(c)
        else:
            c.at += 1
            parts.append(_from_level(c, level + 1))
    return Node("operation", start, " ".join(operators), tuple(parts))


def _predicate(c: Cursor) -> list[Node]:
    """`IN x`, `STARTS WITH x`, `IS NOT NULL`, `IS :: TYPE`, `IS Label`, …: what follows the left side."""
    start, word = c.at, c.word
    c.at += 1
    if word == "::":
        _type(c)
        return []
    if word == "IS":
        return _is(c, start)
    if word in {"STARTS", "ENDS"}:
        c.need("WITH")
    return [_from_level(c, _PREDICATE + 1)]


def _is(c: Cursor, start: int) -> list[Node]:
    negated = c.take("NOT")
    if c.take("NULL"):
        return []
    if c.take("::") or c.take("TYPED"):
        _type(c)
        return []
    if c.word in {"NFC", "NFD", "NFKC", "NFKD"} and c.ahead(1).word == "NORMALIZED":
        c.at += 1
    if c.take("NORMALIZED"):
        return []
    if negated:
        c.fail("NULL, :: or NORMALIZED")
    return [label_expression(c, start)]


def _type(c: Cursor) -> None:
    """`LIST<STRING NOT NULL> | INTEGER`, …; read loosely: nothing but the words of types can stand in one."""
    _type_part(c)
    while c.word == "|" and c.at != c.bar and c.ahead(1).word in _TYPE_WORDS:
        c.at += 1
        _type_part(c)


def _type_part(c: Cursor) -> None:
    if c.word not in _TYPE_WORDS:
        c.fail("a type")
    while c.word in _TYPE_WORDS:
        timed = c.word in {"TIME", "TIMESTAMP"}
        listed = c.word in {"LIST", "ARRAY", "VALUE", "ANY"}
        c.at += 1
        if timed and c.word in {"WITH", "WITHOUT"} and c.ahead(1).word in {"TIMEZONE", "TIME"}:
            c.at += 1
        if listed and c.take("<"):
            _type(c)
            c.need(">")
        if not c.take("!") and c.word == "NOT" and c.ahead(1).word == "NULL":
            c.at += 2


def _negation(c: Cursor) -> Node:
    start = c.at
    while c.take("NOT"):
        if c.at - start > NOTS:
            c.fail("a condition")
    return Node("operation", start, "NOT", (_from_level(c, 5),))


def _signed(c: Cursor) -> Node:
    start, signs = c.at, 0
    while c.word in {"-", "+"}:
        c.at += 1
        signs += 1
        if signs > 2:
            c.fail("an operand")
    inner = _with_postfixes(c, operand(c))
    return Node("operation", start, "sign", (inner,)) if signs else inner


def _with_postfixes(c: Cursor, node: Node) -> Node:
    """`.key`, `[index]`, `[from..to]`, `:Label` after an operand."""
    for _ in range(POSTFIXES):
        start = c.at
        if c.take("."):
            node = Node("property", start, c.name(), (node,))
        elif c.word == "[":
            node = _subscript(c, node)
        elif c.word == ":":
            node = Node("has_label", start, "", (node, label_expression(c, start)))
        else:
            return node
    return c.fail(f"at most {POSTFIXES} keys or indexes after one operand")


def _subscript(c: Cursor, base: Node) -> Node:
    start = c.at
    c.need("[")
    ends: list[Node] = []
    if c.word != "..":
        ends.append(expression(c))
    sliced = c.take("..")
    if sliced and c.word != "]":
        ends.append(expression(c))
    c.need("]")
    return Node("slice" if sliced else "index", start, "", (base, *ends))
