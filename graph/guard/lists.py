"""Parses what iterates: list literals, list and pattern comprehensions, `reduce`, `all`, `any`, `none`, `single`."""

from __future__ import annotations

from graph.guard.cursor import Cursor
from graph.guard.patterns import elements
from graph.guard.tree import Node

_CONTINUES = frozenset({".", "(", "[", "{", "+", "-", "*", "/", "=", "<", ">", "<>"})


def list_like(c: Cursor) -> Node:
    """`[1, 2]`, `[x IN xs WHERE … | …]`, `[p = (a)-->(b) WHERE … | …]`."""
    start, outer = c.at, c.bar
    c.bar = _bar(c, start, first=False)
    c.need("[")
    if c.is_name() and c.ahead(1).word == "IN":
        node = _comprehension(c, start)
    elif c.is_name() and c.ahead(1).word == "=" and c.ahead(2).word == "(" and c.bar >= 0:
        node = _named_pattern(c, start)
    else:
        node = _items(c, start)
    c.need("]")
    c.bar = outer
    return node


def _items(c: Cursor, start: int) -> Node:
    """A list literal; a pattern comprehension when a pattern comes first and a condition or `|` behind it."""
    items: list[Node] = []
    while c.word != "]":
        items.append(c.expression())
        if items[0].kind == "path" and len(items) == 1 and (c.at == c.bar or c.word == "WHERE"):
            return Node("comprehension", start, "", (items[0], *_rest(c)))
        if not c.take(","):
            break
    return Node("list", start, "", tuple(items))


def _named_pattern(c: Cursor, start: int) -> Node:
    at, name = c.at, c.name()
    c.need("=")
    path = Node("path", at, name, tuple(elements(c)))
    return Node("comprehension", start, "", (path, *_rest(c)))


def _comprehension(c: Cursor, start: int) -> Node:
    name = c.name()
    c.need("IN")
    return Node("comprehension", start, name, (c.expression(), *_rest(c)))


def _rest(c: Cursor) -> list[Node]:
    """`WHERE condition`, then `| value`."""
    found = [Node("condition", c.at, "", (c.expression(),))] if c.take("WHERE") else []
    if c.take("|"):
        c.bar = -1
        found.append(c.expression())
    return found


def reduce(c: Cursor) -> Node:
    """`reduce(total = 0, x IN xs | total + x)`: parts are the first value, the list and the step."""
    start, outer = c.at, c.bar
    c.bar = _bar(c, start + 1, first=True)
    c.at += 1
    c.need("(")
    total = c.name()
    c.need("=")
    first = c.expression()
    c.need(",")
    name = c.name()
    c.need("IN")
    items = c.expression()
    c.need("|")
    c.bar = -1
    step = c.expression()
    c.need(")")
    c.bar = outer
    return Node(
        "reduce",
        start,
        f"{total},{name}",
        (first, items, step, Node("binds", start, total), Node("binds", start, name)),
    )


def quantifier(c: Cursor) -> Node:
    """`all(x IN xs WHERE x > 0)`."""
    start, outer = c.at, c.bar
    c.bar = -1
    c.at += 1
    c.need("(")
    name = c.name()
    c.need("IN")
    parts = [c.expression()]
    if c.take("WHERE"):
        parts.append(Node("condition", c.at, "", (c.expression(),)))
    c.need(")")
    c.bar = outer
    return Node("quantifier", start, name, tuple(parts))


def _bar(c: Cursor, opening: int, *, first: bool) -> int:
    """Index of the `|` that is no alternative of labels, -1 without one: `[n IN ns WHERE n:A|B | n.x]` has two."""
    found: list[int] = []
    at, closing = opening + 1, c.brackets[opening]
    while at < closing:
        if c.brackets[at] > at:
            at = c.brackets[at]
        elif c.tokens[at].word == "|":
            found.append(at)
        at += 1
    if not found or first or len(found) == 1:
        return found[0] if found else -1
    return next((one for one in found if _starts_value(c, one + 1)), found[-1])


def _starts_value(c: Cursor, at: int) -> bool:
    token, after = c.tokens[at], c.tokens[at + 1]
    if token.kind in {"word", "quoted"}:
        return after.word in _CONTINUES
    return token.word not in {":", "!", "%", "("}
