"""Bounds on a query's text and parameters, checked before anything parses them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from graph.errors import InvalidData
from graph.guard.lexer import FLOAT, INTEGER, Token, where
from graph.guard.policy import Limits

_CLOSES = {")": "(", "]": "[", "}": "{"}
_OPENS = frozenset(_CLOSES.values())
_CASES = {"CASE": 1, "END": -1}
_LONGEST_NUMBER = 400
_PARAMETER_DEPTH = 32
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_HALF = re.compile("[\ud800-\udfff]")


def check_text(text: str, limits: Limits) -> None:
    """Length and characters. Raises `InvalidData`."""
    if not text.strip():
        raise InvalidData(
            "the query is empty", valid="a Cypher query", remedy="write one, such as MATCH (n) RETURN count(n)"
        )
    if len(text) > limits.length:
        raise _too_much(f"the query has {len(text)} characters", f"at most {limits.length} characters")
    if found := _UNPRINTABLE.search(text):
        raise InvalidData(
            f"the character U+{ord(found.group()):04X} at {where(text, found.start())} cannot stand in a query",
            valid="printable characters, tabs and line ends",
            remedy="remove it, or write it as an escape inside a string",
        )


def check_tokens(text: str, tokens: Sequence[Token], limits: Limits) -> list[int]:
    """How many tokens, how deep, how long the numbers. Returns for each bracket the index of its partner, else -1."""
    if len(tokens) > limits.tokens:
        raise _too_much(f"the query has {len(tokens)} words and signs", f"at most {limits.tokens}")
    partners, open_now, cases = [-1] * len(tokens), [], 0
    for at, token in enumerate(tokens):
        if token.word in _OPENS:
            open_now.append(at)
        elif token.word in _CLOSES:
            opening = _opening(text, tokens, open_now, token)
            partners[opening], partners[at] = at, opening
        cases = max(0, cases + _CASES.get(token.word, 0))
        _check_token(text, token, len(open_now) + cases, limits)
    if open_now:
        raise _unbalanced(text, tokens[open_now[-1]])
    return partners


def _opening(text: str, tokens: Sequence[Token], open_now: list[int], token: Token) -> int:
    if not open_now or tokens[open_now[-1]].word != _CLOSES[token.word]:
        raise _unbalanced(text, token)
    return open_now.pop()


def _check_token(text: str, token: Token, depth: int, limits: Limits) -> None:
    if depth > limits.depth:
        raise _too_much(f"brackets more than {limits.depth} deep at {where(text, token.start)}", f"{limits.depth} deep")
    if token.kind in {INTEGER, FLOAT} and len(token.text) > _LONGEST_NUMBER:
        raise _too_much(f"a number of {len(token.text)} digits at {where(text, token.start)}", f"{_LONGEST_NUMBER}")


def check_parameters(parameters: Mapping[str, Any], limits: Limits) -> None:
    """Size as JSON, depth, and nothing but JSON's kinds of values. Raises `InvalidData`."""
    left = limits.parameter_bytes
    waiting: list[tuple[Any, int]] = [(parameters, 0)]
    while waiting:
        value, depth = waiting.pop()
        left -= _size(value)
        if isinstance(value, list | tuple | Mapping) and 2 * len(value) > left:
            left = -1  # Two bytes an element at least: a long list is not walked to find that out.
        if left < 0:
            raise _too_much("the parameters are too large", f"at most {limits.parameter_bytes} bytes as JSON")
        if depth > _PARAMETER_DEPTH:
            raise _too_much("a parameter is nested too deep", f"lists and maps at most {_PARAMETER_DEPTH} deep")
        if isinstance(value, Mapping):
            waiting += [(one, depth + 1) for pair in value.items() for one in pair]
        elif isinstance(value, list | tuple):
            waiting += [(one, depth + 1) for one in value]


def _size(value: Any) -> int:
    if value is None or isinstance(value, bool | Mapping | list | tuple):
        return 4
    if isinstance(value, str):
        if _HALF.search(value):
            raise InvalidData("a parameter holds half a character", valid="Unicode text", remedy="send valid UTF-8")
        return len(value) + 2
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise InvalidData(f"{value} is too large a number", valid="64-bit integers", remedy="send it as text")
        return 8
    if isinstance(value, float):
        return 8
    raise InvalidData(
        f"a parameter of type {type(value).__name__} cannot be sent",
        valid="text, numbers, true, false, null, lists and maps",
        remedy="convert it, for example a time to text and datetime($when) in the query",
    )


def _unbalanced(text: str, token: Token) -> InvalidData:
    return InvalidData(
        f"{token.text!r} at {where(text, token.start)} has no partner",
        valid="balanced brackets",
        remedy="close or remove it",
    )


def _too_much(what: str, valid: str) -> InvalidData:
    return InvalidData(what, valid=valid, remedy="ask for less at once, or send values as parameters")
