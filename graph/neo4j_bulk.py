"""Neo4j's bulk path: labelled UNWIND batches, one transaction each, over several connections.

Ends are matched by label and id, so the unique constraint's index finds them (without a label Neo4j scans). Batches
that meet each other's locks are retried by the store; rows turn into Python lists one chunk at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Protocol

from graph.bulk_check import refuse_odd_numbers
from graph.errors import InvalidData
from graph.schema import Batch, EdgeBatch, NodeBatch, safe_name
from graph.store import Parameters, Table, Written

CONNECTIONS = 4
ROWS_PER_TRANSACTION = 10_000


class Query(Protocol):
    """`GraphStore.query`."""

    def __call__(self, query: str, parameters: Parameters | None = None) -> Table: ...


@dataclass(frozen=True)
class _Chunk:
    cypher: str
    rows: list[tuple[Any, ...]]
    nodes: bool
    ends: str


class Neo4jBulk:
    """One bulk load. `prepare` makes a label's constraint."""

    def __init__(self, query: Query, prepare: Callable[[set[str]], None]) -> None:
        self._query = query
        self._prepare = prepare

    def load(self, batches: Iterable[Batch], progress: Callable[[int], None] | None) -> Written:
        """Loads the batches; all nodes before a batch of relationships are there when it begins."""
        nodes = relationships = 0
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            running: set[Future[int]] = set()
            last_nodes = True
            for chunk in self._chunks(batches):
                full = len(running) >= CONNECTIONS
                if running and (full or chunk.nodes != last_nodes):
                    running = _drain(running, progress, everything=chunk.nodes != last_nodes)
                running.add(pool.submit(self._send, chunk))
                last_nodes = chunk.nodes
                nodes += len(chunk.rows) * chunk.nodes
                relationships += len(chunk.rows) * (not chunk.nodes)
            _drain(running, progress, everything=True)
        return Written(nodes, relationships)

    def _chunks(self, batches: Iterable[Batch]) -> Iterator[_Chunk]:
        for batch in batches:
            refuse_odd_numbers(batch.rows)
            is_nodes = isinstance(batch, NodeBatch)
            ends = {batch.label} if isinstance(batch, NodeBatch) else {batch.head_label, batch.tail_label}
            self._prepare(ends)
            text = create_nodes(batch) if isinstance(batch, NodeBatch) else create_edges(batch)
            for start in range(0, batch.rows.num_rows, ROWS_PER_TRANSACTION):
                part = batch.rows.slice(start, ROWS_PER_TRANSACTION)
                rows = list(zip(*(column.to_pylist() for column in part.columns), strict=True))
                yield _Chunk(text, rows, is_nodes, " or ".join(sorted(ends)))

    def _send(self, chunk: _Chunk) -> int:
        created = self._query(chunk.cypher, {"rows": chunk.rows}).rows[0][0]
        if created == len(chunk.rows):
            return len(chunk.rows)
        raise InvalidData(
            f"{len(chunk.rows) - created} rows name {chunk.ends} nodes that are not there",
            valid="ids of nodes that are in the graph",
            remedy=f"load the {chunk.ends} nodes before the relationships",
        )


def _drain(running: set[Future[int]], progress: Callable[[int], None] | None, *, everything: bool) -> set[Future[int]]:
    """Waits for one chunk, or for all; the first failure ends the load."""
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            rows = future.result()
            if progress is not None:
                progress(rows)
        if not everything:
            break
    return running


def create_nodes(batch: NodeBatch) -> str:
    """Creates the nodes of `$rows`, lists of values in the order of the batch's columns."""
    properties = _properties(batch.rows.column_names, skip=())
    return f"UNWIND $rows AS row CREATE (n:`{safe_name(batch.label)}` {properties}) RETURN count(n)"


def create_edges(batch: EdgeBatch) -> str:
    """Creates the relationships of `$rows`, lists of values in the order of the batch's columns."""
    names = batch.rows.column_names
    head, tail = names.index("head"), names.index("tail")
    return (
        f"UNWIND $rows AS row MATCH (h:`{safe_name(batch.head_label)}` {{id: row[{head}]}}) "
        f"MATCH (t:`{safe_name(batch.tail_label)}` {{id: row[{tail}]}}) "
        f"CREATE (h)-[r:`{safe_name(batch.type)}` {_properties(names, skip=('head', 'tail'))}]->(t) RETURN count(r)"
    )


def _properties(names: list[str], *, skip: tuple[str, ...]) -> str:
    pairs = [f"{safe_name(name)}: row[{place}]" for place, name in enumerate(names) if name not in skip]
    return "{" + ", ".join(pairs) + "}"
