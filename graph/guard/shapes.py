"""Bounds on a query's shape: how many patterns, hops, branches and nested queries. The planners take longest on these.

Neo4j plans before any time-out of a query counts, and its planner's time grows faster than the number of relationships
of a MATCH; a path of any length grows with the graph.
"""

from __future__ import annotations

from collections.abc import Sequence

from graph.errors import InvalidData
from graph.guard.lexer import Token, where
from graph.guard.tree import Node, walk

IN_ONE_MATCH = 24
CHAIN = 250
XORS = 16
UNBOUNDED = 3
HOPS = 60
LONGEST = 30
_MOST = {
    "match": 40,
    "relationship": 80,
    "union": 24,
    "with": 60,
    "unwind": 20,
    "subquery": 20,
    "exists": 30,
    "count": 30,
    "collect": 30,
    "label": 120,
    "item": 300,
    "reduce": 20,
    "procedure": 10,
    "comprehension": 40,
}
_QUERIES = frozenset({"exists", "count", "collect", "subquery"})
_DEEPEST = 8


def check_shape(text: str, tokens: Sequence[Token], tree: Node) -> None:
    """Raises `InvalidData` for a query that is larger than people write and stores plan well."""
    counts: dict[str, int] = {}
    for node in walk(tree):
        counts[node.kind] = counts.get(node.kind, 0) + 1
        if counts[node.kind] > _MOST.get(node.kind, 1 << 30):
            raise _too_much(text, tokens, node, f"more than {_MOST[node.kind]} of kind {node.kind!r}")
        if node.kind == "operation":
            _check_chain(text, tokens, node)
        elif node.kind == "match":
            _check_match(text, tokens, node)
    _check_hops(text, tokens, tree)
    _check_depth(text, tokens, tree)


def _check_chain(text: str, tokens: Sequence[Token], node: Node) -> None:
    most = XORS if "XOR" in node.name.split() else CHAIN
    if len(node.parts) > most:
        raise _too_much(text, tokens, node, f"a chain of {len(node.parts)} operands (at most {most})")


def _check_match(text: str, tokens: Sequence[Token], node: Node) -> None:
    paths = [part for part in node.parts if part.kind == "path"]
    hops = sum(part.kind == "relationship" for path in paths for part in walk(path))
    if hops + len(paths) > IN_ONE_MATCH + 1:
        raise _too_much(text, tokens, node, f"more than {IN_ONE_MATCH} relationships and paths in one MATCH")


def _check_hops(text: str, tokens: Sequence[Token], tree: Node) -> None:
    """Paths of variable length: few without an upper bound, and not too many hops in all."""
    unbounded, hops = 0, 0
    for node, shortest in _lengths(tree):
        most = int(node.name or 1 << 30) if len(node.name) < 10 else 1 << 30
        if most > LONGEST and not shortest:
            unbounded += 1
        elif not shortest:
            hops += most
        if unbounded > UNBOUNDED or hops > HOPS:
            raise _too_much(
                text, tokens, node, f"more than {UNBOUNDED} paths without an upper bound, or more than {HOPS} hops"
            )


def _lengths(tree: Node) -> list[tuple[Node, bool]]:
    """Each variable length, and whether it is inside a search for shortest paths."""
    found, waiting = [], [(tree, False)]
    while waiting:
        node, shortest = waiting.pop()
        if node.kind in {"length", "repeat"}:
            found.append((node, shortest))
        shortest = shortest or any(part.kind == "shortest" for part in node.parts)
        waiting += [(part, shortest) for part in node.parts]
    return found


def _check_depth(text: str, tokens: Sequence[Token], tree: Node) -> None:
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        depth += node.kind in _QUERIES
        if depth > _DEEPEST:
            raise _too_much(text, tokens, node, f"queries inside queries more than {_DEEPEST} deep")
        waiting += [(part, depth) for part in node.parts]


def _too_much(text: str, tokens: Sequence[Token], node: Node, what: str) -> InvalidData:
    return InvalidData(
        f"{what}, at {where(text, tokens[node.at].start)}",
        valid=f"at most {IN_ONE_MATCH} relationships a MATCH, {UNBOUNDED} paths without a bound such as *..5",
        remedy="bound the paths, or ask in several queries",
    )
