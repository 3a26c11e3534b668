"""A graph store as a source of another: what copies one store into another, with all that an ingest promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from graph.export.read import What, read_graph
from graph.export.spool import key_of
from graph.sources.chunks import GraphChunk, Source
from graph.store import GraphStore

NAME = "store"
BYTES_A_RECORD = 100


def store_source(store: GraphStore, what: What | None = None) -> Source:
    """The graph in a store of ours, which keeps its ids. The store must stay open while the source is read."""
    records = sum(int(store.query(name).rows[0][0]) for name in ("node_count", "relationship_count"))

    def chunks() -> Iterator[GraphChunk]:
        rows: dict[tuple[str, ...], int] = {}
        for batch in read_graph(store, what):
            key = key_of(batch)
            first = rows.get(key, 0) + 1
            rows[key] = first + batch.rows.num_rows - 1
            numbers = pa.array(np.arange(first, rows[key] + 1, dtype=np.int64))
            yield GraphChunk(".".join(key), batch, numbers, read=batch.rows.num_rows)

    return Source(NAME, Path(NAME), graph=chunks, whole_ids=True, size=BYTES_A_RECORD * records)
