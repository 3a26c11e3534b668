"""How fast a published index goes back into the graph: the first time, again unchanged, and after another training.

    python -m benchmarks.write_back local|neo4j [USERS ITEMS]

Default: 6,040 users and 3,706 items, as MovieLens 1M; lists of 200 and two modalities of 384 numbers are drawn at
random, the other index shares two thirds of every list with the first. Prints one JSON object: relationships a second,
seconds of wall, of this process's processor time and of the store's, its peak memory, and the machine's load before.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.ingest import fresh_server
from graph.schema import ITEM, USER, NodeBatch
from serving.index import Attributes, History, Index, ModelInfo, Vectors
from serving.index_files import Blobs, Names, Rows, map_blobs, write_blobs
from serving.write_back import write_back

LIST, CROWD, DIM, ATTRIBUTES = 200, 100, 384, 8
PAGE = 10_000


def ids(count: int, letter: str) -> list[str]:
    return sorted(f"bench:{letter}{number}" for number in range(count))


def random_index(folder: Path, users: int, items: int) -> Index:
    """What `write_back` reads of an index, at random; the rest is empty."""
    rng = np.random.default_rng(0)
    blobs = {}
    for name, found in (("user_ids", ids(users, "u")), ("item_ids", ids(items, "i"))):
        write_blobs(folder, name, (one.encode() for one in found))
        blobs[name] = map_blobs(folder, name)
    vectors = {name: Vectors(unit(rng, items), np.ones(items, np.bool_)) for name in ("text", "image")}
    none: Any = np.empty(0)
    nothing = Blobs(memoryview(b""), blobs["user_ids"].data)
    names, rows = Names(nothing, none), Rows(np.zeros(1, np.int64), none)
    lists = np.stack([drawn(rng, items, LIST) for _ in range(users)])
    return Index(
        folder=folder, version="bench", snapshot="", created="", model=ModelInfo("bench", "1"), members=(), kinds=(),
        user_ids=blobs["user_ids"], user_cards=nothing, user_names=names, item_ids=blobs["item_ids"],
        item_cards=nothing, item_pages=nothing, item_names=names, item_kind=none, popularity=none, popular=none,
        known=rows, seen=rows, history=History(rows, none, none, none), list_items=lists,
        list_scores=np.tile(np.linspace(1, 0.01, LIST, dtype=np.float32), (users, 1)), vectors=vectors,
        attributes=attributes(rng, items), crowd_items=np.stack([drawn(rng, items, CROWD) for _ in range(items)]),
        crowd_scores=np.tile(np.linspace(1, 0.01, CROWD, dtype=np.float32), (items, 1)),
    )  # fmt: skip


def unit(rng: np.random.Generator, items: int) -> NDArray[np.float32]:
    rows = rng.standard_normal((items, DIM), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def drawn(rng: np.random.Generator, items: int, count: int) -> NDArray[np.int32]:
    """Distinct items, some of them far more often than others, as in real lists."""
    found = np.unique((items * rng.random(4 * count) ** 2).astype(np.int32))
    return rng.permutation(found)[:count]


def attributes(rng: np.random.Generator, items: int) -> Attributes:
    """Each item has `ATTRIBUTES` of as many nodes as there are items."""
    from scipy.sparse import csr_matrix

    row = np.repeat(np.arange(items), ATTRIBUTES)
    weights = np.full(len(row), 0.3, np.float32)
    matrix = csr_matrix((weights, (row, rng.integers(items, size=len(row)))), shape=(items, items))
    columns = csr_matrix(matrix.T)
    return Attributes(
        Rows(matrix.indptr.astype(np.int64), matrix.indices), matrix.data,
        Rows(columns.indptr.astype(np.int64), columns.indices), columns.data,
        np.ones(items, np.float32), 1.0,
    )  # fmt: skip


def trained_again(index: Index) -> Index:
    """Every score moves a little; a third of every list's items give way to others."""
    items = index.list_items.copy()
    items[:, 1:20:3] = items[:, 100:107]
    return replace(index, version="bench2", list_items=items, list_scores=index.list_scores * np.float32(0.99))


def node_batches(users: int, items: int) -> Iterator[NodeBatch]:
    for label, found in ((USER, ids(users, "u")), (ITEM, ids(items, "i"))):
        for start in range(0, len(found), PAGE):
            yield NodeBatch(label, pa.table({"id": found[start : start + PAGE]}))


def run(kind: str, users: int, items: int) -> dict[str, Any]:
    load = os.getloadavg()[0]
    with fresh_server(kind) as server, tempfile.TemporaryDirectory() as folder:
        index = random_index(Path(folder), users, items)
        server.store.bulk_load(node_batches(users, items))
        figures = {}
        for name, one in (("first", index), ("again", index), ("other", trained_again(index))):
            report, spent = server.timed(
                lambda one=one, name=name: write_back(server.store, one, model=one.version, run=name)
            )
            figures[name] = {**report.as_dict(), **spent}
    return {
        "store": kind, "users": users, "items": items, "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "load_before": round(load, 1), **figures,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip


if __name__ == "__main__":
    kind, *sizes = sys.argv[1:]
    print(json.dumps(run(kind, *map(int, sizes or ("6040", "3706")))))
