"""Column names read from the query itself: the local store names none when an answer has no rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graph.guard.clauses import RULES, statement
from graph.guard.cursor import Cursor
from graph.guard.lexer import Token, lex
from graph.guard.limits import check_tokens
from graph.guard.policy import Limits
from graph.guard.tree import Node, walk

_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_AFTER_ITEMS = frozenset({"ORDER", "SKIP", "OFFSET", "LIMIT", "UNION", ";"})
_END = "end"
_BINDING = frozenset({"path", "node", "relationship"})


def returned_columns(text: str) -> tuple[str, ...]:
    """Names of the columns of a query that passed the guard; none where it does not say."""
    tokens = lex(text)
    items = _items(tokens)
    if not items or items[0][0].word != "*":
        return tuple(_name(text, item) for item in items)
    return (*_variables(text, tokens), *(_name(text, item) for item in items[1:]))


def _variables(text: str, tokens: list[Token]) -> list[str]:
    """What `RETURN *` of the last query gives, in Neo4j's order: by name."""
    brackets = check_tokens(text, tokens, Limits())
    tree = statement(Cursor(text, tokens, brackets, RULES))
    return sorted(_scope(tree.parts[-1].parts[:-1])) if tree.parts else []


def _scope(clauses: Sequence[Node]) -> set[str]:
    """Variables after these clauses."""
    scope: set[str] = set()
    for clause in clauses:
        if clause.kind == "with" and not any(part.kind == "star" for part in clause.parts):
            scope = set()
        scope |= set(_brought(clause))
    return scope


def _brought(clause: Node) -> Iterator[str]:
    if clause.kind == "unwind":
        yield clause.name
    elif clause.kind == "match":
        patterns = (part for part in clause.parts if part.kind != "condition")
        yield from (node.name for part in patterns for node in walk(part) if node.kind in _BINDING and node.name)
    elif clause.kind in {"with", "procedure"}:
        yield from (part.name for part in clause.parts if part.kind in {"item", "yield"} and part.name)
    elif clause.kind == "subquery" and clause.parts and clause.parts[0].parts:
        *before, last = clause.parts[0].parts[-1].parts
        if any(part.kind == "star" for part in last.parts):
            yield from _scope(before)
        yield from (part.name for part in last.parts if part.kind == "item" and part.name)


def _items(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens of each item of the outermost last RETURN."""
    depth, starts = 0, []
    for place, token in enumerate(tokens):
        depth += (token.word in _OPENING) - (token.word in _CLOSING)
        if depth == 0 and token.word == "RETURN" and _is_clause(tokens, place):
            starts.append(place)
    return list(_split(tokens[starts[-1] + 1 :])) if starts else []


def _is_clause(tokens: Sequence[Token], place: int) -> bool:
    before = tokens[place - 1].word if place else ""
    after = tokens[place + 1]
    return before not in {".", ":", "$", "AS", "|"} and after.kind != _END and after.word not in {".", ",", "="}


def _split(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    depth, item = 0, list[Token]()
    first = 1 if tokens[0].word == "DISTINCT" else 0
    for token in tokens[first:]:
        if depth == 0 and (token.kind == _END or (token.word in _AFTER_ITEMS and item and not _names(item[-1]))):
            break
        depth += (token.word in _OPENING) - (token.word in _CLOSING)
        if depth == 0 and token.word == ",":
            yield item
            item = []
        else:
            item.append(token)
    yield item


def _names(before: Token) -> bool:
    """Whether a keyword behind this token is a name."""
    return before.word in {".", ":", "$", "AS"}


def _name(text: str, item: Sequence[Token]) -> str:
    """The alias, or the expression as it was written."""
    if len(item) >= 3 and item[-2].word == "AS":
        return item[-1].value
    if len(item) == 1:
        return item[0].value
    return text[item[0].start : item[-1].start + len(item[-1].text)]
