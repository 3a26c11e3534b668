"""A running Neo4j as a source: whatever graph it holds, streamed node by node, then head by head.

Two reads in all, which the server answers lazily: neither it nor this process holds more than a few thousand rows. No
name of the other graph is ever part of a query. A graph of our own schema keeps its ids; of any other, ids become
`platform:native`, where native is the property `id`, the one that the map names, or Neo4j's own id of the node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from graph.bolt_errors import translate
from graph.bolt_values import plain
from graph.neo4j_store import DATABASE, Neo4jStore
from graph.schema import safe_name
from graph.sources.chunks import GraphChunk, Source
from graph.sources.graph_lines import Groups
from graph.sources.graph_map import GraphMap

NAME = "neo4j"
NODES_A_CHUNK = 20_000
EDGES_A_CHUNK = 100_000
FETCH = 2_000
BYTES_A_RECORD = 100
"""For the number of buckets that an ingest sorts into."""

OWN = (
    "MATCH (n) WHERE n.id IS NULL OR ((n:User OR n:Item) AND "
    "(n.platform IS NULL OR NOT toString(n.id) STARTS WITH toString(n.platform) + ':')) "
    "RETURN n.id AS id LIMIT 1"
)
USERS_AND_ITEMS = "MATCH (n) WHERE n:User OR n:Item RETURN n.id AS id LIMIT 1"


def open_neo4j(url: str, *, now: float, mapping: GraphMap, user: str | None, password: str | None) -> Source:
    """The graph in the Neo4j at `url`. Raises `StoreUnavailable` when it does not answer."""
    store = Neo4jStore.open(url, user=user, password=password)
    try:
        own = not mapping and bool(store.query(USERS_AND_ITEMS).rows) and not store.query(OWN).rows
        records = sum(int(store.query(name).rows[0][0]) for name in ("node_count", "relationship_count"))
    finally:
        store.close()
    reader = _Reader(url, None if password is None else (user or "neo4j", password), mapping, now)
    return Source(
        NAME,
        Path(re.sub(r"[^A-Za-z0-9.]+", "-", url)),
        graph=reader.chunks,
        whole_ids=own,
        size=BYTES_A_RECORD * records,
    )


class _Reader:
    """One Neo4j, read anew each time."""

    def __init__(self, url: str, auth: tuple[str, str] | None, mapping: GraphMap, now: float) -> None:
        self._url = url
        self._auth = auth
        self._mapping = mapping
        self._now = now

    def chunks(self) -> Iterator[GraphChunk]:
        """All nodes, then all relationships."""
        with self._session() as session:
            yield from self._stream(session, _nodes(self._mapping), self._add_node, NODES_A_CHUNK)
            yield from self._stream(session, _edges(self._mapping), self._add_edges, EDGES_A_CHUNK)

    def _stream(
        self, session: neo4j.Session, text: str, add: Callable[[Groups, list[Any]], None], size: int
    ) -> Iterator[GraphChunk]:
        groups = Groups(self._mapping, self._now)
        for record in session.run(text):
            add(groups, record.values())
            if groups.size >= size:
                yield from groups.take()
        yield from groups.take()

    def _add_node(self, groups: Groups, values: list[Any]) -> None:
        identity, labels, properties = values
        groups.add_node(str(identity), [_safe(label) for label in labels] or ["Entity"], _kept(properties))

    def _add_edges(self, groups: Groups, values: list[Any]) -> None:
        head, labels, edges = values
        head_labels = [_safe(label) for label in labels] or ["Entity"]
        for kind, tail, tail_labels, properties in edges:
            ends = (str(head), head_labels), (str(tail), [_safe(label) for label in tail_labels] or ["Entity"])
            groups.add_edge(_safe(kind), *ends, _kept(properties, own=()))

    @contextmanager
    def _session(self) -> Iterator[neo4j.Session]:
        try:
            with (
                neo4j.GraphDatabase.driver(
                    self._url, auth=self._auth, notifications_min_severity="OFF", telemetry_disabled=True
                ) as driver,
                driver.session(database=DATABASE, fetch_size=FETCH, default_access_mode=neo4j.READ_ACCESS) as session,
            ):
                yield session
        except (DriverError, Neo4jError) as error:
            raise translate(error, self._url, "reading the graph") from error


def _kept(properties: Mapping[str, Any], own: tuple[str, ...] = ("id",)) -> dict[str, Any]:
    return {name: plain(value) for name, value in properties.items() if name not in own}


def _safe(name: str) -> str:
    """Their label or type as Cypher allows it without quotes."""
    found = re.sub(r"[^A-Za-z0-9_]", "_", name)[:127] or "_"
    return f"_{found}" if found[0].isdigit() else found


def _nodes(mapping: GraphMap) -> str:
    return f"MATCH (n) RETURN {_identity('n', mapping)} AS id, labels(n) AS labels, properties(n) AS properties"


def _edges(mapping: GraphMap) -> str:
    """A pattern comprehension is made head by head as rows are fetched; an aggregation would hold all of them."""
    tail = f"[type(r), {_identity('t', mapping)}, labels(t), properties(r)]"
    return (
        f"MATCH (h) WHERE EXISTS {{ (h)-->() }} "
        f"RETURN {_identity('h', mapping)} AS head, labels(h) AS labels, [(h)-[r]->(t) | {tail}] AS edges"
    )


def _identity(name: str, mapping: GraphMap) -> str:
    """The native id of a node: the property that the map names for its label, else `id`, else Neo4j's own."""
    cases = "".join(
        f"WHEN {name}:`{safe_name(label)}` THEN coalesce({name}.`{safe_name(key)}`, elementId({name})) "
        for label, key in sorted(mapping.ids.items())
    )
    plain_id = f"coalesce({name}.id, elementId({name}))"
    return f"CASE {cases}ELSE {plain_id} END" if cases else plain_id
