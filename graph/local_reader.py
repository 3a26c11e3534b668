"""Reads on the local store: over Bolt, as a user who may read records and nothing else; ended over HTTP when too long.

Measured on ArcadeDB 26.10: over Bolt such a user's writes, schema changes and LOAD CSV are refused by the engine, READ
mode and the driver's time-out stop nothing, SET is let through until the commit that a reader's transaction never sees,
and `terminate query` ends in a moment what checks for it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import neo4j

from graph.errors import StoreUnavailable
from graph.guard.policy import Catalogue, Checked
from graph.local_dialect import for_local
from graph.local_store import LocalStore
from graph.reader import Counters, IndexFacts
from graph.reader_bolt import BoltReader
from graph.reader_watch import Running

ASK_TIMES = 3
log = logging.getLogger("interlace.reader")


class LocalReader(BoltReader):
    """See the module."""

    def __init__(self, store: LocalStore) -> None:
        super().__init__(store.database)
        self._store = store
        self.url = store.url

    def dialect(self, text: str) -> str:
        return for_local(text)

    def _names(self) -> Catalogue:
        """The server's dictionary has every property key ever written; `db.propertyKeys` names declared ones alone."""
        types = self._store.http.sql("SELECT name, type, parentTypes FROM schema:types")
        (dictionary,) = self._store.http.sql("SELECT FROM schema:dictionary")
        return Catalogue(
            frozenset(one["name"] for one in types if one["type"] == "vertex" and not one["parentTypes"]),
            frozenset(one["name"] for one in types if one["type"] == "edge"),
            frozenset(dictionary["entries"]),
        )

    def counters(self) -> Counters:
        """A node with several labels is of a type of its own below them, so each label adds up its subtypes."""
        types = self._store.http.sql("SELECT name, type, records, parentTypes FROM schema:types")
        parents = {one["name"]: one["parentTypes"] for one in types}
        counts: dict[str, Counter[str]] = {"vertex": Counter(), "edge": Counter()}
        for one in types:
            for name in _with_ancestors(one["name"], parents):
                counts.get(one["type"], Counter())[name] += one["records"]
        labels = {name: count for name, count in counts["vertex"].items() if not parents[name]}
        return Counters(labels, dict(counts["edge"]))

    def indexes(self) -> list[IndexFacts]:
        found = self._store.http.sql("SELECT FROM schema:indexes")
        return [
            IndexFacts(one["typeName"], tuple(_flat(one["properties"])), _kind(one))
            for one in found
            if one["name"].endswith("]") and "~" not in one["typeName"]
        ]

    def _open(self) -> neo4j.Driver:
        return self._store.reader_driver()

    def _examine(self, session: neo4j.Session, checked: Checked, run: Running) -> None:
        """Nothing to ask: the engine checks each record that a reader touches."""

    def _terminate(self, run: Running) -> None:
        for query in self._store.http.running(run.lane.port):
            self._store.http.terminate(query)

    def _last_resort(self, run: Running) -> None:
        """Ends the server where the query still runs, or where it does not even say so: the next query starts it."""
        for _ in range(ASK_TIMES):
            try:
                if not self._store.http.running(run.lane.port):
                    return
                break
            except StoreUnavailable:
                log.warning("the local store does not say what it runs")
        log.warning("the local store is ended: a query did not stop")
        self._store.end_server()

    def _recover(self) -> bool:
        return self._store.recover()

    def _lost(self) -> StoreUnavailable:
        return StoreUnavailable(
            "the local graph store ended while it worked on this query: it grew beyond its memory, or was stopped",
            remedy="it starts again with the next query; ask for less, or raise INTERLACE_STORE_MEMORY_MB",
        )


def _with_ancestors(name: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    found, waiting = set[str](), [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(parents.get(one, ()))
    return found


def _flat(properties: Sequence[str | Sequence[str]]) -> list[str]:
    return [name for one in properties for name in ([one] if isinstance(one, str) else one)]


def _kind(index: Mapping[str, Any]) -> str:
    if index["unique"]:
        return "unique"
    return {"LSM_VECTOR": "vector", "FULL_TEXT": "fulltext"}.get(index["indexType"], "range")
