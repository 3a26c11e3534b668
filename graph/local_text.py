"""Changing a text by its tokens: what `graph.local_dialect` and `graph.local_aggregates` share."""

from __future__ import annotations

from typing import NamedTuple

from graph.guard.lexer import Token

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")


class Edit(NamedTuple):
    """Characters `start` to `end` of a text become `by`."""

    start: int
    end: int
    by: str


def closing(tokens: list[Token], opening: int) -> int:
    """Place of the bracket that closes the one at `opening`."""
    depth = 0
    for place in range(opening, len(tokens)):
        depth += (tokens[place].word in OPENING) - (tokens[place].word in CLOSING)
        if depth == 0:
            return place
    return len(tokens) - 1


def end_of(token: Token) -> int:
    """Offset after a token."""
    return token.start + len(token.text)
