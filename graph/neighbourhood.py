"""A node, some of its neighbours of every kind, and what joins them: for the page and `GET /v1/graph/{label}/{id}`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import Any

from graph.errors import NotFound
from graph.guard.hidden import Hidden
from graph.guard.policy import Policy
from graph.queries import neighbours_of, node_of
from graph.schema import safe_name
from graph.store import GraphStore

LOOKED_AT = 5000
"""Relationships of one node that are read at most: a genre or a country may have millions."""


@dataclass(frozen=True)
class Node:
    """A node as people see it: embeddings left out, `title` its title, name or id."""

    id: str
    label: str
    title: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Relationship:
    """`source` and `target` are node ids, unique within their labels."""

    source: str
    source_label: str
    target: str
    target_label: str
    type: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Neighbourhood:
    """`nodes[0]` is the node asked for."""

    nodes: tuple[Node, ...]
    relationships: tuple[Relationship, ...]


def neighbourhood(
    store: GraphStore, label: str, identity: str, *, limit: int = 50, hidden: Hidden | None = None
) -> Neighbourhood:
    """Up to `limit` neighbours, taken from each relationship type in turn, so that none crowds out the others.

    `hidden`: labels and properties that are left out; a node of such a label is not there. Raises `InvalidData` for a
    label that cannot be one, `NotFound` when there is no such node.
    """
    hidden = hidden or Hidden(Policy())
    found = store.query(node_of(safe_name(label)), {"id": identity})
    if not len(found) or hidden.label(label):
        raise NotFound(
            f"no {label} node {identity!r}",
            valid="a label and id of this graph, for example Item and the id of an item",
            remedy="GET /v1/items?query=… and /v1/users?query=… give ids",
        )
    rows = store.query(
        neighbours_of(safe_name(label)), {"id": identity, "looked_at": LOOKED_AT, "each": max(1, limit)}
    ).dicts()
    chosen = list(islice(_in_turn(row for row in rows if not hidden.label(row["label"])), limit))
    show = shown(hidden)
    centre = _node(identity, label, show(found.rows[0][0]))
    others = {(row["label"], row["id"]): _node(row["id"], row["label"], show(row["properties"])) for row in chosen}
    others.pop((label, identity), None)
    edges = tuple(_relationship(identity, label, row, show(row["values"])) for row in chosen)
    return Neighbourhood((centre, *others.values()), edges)


def shown(hidden: Hidden) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Leaves out embeddings, the id and what is hidden."""

    def show(properties: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: value
            for name, value in sorted(properties.items())
            if "embedding" not in name and name != "id" and not hidden.property(name)
        }

    return show


def title_of(identity: str, properties: Mapping[str, Any]) -> str:
    """What people call a node."""
    return str(properties.get("title") or properties.get("name") or identity)


def _in_turn(rows: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (row["type"], row["label"], row["id"])):
        by_type.setdefault(row["type"], []).append(row)
    return (row for row in chain.from_iterable(zip_longest(*by_type.values())) if row is not None)


def _node(identity: str, label: str, properties: Mapping[str, Any]) -> Node:
    return Node(identity, label, title_of(identity, properties), properties)


def _relationship(identity: str, label: str, row: Mapping[str, Any], properties: Mapping[str, Any]) -> Relationship:
    here, there = (identity, label), (str(row["id"]), str(row["label"]))
    (source, source_label), (target, target_label) = (here, there) if row["outgoing"] else (there, here)
    return Relationship(source, source_label, target, target_label, row["type"], properties)
