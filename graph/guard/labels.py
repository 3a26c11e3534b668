"""Parses label and relationship type expressions: `:A|B`, `:A&!B`, `:(A|B)&C`, `:%`.

Dynamic labels, `:$(expression)`, are refused: nobody can tell before it runs which label such a query names.
"""

from __future__ import annotations

from graph.errors import Forbidden
from graph.guard.cursor import Cursor
from graph.guard.lexer import where
from graph.guard.tree import Node

PLAIN = "plain"
LOOSE = "loose"


def label_expression(c: Cursor, start: int) -> Node:
    """From `:` (or past `IS`) on. Its `name` is `plain` when every alternative names a label, `loose` when `!` or `%`
    let others in.
    """
    c.take(":")
    found: list[Node] = []
    loose = _terms(c, found)
    return Node("labels", start, LOOSE if loose else PLAIN, tuple(found))


def _terms(c: Cursor, found: list[Node]) -> bool:
    loose = _term(c, found)
    while c.word in {"|", "&", ":"} and c.at != c.bar:
        c.at += 1
        if c.word == ":" and c.tokens[c.at - 1].word == "|":
            c.at += 1
        loose |= _term(c, found)
    return loose


def _term(c: Cursor, found: list[Node]) -> bool:
    loose = False
    while c.take("!"):
        loose = True
    if c.word == "$":
        raise Forbidden(
            f"a label that is computed, at {where(c.text, c.token.start)}, may not be read",
            valid="labels and types by their names: (n:Item), -[:RATED]->",
            remedy="write the label itself",
        )
    if c.take("("):
        loose |= _terms(c, found)
        c.need(")")
    elif c.take("%"):
        loose = True
    else:
        at = c.at
        found.append(Node("label", at, c.name()))
    return loose
