"""How fast a data set gets into a store and back: ingest beside the store's bare batch path, then the snapshot.

    python -m benchmarks.ingest PATH local|neo4j

PATH: a data set that `interlace ingest` reads (the figures in the docs are of ml-1m). Each store is fresh, in a
temporary folder; `neo4j` needs what `make neo4j` needs. Prints one JSON object: rows a second, seconds of wall, of this
process's processor time (`cpu`) and of the store's (`store_cpu`), the peak memory of this process up to the snapshot,
and the load of the machine before: on a busy one, only the processor seconds say anything.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

from graph.columns import merge_nodes
from graph.ingest import ingest
from graph.schema import Batch, EdgeBatch, NodeBatch
from graph.snapshot_files import content_hash
from graph.snapshot_read import read_snapshot
from graph.sources.batches import Batcher
from graph.sources.detect import open_path
from graph.store import GraphStore, open_store
from tools import neo4j

Answer = TypeVar("Answer")
PLATFORM = "bench"


class Clock:
    """Wall and processor seconds of this process and of the store's (the Java process that works in `folder`)."""

    def __init__(self, folder: str) -> None:
        marked = (one for one in psutil.process_iter() if one.name().startswith("java"))
        self._store = next(one for one in marked if any(folder in part for part in one.cmdline()))

    def __call__(self, work: Callable[[], Answer]) -> tuple[Answer, dict[str, float]]:
        before = self._now()
        answer = work()
        spent = (round(after - start, 2) for after, start in zip(self._now(), before, strict=True))
        return answer, dict(zip(("wall", "cpu", "store_cpu"), spent, strict=True))

    def _now(self) -> tuple[float, float, float]:
        store = self._store.cpu_times()
        return time.perf_counter(), time.process_time(), store.user + store.system


@contextmanager
def fresh_store(kind: str) -> Iterator[tuple[GraphStore, Clock]]:
    with tempfile.TemporaryDirectory() as folder:
        if kind == "local":
            store = open_store(f"local:{folder}/store")
            yield store, Clock(folder)
            store.close()
            return
        server = neo4j.Neo4j(Path(folder), neo4j.free_port(), heap_mb=1024)
        pid = server.start()
        try:
            store = open_store(server.uri, user="neo4j", password=server.password)
            yield store, Clock(folder)
            store.close()
        finally:
            neo4j.stop(pid, discard=True)


def bare_batches(path: Path) -> list[Batch]:
    """What a load hands to the store, made before the clock starts."""
    batcher = Batcher(PLATFORM)
    nodes: dict[str, list[object]] = {}
    edges: list[Batch] = []
    for chunk in open_path(path, now=time.time()).chunks():
        for piece in batcher.pieces(chunk):
            if isinstance(piece.batch, EdgeBatch):
                edges.append(piece.batch)
            else:
                nodes.setdefault(piece.batch.label, []).append(piece.batch.rows)
    return [*(NodeBatch(label, merge_nodes(tables)) for label, tables in nodes.items()), *edges]


def measure(path: Path, kind: str) -> dict[str, object]:
    load = os.getloadavg()[0]
    with fresh_store(kind) as (store, timed), tempfile.TemporaryDirectory() as home:
        options = {"platform": PLATFORM, "home": Path(home)}
        report, first = timed(lambda: ingest(store, path, **options))
        _, again = timed(lambda: ingest(store, path, **options))
        snapshot, read = timed(lambda: read_snapshot(store))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    batches = bare_batches(path)
    with fresh_store(kind) as (store, timed):
        store.ensure_schema([batch.label for batch in batches if isinstance(batch, NodeBatch)])
        written, bare = timed(lambda: store.bulk_load(batches))
    rows = sum(one.read for one in report.files)
    records = written.nodes + written.relationships
    return {
        "dataset": path.name,
        "store": kind,
        "rows": rows,
        "ingest": {**first, "rows_per_second": round(rows / first["wall"])},
        "bare_batch_path": {**bare, "records_per_second": round(records / bare["wall"])},
        "ingest_again": again,
        "snapshot": {**read, "hash": content_hash(snapshot), "interactions": len(snapshot.interactions)},
        "peak_mb": peak,
        "machine": {"cores": os.cpu_count(), "load_before": round(load, 1), "python": platform.python_version()},
    }


def main(arguments: list[str]) -> None:
    if len(arguments) != 2 or arguments[1] not in {"local", "neo4j"}:
        sys.exit(__doc__)
    print(json.dumps(measure(Path(arguments[0]), arguments[1])))


if __name__ == "__main__":
    main(sys.argv[1:])
