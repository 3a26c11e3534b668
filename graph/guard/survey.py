"""What the guard must know of a store beyond its catalogue: every property key, and what surrounds hidden nodes.

ArcadeDB lists declared properties alone, so the keys in use are read from the graph; where that takes too long, the
catalogue stays incomplete and the guard assumes that hidden properties are there. Kept for a while that grows with
what it cost: a small graph is looked at every few seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from threading import Lock
from typing import TypeAlias

from graph.errors import InterlaceError
from graph.guard.hidden import Hidden
from graph.guard.policy import Catalogue, Policy

Column: TypeAlias = Callable[[str, float], list[str]]
"""Runs a query within so many seconds; its first column."""

SECONDS = 1.0
KEPT_SECONDS = 5.0
KEPT_FOR_COST = 100
_NODE_KEYS = "MATCH (n) UNWIND keys(n) AS k RETURN DISTINCT k"
_RELATIONSHIP_KEYS = "MATCH ()-[r]->() UNWIND keys(r) AS k RETURN DISTINCT k"


class Surveys:
    """Surveys of one store, kept by policy and catalogue. Thread-safe.

    `lists_every_key`: whether the store's catalogue has every property key (Neo4j's has).
    """

    def __init__(self, column: Column, *, lists_every_key: bool) -> None:
        self._column = column
        self._lists_every_key = lists_every_key
        self._lock = Lock()
        self._kept: dict[tuple[Policy, Catalogue], tuple[float, Catalogue]] = {}

    def of(self, known: Catalogue, policy: Policy) -> Catalogue:
        """`known` with what was found. Never raises what the store raises: what is not found stays unknown."""
        if not policy.hidden_labels and not policy.hidden_properties:
            return known
        with self._lock:
            kept = self._kept.get((policy, known))
            if kept is not None and time.monotonic() < kept[0]:
                return kept[1]
            started = time.monotonic()
            found = self._look(known, Hidden(policy))
            cost = time.monotonic() - started
            # Catalogues that are no more, or that nobody asked about for long, are forgotten with the rest.
            self._kept = {
                (policy, known): (started + KEPT_SECONDS + KEPT_FOR_COST * cost, found),
                **self._fresh(started),
            }
            return found

    def _fresh(self, now: float) -> dict[tuple[Policy, Catalogue], tuple[float, Catalogue]]:
        return {key: kept for key, kept in self._kept.items() if now < kept[0]}

    def _look(self, known: Catalogue, hidden: Hidden) -> Catalogue:
        found = replace(known, complete=known.complete or self._lists_every_key)
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
