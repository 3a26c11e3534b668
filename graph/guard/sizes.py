"""Bounds on what a query makes out of nothing: `range(1, 10^9)`, lists within lists, texts that double.

Follows numbers and list sizes that stand in the query or its parameters; what comes from the graph counts as one, since
the reader's time-out, row and byte caps hold there. Work is the product of all lists that are walked inside each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graph.errors import InvalidData
from graph.guard.lexer import Token, where
from graph.guard.tree import Node, walk

RANGE = 100_000
WORK = 1_000_000
GROWTH = 10_000
_SAME_SIZE = frozenset({"tail", "reverse", "coalesce", "tointegerlist", "tostringlist", "tofloatlist"})
_SAME_NUMBER = frozenset({"tointeger", "tofloat", "abs", "floor", "ceil", "round", "coalesce"})
_POSTFIXES = frozenset({"property", "index", "slice", "has_label"})


@dataclass(frozen=True)
class Value:
    """What is known of a value: how long a list it is, which number (the largest, where several are possible)."""

    size: float = 1
    number: float | None = None


NOTHING = Value()
Scope = dict[str, Value]


def check_sizes(text: str, tokens: Sequence[Token], tree: Node, parameters: Mapping[str, Any]) -> None:
    """Raises `InvalidData` for a query that makes too much out of nothing."""
    try:
        _Sizes(parameters).query(tree, {}, 1)
    except _TooMuchError as found:
        raise InvalidData(
            f"{found} at {where(text, tokens[found.node.at].start)}",
            valid=f"ranges of at most {RANGE}, at most {WORK} steps of lists inside lists",
            remedy="ask for less, or in several queries",
        ) from None
    _check_growth(text, tokens, tree)


class _TooMuchError(Exception):
    def __init__(self, what: str, node: Node) -> None:
        super().__init__(what)
        self.node = node


class _Sizes:
    """One run over one query. `work` is how often the place at hand is reached for each row of the graph."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = parameters

    def query(self, node: Node, scope: Scope, work: float) -> float:
        """Runs each branch of a UNION; returns how many rows the largest makes."""
        return max(self._single(member, dict(scope), work) for member in node.parts)

    def _single(self, member: Node, scope: Scope, work: float) -> float:
        for clause in member.parts:
            work = self._clause(clause, scope, work)
        return work

    def _clause(self, node: Node, scope: Scope, work: float) -> float:
        if node.kind == "unwind":
            found = self.of(node.parts[0], scope, work)
            scope[node.name] = Value(1, found.number)
            return self._times(node, work, found.size)
        if node.kind == "subquery":
            return max(work, self.query(node.parts[0], scope, work))
        if node.kind in {"with", "return"}:
            return self._project(node, scope, work)
        for part in _expressions(node):
            self.of(part, scope, work)
        return work

    def _project(self, node: Node, scope: Scope, work: float) -> float:
        items = [part for part in node.parts if part.kind == "item"]
        found = [(item.name, self.of(item.parts[0], scope, work)) for item in items]
        scope.update((name, value) for name, value in found if name)
        alone = bool(items) and all(_aggregates(item.parts[0]) for item in items)
        work = 1 if alone else work
        for part in node.parts:
            if part.kind not in {"item", "star"}:
                self.of(part.parts[0], scope, work)
        return work

    def _times(self, node: Node, work: float, size: float) -> float:
        if work * size > WORK:
            raise _TooMuchError(f"lists inside lists of {work * size:.0f} steps", node)
        return work * max(size, 1)

    def of(self, node: Node, scope: Scope, work: float) -> Value:
        """What is known of an expression, having checked all of it."""
        while node.kind in _POSTFIXES:
            for part in node.parts[1:]:
                if part.kind != "labels":
                    self.of(part, scope, work)
            if node.kind == "slice":
                return self.of(node.parts[0], scope, work)
            if node.parts[0].kind not in _POSTFIXES:
                self.of(node.parts[0], scope, work)
                return NOTHING
            node = node.parts[0]
        handler = getattr(self, f"_of_{node.kind}", None)
        if handler is not None:
            found: Value = handler(node, scope, work)
            return found
        for part in node.parts:
            self.of(part, scope, work)
        return NOTHING

    def _of_number(self, node: Node, _scope: Scope, _work: float) -> Value:
        text = node.name.replace("_", "")
        return Value(1, float(int(text, 0)) if text[:2].lower() in {"0x", "0o"} else float(text))

    def _of_parameter(self, node: Node, _scope: Scope, _work: float) -> Value:
        value = self._parameters.get(node.name)
        if isinstance(value, list | tuple):
            numbers = [one for one in value if isinstance(one, int | float)]
            return Value(len(value), float(max(numbers)) if numbers else None)
        return Value(1, float(value)) if isinstance(value, int | float) else NOTHING

    def _of_variable(self, node: Node, scope: Scope, _work: float) -> Value:
        return scope.get(node.name, NOTHING)

    def _of_list(self, node: Node, scope: Scope, work: float) -> Value:
        found = [self.of(part, scope, work) for part in node.parts]
        return Value(len(found), _largest(found))

    def _of_operation(self, node: Node, scope: Scope, work: float) -> Value:
        found = [self.of(part, scope, work) for part in node.parts]
        operators = node.name.split()
        numbers = [one.number for one in found if one.number is not None]
        number = _compute(operators, numbers) if len(numbers) == len(found) else None
        size = sum(one.size for one in found) if set(operators) <= {"+", "||"} and number is None else 1
        return Value(size, number)

    def _of_call(self, node: Node, scope: Scope, work: float) -> Value:
        name = node.name.lower()
        found = [self.of(part, scope, work) for part in node.parts]
        first = found[0] if found else NOTHING
        if name == "range":
            return self._range(node, [one.number for one in found], work)
        if name == "collect":
            return Value(work)
        if name == "size":
            return Value(1, first.size if first.size > 1 else None)
        return Value(first.size if name in _SAME_SIZE else 1, first.number if name in _SAME_NUMBER else None)

    def _range(self, node: Node, ends: list[float | None], work: float) -> Value:
        low, high, step = (*ends, None, None, None)[:3]
        if low is None and high is None:
            return NOTHING
        size = max(0.0, ((high or 0.0) - (low or 0.0)) / (step or 1.0) + 1)
        if size > RANGE:
            raise _TooMuchError(f"a range of {size:.0f} numbers", node)
        self._times(node, work, size)
        return Value(size, max(low or 0.0, high or 0.0))

    def _of_comprehension(self, node: Node, scope: Scope, work: float) -> Value:
        first, inner = node.parts[0], dict(scope)
        found = self.of(first, scope, work)
        if node.name:
            inner[node.name] = Value(1, found.number)
        inside = self._times(node, work, found.size)
        for part in node.parts[1:]:
            self.of(part.parts[0] if part.kind == "condition" else part, inner, inside)
        return Value(found.size)

    _of_quantifier = _of_comprehension

    def _of_reduce(self, node: Node, scope: Scope, work: float) -> Value:
        first, items, step, total, each = node.parts
        inner, found = dict(scope), self.of(items, scope, work)
        inner[total.name] = self.of(first, scope, work)
        inner[each.name] = Value(1, found.number)
        self.of(step, inner, self._times(node, work, found.size))
        return NOTHING

    def _of_exists(self, node: Node, scope: Scope, work: float) -> Value:
        body = node.parts[0]
        rows = self.query(body, scope, work) if body.kind == "query" else self._clause(body, dict(scope), work)
        return Value(rows / work if node.kind == "collect" else 1)

    _of_count = _of_exists
    _of_collect = _of_exists


