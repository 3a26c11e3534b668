"""Column names read from the query itself: the local store names none when an answer has no rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graph.guard.lexer import Token, lex

_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_AFTER_ITEMS = frozenset({"ORDER", "SKIP", "OFFSET", "LIMIT", "UNION", ";"})
_END = "end"


def returned_columns(text: str) -> tuple[str, ...]:
    """Names of the columns of a query that passed the guard; none where it does not say (`RETURN *`)."""
    tokens = lex(text)
    items = _items(tokens)
    if not items or any(len(item) == 1 and item[0].word == "*" for item in items):
        return ()
    return tuple(_name(text, item) for item in items)


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
