"""How fast a data set gets into a store and back: ingest, the bulk path beside the store's own, then the snapshot.

    python -m benchmarks.ingest PATH local|neo4j|offline

PATH: a data set that `interlace ingest` reads (the figures in the docs are of ml-1m), or `made:N` for N interactions of
N/10 users with N/50 items. Each store is fresh, in a temporary folder; `neo4j` and `offline` (Neo4j's own importer)
need what `make neo4j` needs. Prints one JSON object: rows a second, seconds of wall, of this process's processor time
(`cpu`) and of the store's (`store_cpu`), the peak memory of this process up to the snapshot, and the load of the
machine before. `bulk` is our bulk path, `raw` the store's own with everything prepared (`benchmarks.raw_paths`): rounds
of both in turn in one server, so that a busy machine weighs on both alike; `share` is the median of raw / bulk seconds.
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
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.raw_paths import labels_of, raw_local, raw_neo4j, renamed
from graph.columns import merge_nodes
from graph.ingest import ingest
from graph.local_server import LocalOptions
from graph.local_store import LocalStore
from graph.neo4j_offline import import_offline
from graph.neo4j_store import Neo4jStore
from graph.schema import Batch, EdgeBatch, NodeBatch
from graph.snapshot_files import content_hash
from graph.snapshot_read import read_snapshot
from graph.sources.batches import Batcher
from graph.sources.detect import open_path
from graph.store import GraphStore, open_store
from tools import neo4j

Answer = TypeVar("Answer")
PLATFORM = "bench"
ROUNDS = 3


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


@dataclass(frozen=True)
class Server:
    """A fresh store, its clock, and how to reach it past ours."""

    store: GraphStore
    timed: Clock
    url: str
    password: str | None = None


@contextmanager
def fresh_server(kind: str, *, heap_mb: int = 1024) -> Iterator[Server]:
    """A store of its own, gone after; `heap_mb` of the Java heap of either."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "local":
            options = LocalOptions(heap_mb=heap_mb, memory_mb=max(4096, 2 * heap_mb + 1024))
            store = open_store(f"local:{folder}/store", local=options)
            yield Server(store, Clock(folder), store.url)
            store.close()
            return
        server = neo4j.Neo4j(Path(folder), neo4j.free_port(), heap_mb=heap_mb)
        pid = server.start()
        try:
            store = open_store(server.uri, user="neo4j", password=server.password)
            yield Server(store, Clock(folder), server.uri, server.password)
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


def made(rows: int, folder: Path) -> Path:
    """A data set of random interactions, as a dataset folder."""
    random = np.random.default_rng(42)
    users, items = max(rows // 10, 1), max(rows // 50, 1)
    folder.mkdir(parents=True)
    table = pa.table(
        {
            "user": pc.binary_join_element_wise("u", pa.array(random.integers(users, size=rows)).cast(pa.string()), ""),
            "item": pc.binary_join_element_wise("i", pa.array(random.integers(items, size=rows)).cast(pa.string()), ""),
            "value": pa.array(random.integers(1, 11, rows) / 2),
            "time": pa.array(random.integers(1_000_000_000, 1_700_000_000, rows)),
        }
    )
    pq.write_table(table, folder / "interactions.parquet")
    return folder


def beside_raw(path: Path, kind: str) -> dict[str, object]:
    """Our bulk path and the store's own, in turn, each round under labels of its own; the first warms up the server."""
    batches = bare_batches(path)
    records = sum(batch.rows.num_rows for batch in batches)
    ours: list[dict[str, float]] = []
    raw: list[dict[str, float]] = []
    with fresh_server(kind) as server:
        for number in range(ROUNDS + 1):
            mine, theirs = renamed(batches, f"_ours{number}"), renamed(batches, f"_raw{number}")
            server.store.ensure_schema(labels_of(mine))
            _, spent = server.timed(lambda mine=mine: server.store.bulk_load(mine))
            ours.append(spent)
            wall, spent = server.timed(lambda theirs=theirs: raw_path(server, theirs))
            raw.append({**spent, "wall": round(wall, 2)})
    ours, raw = ours[1:], raw[1:]
    return {
        "records": records,
        "bulk": {"rounds": ours, "records_per_second": round(records / median(one["wall"] for one in ours))},
        "raw": {"rounds": raw, "records_per_second": round(records / median(one["wall"] for one in raw))},
        "share": round(median(one["wall"] / two["wall"] for one, two in zip(raw, ours, strict=True)), 3),
    }


def raw_path(server: Server, batches: list[Batch]) -> float:
    """Wall seconds of the store's own path (its processor seconds hold the preparation too)."""
    if isinstance(server.store, LocalStore):
        return raw_local(server.store, batches)
    assert isinstance(server.store, Neo4jStore)
    return raw_neo4j(server.store, server.url, server.password, batches)


def offline(path: Path) -> dict[str, object]:
    """Neo4j's own importer, on a home that no server has used."""
    jars = neo4j.fetch_jars()
    admin = ["java", "-Xmx1g", *neo4j.JAVA_OPTIONS, "-cp", f"{jars}/*", "org.neo4j.cli.AdminTool"]
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "neo4j" / "conf").mkdir(parents=True)
        report = import_offline(
            open_path(path, now=time.time()),
            platform=PLATFORM,
            neo4j_home=Path(folder) / "neo4j",
            home=Path(folder) / "home",
            admin=admin,
        )
    records = report.nodes + report.relationships
    return {
        "dataset": path.name,
        "store": "neo4j offline",
        "records": records,
        "seconds": dict(report.seconds),
        "records_per_second": round(records / sum(report.seconds.values())),
        "importer_records_per_second": round(records / report.seconds["importing"]),
        "machine": machine(load),
    }


def machine(load: float) -> dict[str, object]:
    return {"cores": os.cpu_count(), "load_before": round(load, 1), "python": platform.python_version()}


def measure(path: Path, kind: str) -> dict[str, object]:
    load = os.getloadavg()[0]
    with fresh_server(kind) as server, tempfile.TemporaryDirectory() as home:
        store, timed = server.store, server.timed
        options = {"platform": PLATFORM, "home": Path(home)}
        report, first = timed(lambda: ingest(store, path, **options))
        _, again = timed(lambda: ingest(store, path, **options))
        snapshot, read = timed(lambda: read_snapshot(store))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    rows = sum(one.read for one in report.files)
    return {
        "dataset": path.name,
        "store": kind,
        "rows": rows,
        "ingest": {**first, "rows_per_second": round(rows / first["wall"])},
        **beside_raw(path, kind),
        "ingest_again": again,
        "snapshot": {**read, "hash": content_hash(snapshot), "interactions": len(snapshot.interactions)},
        "peak_mb": peak,
        "machine": machine(load),
    }


def main(arguments: list[str]) -> None:
    if len(arguments) != 2 or arguments[1] not in {"local", "neo4j", "offline"}:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        kind, rows = arguments[1], arguments[0].removeprefix("made:")
        path = Path(arguments[0]) if rows == arguments[0] else made(int(rows), Path(folder) / f"made-{rows}")
        print(json.dumps(offline(path) if kind == "offline" else measure(path, kind)))


if __name__ == "__main__":
    main(sys.argv[1:])