def _expressions(node: Node) -> Iterable[Node]:
    """Expressions of a clause: its parts, and for patterns those inside."""
    for part in node.parts:
        if part.kind == "path":
            yield part
        elif part.kind not in {"yield", "star", "labels"}:
            yield part.parts[0] if part.kind in {"condition", "order", "page"} else part


def _aggregates(node: Node) -> bool:
    return any(part.kind == "call" and part.name.lower() in {"collect", "count", "sum", "avg"} for part in walk(node))


def _largest(values: Iterable[Value]) -> float | None:
    numbers = [one.number for one in values if one.number is not None]
    return max(numbers) if numbers else None


def _compute(operators: Sequence[str], numbers: Sequence[float]) -> float | None:
    """The value of one chain of arithmetic; None for anything else."""
    if operators == ["sign"]:
        return -numbers[0]
    found = numbers[0]
    for operator, number in zip(operators, numbers[1:], strict=False):
        try:
            found = _ARITHMETIC[operator](found, number)
        except (KeyError, OverflowError, ZeroDivisionError):
            return None
        if isinstance(found, complex):
            return None
    return found


_ARITHMETIC = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a % b,
    "^": lambda a, b: a**b,
}


def _check_growth(text: str, tokens: Sequence[Token], tree: Node) -> None:
    """`s + s` in a reduce, `[a, a, a]` clause after clause, `replace(s, 'a', 'aaaa')`: sizes that multiply."""
    growth = 1.0
    for node in walk(tree):
        growth *= _growth(node)
        repeated = node.kind == "reduce" and node.parts[0].kind != "number" and _doubles(node)
        if growth > GROWTH or repeated:
            raise InvalidData(
                f"a value that grows with itself, at {where(text, tokens[node.at].start)}",
                valid="texts and lists that are put together once",
                remedy="put them together in your own code",
            )


def _growth(node: Node) -> float:
    if node.kind == "call" and node.name.lower() == "replace" and len(node.parts) == 3:
        longer = node.parts[2]
        return max(1, len(longer.name)) if longer.kind == "string" else 10
    if node.kind == "list" or (node.kind == "operation" and set(node.name.split()) <= {"+", "||"}):
        names = Counter(part.name for part in node.parts if part.kind == "variable")
        return max(names.values(), default=1)
    return 1


def _doubles(node: Node) -> bool:
    """Whether a step of a reduce puts the total into the next total more than once."""
    return _uses(node.parts[2], node.parts[3].name) > 1


def _uses(node: Node, name: str) -> int:
    """How often a variable's text or list is part of a value; what is compared, measured or picked out is not."""
    if node.kind == "variable":
        return int(node.name == name)
    if node.kind in {"index", "property", "number", "string"}:
        return 0
    if node.kind == "operation":
        return sum(_uses(part, name) for part in node.parts) if set(node.name.split()) <= {"+", "||"} else 0
    if node.kind == "case":
        choices = node.parts[1:] if node.name else node.parts
        return max((_uses(part, name) for part in choices), default=0)
    if node.kind == "call" and node.name.lower() != "replace":
        picks = node.name.lower() in {"size", "head", "last"}
        return 0 if picks else max((_uses(part, name) for part in node.parts), default=0)
    return sum(_uses(part, name) for part in node.parts)
