"""Where the guard's parser stands in the tokens, and the three rules that call each other across files.

Every look ahead is bounded and every token is consumed once, so parsing is linear; `brackets` lets it look past a whole
bracket in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from graph.errors import InvalidData
from graph.guard.lexer import INTEGER, QUOTED, WORD, Token, where
from graph.guard.tree import Node


class Cursor:
    """A position in `tokens`. `bar`: index of the `|` that ends the first part of the innermost comprehension."""

    def __init__(self, text: str, tokens: Sequence[Token], brackets: Sequence[int], rules: Rules) -> None:
        self.text = text
        self.tokens = tokens
        self.brackets = brackets
        self.rules = rules
        self.at = 0
        self.bar = -1

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def word(self) -> str:
        """The current token as a keyword or an operator, `""` when it is neither."""
        return self.tokens[self.at].word

    def ahead(self, steps: int) -> Token:
        """The token so many steps on, the end where there are not so many."""
        return self.tokens[min(self.at + steps, len(self.tokens) - 1)]

    def take(self, word: str) -> bool:
        """Consumes the keyword or operator `word`, if it is next."""
        if self.tokens[self.at].word != word:
            return False
        self.at += 1
        return True

    def need(self, *words: str) -> None:
        """Consumes `words`, or fails."""
        for word in words:
            if not self.take(word):
                self.fail(word)

    def is_name(self, steps: int = 0) -> bool:
        """Whether the token so many steps on may be a name: a bare word or one in backticks."""
        return self.ahead(steps).kind in {WORD, QUOTED}

    def name(self) -> str:
        """Consumes a name and returns it without backticks."""
        if not self.is_name():
            self.fail("a name")
        self.at += 1
        return self.tokens[self.at - 1].value

    def integer(self) -> str:
        """Consumes a whole number where there is one; `""` where not."""
        if self.token.kind != INTEGER:
            return ""
        self.at += 1
        return self.tokens[self.at - 1].text

    def expression(self) -> Node:
        return self.rules.expression(self)

    def pattern(self) -> Node:
        return self.rules.pattern(self)

    def query(self) -> Node:
        return self.rules.query(self)

    def fail(self, expected: str) -> NoReturn:
        """Raises `InvalidData` that says what stands here and what could."""
        found = self.token.text or "the end of the query"
        shown = found if len(found) < 40 else found[:40] + "…"
        raise InvalidData(
            f"{shown!r} at {where(self.text, self.token.start)} is not expected",
            valid=f"{expected} there",
            remedy="correct the query; a name that is also a keyword can be put in backticks",
        )


@dataclass(frozen=True)
class Rules:
    """The rules that call each other: an expression holds patterns and queries, which hold expressions."""

    expression: Callable[[Cursor], Node]
    pattern: Callable[[Cursor], Node]
    query: Callable[[Cursor], Node]
    map_or_parameter: Callable[[Cursor], Node]
    match_body: Callable[[Cursor], Node]
    choice: Callable[[Cursor], list[Node]]
