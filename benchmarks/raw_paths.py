"""The stores' own fastest ways in, with everything prepared before the clock starts: what our bulk path is held to.

ArcadeDB: bare POSTs of JSON Lines to its batch endpoint, over one connection. Neo4j: bare labelled UNWIND transactions
through the driver, with lists of parameters that are made, over as many connections as ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import neo4j
import pyarrow as pa

from graph.local_bulk import ROWS_PER_REQUEST, LocalBulk, encoded
from graph.local_store import LocalStore
from graph.neo4j_bulk import CONNECTIONS, ROWS_PER_TRANSACTION, create_edges, create_nodes
from graph.neo4j_store import DATABASE, Neo4jStore
from graph.schema import Batch, EdgeBatch, NodeBatch


def labels_of(batches: Sequence[Batch]) -> list[str]:
    return sorted({batch.label for batch in batches if isinstance(batch, NodeBatch)})


def renamed(batches: Sequence[Batch], suffix: str) -> list[Batch]:
    """The same under labels of their own: several rounds in one server."""
    return [
        NodeBatch(batch.label + suffix, batch.rows)
        if isinstance(batch, NodeBatch)
        else EdgeBatch(batch.type + suffix, batch.head_label + suffix, batch.tail_label + suffix, batch.rows)
        for batch in batches
    ]


def raw_local(store: LocalStore, batches: Sequence[Batch]) -> float:
    """Seconds of the POSTs alone."""
    store.ensure_schema(labels_of(batches))
    http = store._http  # noqa: SLF001 - a measurement beside the store, not of it
    helper = LocalBulk(http, lambda _: None)
    seconds = 0.0
    for batch in batches:
        if isinstance(batch, EdgeBatch):
            http.sql(f"CREATE EDGE TYPE `{batch.type}` IF NOT EXISTS")
        rows = helper.with_ends(batch)
        bodies = [(bytes(encoded(batch, part)), part.num_rows) for part in _parts(rows, ROWS_PER_REQUEST)]
        started = time.perf_counter()
        for body, records in bodies:
            http.batch(body, records)
        seconds += time.perf_counter() - started
    return seconds


def raw_neo4j(store: Neo4jStore, url: str, password: str | None, batches: Sequence[Batch]) -> float:
    """Seconds of the transactions alone."""
    store.ensure_schema(labels_of(batches))
    auth = None if password is None else ("neo4j", password)
    seconds = 0.0
    with (
        neo4j.GraphDatabase.driver(url, auth=auth, max_connection_pool_size=CONNECTIONS) as driver,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        for batch in batches:
            text = create_nodes(batch) if isinstance(batch, NodeBatch) else create_edges(batch)
            rows = [
                list(zip(*(column.to_pylist() for column in part.columns), strict=True))
                for part in _parts(batch.rows, ROWS_PER_TRANSACTION)
            ]
            started = time.perf_counter()
            list(pool.map(_sender(driver, text), rows))
            seconds += time.perf_counter() - started
    return seconds


def _sender(driver: neo4j.Driver, text: str) -> Callable[[list[Any]], None]:
    def send(rows: list[Any]) -> None:
        with driver.session(database=DATABASE) as session:
            session.execute_write(lambda transaction: transaction.run(text, {"rows": rows}).consume())

    return send


def _parts(rows: pa.Table, size: int) -> Iterator[pa.Table]:
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)
