"""Queries to begin with, made for the graph at hand: each runs as it stands and finds something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from graph.reader_names import plain, quoted

_TITLES = ("title", "name", "label", "id")
_VALUES = ("value", "weight", "score", "rating")


class Facts(Protocol):
    """What an example needs to know of a label."""

    @property
    def name(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def properties(self) -> Mapping[str, str]: ...


class Joins(Facts, Protocol):
    """And of a relationship type."""

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]: ...


def examples_of(labels: Sequence[Facts], types: Sequence[Joins]) -> list[tuple[str, str]]:
    """(What it asks, the query), the most general first."""
    found = [("How many nodes of each label", "MATCH (n)\nUNWIND labels(n) AS label\n"
              "RETURN label, count(*) AS nodes\nORDER BY nodes DESC")]  # fmt: skip
    known = {one.name: one for one in labels if plain(one.name)}
    usable = sorted((one for one in types if plain(one.name) and _ends(one, known)), key=lambda one: -one.count)
    if known:
        largest = max(known.values(), key=lambda one: (one.count, one.name))
        found.append((f"Some {largest.name} nodes", f"MATCH (n:{_name(largest.name)})\nRETURN n\nLIMIT 25"))
    for joins in usable[:2]:
        found += _of_type(joins, known)
    if usable:
        found.append(_path(usable[0], known))
    return found


def _of_type(joins: Joins, known: Mapping[str, Facts]) -> list[tuple[str, str]]:
    start, end = (known[name] for name in _ends(joins, known))
    pattern = f"(a:{_name(start.name)})-[r:{_name(joins.name)}]->(b:{_name(end.name)})"
    value = next((name for name in _VALUES if name in joins.properties), None)
    shown = f", r.{_name(value)} AS {value}" if value else ""
    top = (
        f"{end.name} with the most {joins.name}",
        f"MATCH {pattern}\nRETURN {_title('b', end)} AS {_alias(end)}, count(r) AS times\nORDER BY times DESC, "
        f"{_alias(end)}\nLIMIT 10",
    )
    graph = (f"A piece of the graph along {joins.name}", f"MATCH p = {pattern}\nRETURN p\nLIMIT 25")
    rows = (
        f"{start.name} and {end.name} by {joins.name}",
        f"MATCH {pattern}\nRETURN {_title('a', start)} AS start, {_title('b', end)} AS end{shown}\nLIMIT 25",
    )
    return [top, graph, rows]


def _path(joins: Joins, known: Mapping[str, Facts]) -> tuple[str, str]:
    start, end = _ends(joins, known)
    hop = f"[:{_name(joins.name)}]"
    return (
        f"{start} nodes that share the same {end}",
        f"MATCH p = (a:{_name(start)})-{hop}->(:{_name(end)})<-{hop}-(b:{_name(start)})\nRETURN p\nLIMIT 10",
    )


def _ends(joins: Joins, known: Mapping[str, Facts]) -> tuple[str, str]:
    return (
        next((pair for pair in joins.pairs if pair[0] in known and pair[1] in known), ("", ""))
        if joins.pairs
        else ("", "")
    )


def _title(variable: str, facts: Facts) -> str:
    name = next((name for name in _TITLES if name in facts.properties), None)
    return f"{variable}.{_name(name)}" if name else variable


def _alias(facts: Facts) -> str:
    return next((name for name in _TITLES if name in facts.properties), "node")


def _name(name: str) -> str:
    """As people write it: in backticks only where it must be."""
    return name if name.isascii() and name.isidentifier() else quoted(name)
