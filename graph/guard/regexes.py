"""Regular expressions of strangers: bounded before a store runs them, since neither store can stop one that backtracks.

Only what the guard can see is let through: texts, parameters, properties of matched nodes, and sums of them. Refused:
a repetition of what repeats or branches, `(a+)+`, `(a|aa)*`; many repetitions; references back. What is left takes
polynomial time of a low degree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from graph.errors import Forbidden, InvalidData
from graph.guard.lexer import Token, where
from graph.guard.tree import Node, walk

LONGEST = 400
REPEATS = 6
LARGEST = 1_000
_UNKNOWN = None
_FREE_SPACING = re.compile(r"\(\?[a-zA-Z]*x")
_DATA = "a"
"""Stands for a property of the graph: one character, so that what a query puts around it is judged."""


def check_regexes(text: str, tokens: Sequence[Token], tree: Node, parameters: Mapping[str, Any]) -> None:
    """Raises `Forbidden` for a pattern that nobody can judge beforehand, `InvalidData` for a dangerous one."""
    operations = [node for node in walk(tree) if node.kind == "operation" and "=~" in node.name.split()]
    if not operations:
        return
    bound = _constants(tree, parameters)
    for name in _matched(tree):
        bound.setdefault(name, [_DATA])
    for node in operations:
        operands = [part for part in node.parts[1:] if part.kind != "labels"]
        for operand in operands:
            patterns = _values(operand, parameters, bound)
            place = where(text, tokens[node.at].start)
            if patterns is _UNKNOWN:
                raise Forbidden(
                    f"the regular expression at {place} is computed",
                    valid="a text, a parameter, a property, or a sum of them behind =~",
                    remedy="send the pattern as a parameter, or use CONTAINS or STARTS WITH",
                )
            for pattern in patterns:
                if problem := dangerous(pattern):
                    raise InvalidData(
                        f"the regular expression at {place} could run for ever: {problem}",
                        valid=f"at most {REPEATS} repetitions, none inside another, no alternatives inside one",
                        remedy="simplify it, or use CONTAINS or STARTS WITH",
                    )


def _matched(tree: Node) -> set[str]:
    """Variables that only patterns bind: what their properties hold, nobody who asks has chosen."""
    kinds = {"item", "unwind", "comprehension", "quantifier", "yield", "binds", "path"}
    others = {node.name for node in walk(tree) if node.kind in kinds and not _renames_itself(node)}
    return {node.name for node in walk(tree) if node.kind in {"node", "relationship"}} - others


def _renames_itself(node: Node) -> bool:
    return node.kind == "item" and node.parts[0].kind == "variable" and node.parts[0].name == node.name


def _constants(tree: Node, parameters: Mapping[str, Any]) -> dict[str, list[str] | None]:
    """Variables that are only ever given texts which stand in the query or its parameters."""
    bound: dict[str, list[str] | None] = {}
    for node in walk(tree):
        if node.kind in {"item", "unwind"} and node.name:
            values = _values(node.parts[0], parameters, {})
            if _renames_itself(node):
                continue
            before = bound.get(node.name, [])
            bound[node.name] = None if values is None or before is None else before + values
        elif node.kind in {"path", "comprehension", "quantifier", "yield", "binds"}:
            bound[node.name] = None
    return bound


def _values(node: Node, parameters: Mapping[str, Any], bound: Mapping[str, list[str] | None]) -> list[str] | None:
    """All texts that an expression may be; None when that cannot be told."""
    if node.kind in {"string", "constant"}:
        return [node.name]
    if node.kind == "parameter":
        return _given(parameters.get(node.name))
    if node.kind in {"variable", "property"}:
        return _bound_to(node, bound)
    if node.kind == "list":
        each = [_values(part, parameters, bound) for part in node.parts]
        return None if any(one is None for one in each) else [text for one in each for text in one or ()]
    if node.kind == "operation" and set(node.name.split()) <= {"+", "||"}:
        return _sum([_values(part, parameters, bound) for part in node.parts])
    return None


def _bound_to(node: Node, bound: Mapping[str, list[str] | None]) -> list[str] | None:
    if node.kind == "variable":
        return bound.get(node.name)
    base = node.parts[0]
    return [_DATA] if base.kind == "variable" and bound.get(base.name) == [_DATA] else None


def _given(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(one) for one in value]
    return [] if value is None else [str(value)]


def _sum(each: Sequence[list[str] | None]) -> list[str] | None:
    """Texts put together, when each is one text."""
    if any(one is None or len(one) != 1 for one in each):
        return None
    return ["".join(one[0] for one in each if one)]


def dangerous(pattern: str) -> str:
    """Why a pattern could take for ever; empty when it could not. One pass over the pattern."""
    if len(pattern) > LONGEST:
        return f"it has {len(pattern)} characters (at most {LONGEST})"
    if "\\Q" in pattern or _FREE_SPACING.search(pattern):
        return "it quotes with \\Q or is written with spaces and comments"
    return _Scan(pattern).run()


class _Scan:
    """Reads a Java pattern from left to right; `groups` holds for each open group whether it repeats or branches."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._groups: list[bool] = [False]
        self._closed = False
        self._repeats = 0
        self._at = 0

    def run(self) -> str:
        while self._at < len(self._pattern):
            if problem := self._step(self._pattern[self._at]):
                return problem
        return f"it repeats {self._repeats} times (at most {REPEATS})" if self._repeats > REPEATS else ""

    def _step(self, character: str) -> str:
        closed, self._closed = self._closed, False
        if character == "\\":
            if self._pattern[self._at + 1 : self._at + 2] in tuple("123456789k"):
                return "it refers back to a group"
            self._at += 2
        elif character == "[":
            self._at = self._class_end()
        elif character in "*+?{":
            return self._quantifier(character, closed)
        else:
            self._bracket(character)
            self._at += 1
        return ""

    def _bracket(self, character: str) -> None:
        if character == "(":
            self._groups.append(False)
            if self._pattern[self._at + 1 : self._at + 2] == "?":
                self._at += 1  # `(?:`, `(?i)`: no quantifier
        elif character == ")" and len(self._groups) > 1:
            self._closed = self._groups.pop()
            self._groups[-1] |= self._closed
        elif character == "|":
            self._groups[-1] = True

    def _quantifier(self, character: str, closed: bool) -> str:
        if character != "{":
            self._at += 1
            most = 1 if character == "?" else LARGEST + 1
        else:
            end = self._pattern.find("}", self._at)
            inside = self._pattern[self._at + 1 : end] if end > 0 else ""
            self._at = end + 1 if end > 0 else len(self._pattern)
            most = _most(inside)
            if most < 0:
                return "a number of repetitions is too large"
        while self._pattern[self._at : self._at + 1] in ("?", "+"):  # `*?`, `*+`
            self._at += 1
        if closed and most > 1:
            return "it repeats what repeats or branches"
        self._groups[-1] = True
        self._repeats += most > 1
        return ""

    def _class_end(self) -> int:
        """Past a `[…]`; nested classes and escapes counted."""
        depth, at = 0, self._at
        while at < len(self._pattern):
            character = self._pattern[at]
            at += 2 if character == "\\" else 1
            depth += (character == "[") - (character == "]")
            if depth == 0:
                break
        return at


def _most(inside: str) -> int:
    """Upper bound of `{…}`: -1 when it is too large, more than `LARGEST` when there is none."""
    low, comma, high = inside.partition(",")
    if not (low.isascii() and low.isdigit()) or len(low) > 4 or len(high) > 4:
        return -1
    if not comma:
        return int(low) if int(low) <= LARGEST else -1
    if not high:
        return LARGEST + 1 if int(low) <= LARGEST else -1
    return int(high) if high.isascii() and high.isdigit() and int(high) <= LARGEST else -1
