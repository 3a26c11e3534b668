"""What the guard's parser makes of a query: one kind of node, and the words that decide what a token may be.

Kinds of expressions: `number`, `string`, `constant`, `parameter`, `variable`, `property`, `index`, `slice`, `call`,
`list`, `map`, `entry`, `projection`, `whole` (`.*`), `comprehension`, `reduce`, `quantifier`, `case`, `operation`,
`has_label`, `labels`, `exists`, `count`, `collect`. Of patterns: `path`, `node`, `relationship`, `length`, `repeat`,
`label`. Of clauses: `match`, `with`, `return`, `item`, `order`, `page`, `unwind`, `procedure`, `yield`, `subquery`,
`query`, `union`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Node(NamedTuple):
    """`at`: index of its first token. `name`: the variable, key, label, function, operators, …; empty where none."""

    kind: str
    at: int
    name: str = ""
    parts: tuple[Node, ...] = ()


def walk(root: Node) -> Iterator[Node]:
    """Every node below and with `root`, in no particular order; never recurses."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.parts)
