"""Parses path patterns: nodes, relationships, quantifiers, `shortestPath`, `SHORTEST k`, as in Neo4j 5's grammar."""

from __future__ import annotations

from graph.guard.cursor import Cursor
from graph.guard.labels import label_expression
from graph.guard.tree import Node

SHORTEST = frozenset({"SHORTESTPATH", "ALLSHORTESTPATHS"})


def pattern(c: Cursor) -> Node:
    """`p = SHORTEST 2 (a)-[:T]->+(b)`: one path of a MATCH, with its variable if it has one."""
    start, name = c.at, ""
    if c.is_name() and c.ahead(1).word == "=":
        name = c.name()
        c.at += 1
    shortest = _selector(c)
    if c.word in SHORTEST and c.ahead(1).word == "(":
        return shortest_path(c, name)
    return Node("path", start, name, (*shortest, *elements(c)))


def shortest_path(c: Cursor, name: str = "") -> Node:
    """`shortestPath((a)-[*]-(b))`."""
    start = c.at
    c.at += 1
    c.need("(")
    inside = elements(c)
    c.need(")")
    return Node("path", start, name, (Node("shortest", start), *inside))


def _selector(c: Cursor) -> tuple[Node, ...]:
    """`ANY SHORTEST PATH`, `SHORTEST 3 PATHS GROUP`, …; a node of kind `shortest` when it bounds what is searched."""
    start = c.at
    words = set()
    while c.word in {"ANY", "ALL", "SHORTEST", "PATH", "PATHS", "GROUP", "GROUPS"} and c.word not in words:
        words.add(c.word)
        c.at += 1
        count = c.integer() if c.tokens[c.at - 1].word in {"ANY", "SHORTEST"} else ""
        if count:
            words.add(count)
    return (Node("shortest", start),) if "SHORTEST" in words else ()


def elements(c: Cursor) -> list[Node]:
    """Nodes, relationships and bracketed paths in a row, at least one."""
    found = [_element(c)]
    while c.word in {"(", "-", "<"}:
        if c.word == "(":
            found.append(_element(c))
            continue
        found.append(_relationship(c))
        found += _quantifier(c)
        found.append(_element(c))
    return found


def _element(c: Cursor) -> Node:
    if c.word != "(":
        c.fail("a node: (…)")
    if c.ahead(1).word == "(" or (c.is_name(1) and c.ahead(2).word == "="):
        return _group(c)
    return _node(c)


def _group(c: Cursor) -> Node:
    """`((a)-[r]->(b) WHERE a.x < b.x){1,3}`."""
    start = c.at
    c.at += 1
    parts = [c.pattern(), *_where(c)]
    c.need(")")
    return Node("group", start, "", (*parts, *_quantifier(c)))


def _quantifier(c: Cursor) -> tuple[Node, ...]:
    """`+`, `*`, `{2}`, `{1,3}`: as `_length`."""
    start = c.at
    if c.word in {"+", "*"}:
        c.at += 1
        return (Node("repeat", start, "", (Node("least", start, "1" if c.tokens[start].word == "+" else "0"),)),)
    if not c.take("{"):
        return ()
    least = most = c.integer()
    if c.take(","):
        most = c.integer()
    c.need("}")
    return (Node("repeat", start, most, (Node("least", start, least or "0"),)),)


def _node(c: Cursor) -> Node:
    start = c.at
    c.need("(")
    name, parts = _inside(c)
    c.need(")")
    return Node("node", start, name, parts)


def _relationship(c: Cursor) -> Node:
    start, name = c.at, ""
    parts: tuple[Node, ...] = ()
    c.take("<")
    c.need("-")
    if c.take("["):
        name, parts = _inside(c, length=True)
        c.need("]")
    c.need("-")
    c.take(">")
    return Node("relationship", start, name, parts)


def _inside(c: Cursor, *, length: bool = False) -> tuple[str, tuple[Node, ...]]:
    """Variable, labels, length, properties and WHERE of a node or relationship."""
    name, parts = "", []
    if c.is_name() and not _opens_condition(c):
        name = c.name()
    if c.word in {":", "IS"}:
        start = c.at
        c.take("IS")
        parts.append(label_expression(c, start))
    if length and c.word == "*":
        parts.append(_length(c))
    if c.word in {"{", "$"}:
        parts.append(Node("keys", c.at, "", (c.rules.map_or_parameter(c),)))
    return name, (*parts, *_where(c))


def _opens_condition(c: Cursor) -> bool:
    """Whether `WHERE` or `IS` here is the keyword, not a variable of that name."""
    return c.word in {"WHERE", "IS"} and c.ahead(1).word not in {")", "]", ":", "{", "$", "*", "WHERE", "IS"}


def _length(c: Cursor) -> Node:
    """`*`, `*2`, `*..3`, `*1..3`; its name is the upper bound, its part the lower one, empty without them."""
    start = c.at
    c.need("*")
    least = most = c.integer()
    if c.take(".."):
        most = c.integer()
    return Node("length", start, most, (Node("least", start, least),))


def _where(c: Cursor) -> list[Node]:
    return [c.expression()] if c.take("WHERE") else []
