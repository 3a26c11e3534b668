"""What the guard must know of a store beyond its catalogue: every property key, and what surrounds hidden nodes.

ArcadeDB lists declared properties alone, so the keys in use are read from the graph; where that takes too long, the
catalogue stays incomplete and the guard assumes that hidden properties are there. Kept for a while that grows with
what it cost: a small graph is looked at every few seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from threading import Lock
from typing import TypeAlias

from graph.errors import InterlaceError
from graph.guard.hidden import Hidden
from graph.guard.policy import Catalogue, Policy

Column: TypeAlias = Callable[[str, float], list[str]]
"""Runs a query within so many seconds; its first column."""

SECONDS = 1.0
KEPT_SECONDS = 3.0
KEPT_FOR_COST = 20
CHEAP_SECONDS = 1.0
_COUNT = "MATCH (n) RETURN count(n)"
_NODE_KEYS = "MATCH (n) UNWIND keys(n) AS k RETURN DISTINCT k"
_RELATIONSHIP_KEYS = "MATCH ()-[r]->() UNWIND keys(r) AS k RETURN DISTINCT k"


@dataclass(frozen=True)
class _Kept:
    """A survey: until when it holds, what it cost in seconds, how many nodes there were."""

    until: float
    cost: float
    nodes: list[str]
    found: Catalogue


class Surveys:
    """Surveys of one store, kept by policy and catalogue. Thread-safe.

    `lists_every_key`: whether the store's catalogue has every property key (Neo4j's has).
    """

    def __init__(self, column: Column, *, lists_every_key: bool) -> None:
        self._column = column
        self._lists_every_key = lists_every_key
        self._lock = Lock()
        self._kept: dict[tuple[Policy, Catalogue], _Kept] = {}

    def of(self, known: Catalogue, policy: Policy) -> Catalogue:
        """`known` with what was found. Never raises what the store raises: what is not found stays unknown."""
        hidden = Hidden(policy)
        known = replace(known, complete=known.complete or self._lists_every_key)
        if not (hidden.properties and not known.complete) and not hidden.any_label(known.labels):
            return known
        with self._lock:
            nodes = self._nodes()
            kept = self._kept.get((policy, known))
            if kept is not None and time.monotonic() < kept.until:
                if kept.nodes == nodes:
                    return kept.found
                if kept.cost > CHEAP_SECONDS:
                    return known  # The graph has grown and looking again is dear: the guard assumes the worst.
            return self._look_now(known, policy, hidden, nodes)

    def _look_now(self, known: Catalogue, policy: Policy, hidden: Hidden, nodes: list[str]) -> Catalogue:
        started = time.monotonic()
        found = self._look(known, hidden)
        now = time.monotonic()
        kept = _Kept(now + KEPT_SECONDS + KEPT_FOR_COST * (now - started), now - started, nodes, found)
        self._kept = {key: one for key, one in self._kept.items() if now < one.until} | {(policy, known): kept}
        return found

    def _nodes(self) -> list[str]:
        try:
            return self._column(_COUNT, SECONDS)
        except InterlaceError:
            return []

    def _look(self, known: Catalogue, hidden: Hidden) -> Catalogue:
        found = known
        if hidden.properties and not found.complete:
            keys = self._all([_NODE_KEYS, _RELATIONSHIP_KEYS])
            found = found if keys is None else replace(found, properties=found.properties | keys, complete=True)
        secret = [label for label in sorted(known.labels) if hidden.label(label)]
        if secret:
            named = ["`" + label.replace("`", "``") + "`" for label in secret]
            found = replace(
                found,
                secret_properties=self._all(
                    f"MATCH (n:{label}) UNWIND keys(n) AS k RETURN DISTINCT k" for label in named
                ),
                secret_types=self._all(f"MATCH (:{label})-[r]-() RETURN DISTINCT type(r)" for label in named),
            )
        return found

    def _all(self, texts: Iterable[str]) -> frozenset[str] | None:
        try:
            return frozenset(one for text in texts for one in self._column(text, SECONDS))
        except InterlaceError:
            return None
