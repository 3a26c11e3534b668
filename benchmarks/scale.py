"""A large synthetic graph through everything: ingest, snapshot, 1% more, a model, the index, requests.

    python -m benchmarks.scale --users 1000000 --items 200000 --interactions 10000000 --triples 2000000
    python -m benchmarks.scale --fraction 0.05                 # a twentieth of that

Every stage is a process of its own, as every command is. Prints one JSON object a stage: `seconds` by the clock, `cpu`
and `store_cpu` of the processors (on a busy machine these alone say anything), and the peak memory in MB of that stage
with its children and the store's process (proportional set size, so shared pages count once; Linux). Popularity of
items and activity of users follow power laws; the same `--seed` gives the same graph.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil

from benchmarks.synthetic import Size, make, make_more
from graph.local_server import LocalOptions
from graph.local_store import LocalStore
from graph.store import GraphStore

PLATFORM = "synthetic"
SAMPLE_SECONDS = 0.5
STAGES = ("make", "ingest", "snapshot", "more", "again", "full", "fit", "serve")


@dataclass(frozen=True)
class Place:
    """Where a run works and how much memory its store may take."""

    folder: Path
    options: LocalOptions

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def store(self) -> GraphStore:
        return LocalStore.open(self.home / "store", options=self.options)


def ingest_stage(place: Place, _size: Size) -> dict[str, Any]:
    from graph.ingest import ingest

    store = place.store()
    report = ingest(store, place.folder / "data", platform=PLATFORM, home=place.home)
    store.close()
    rows = report.nodes + report.relationships
    return {"nodes": report.nodes, "relationships": report.relationships, "a_second": round(rows / report.seconds)}


def more_stage(place: Place, _size: Size) -> dict[str, Any]:
    from graph.ingest import ingest

    store = place.store()
    report = ingest(store, place.folder / "more", platform=PLATFORM, home=place.home)
    store.close()
    return {"nodes": report.nodes, "relationships": report.relationships}


def snapshot_stage(place: Place, _size: Size, *, full: bool = False) -> dict[str, Any]:
    from graph.snapshot_fresh import take_snapshot

    store = place.store()
    started = time.perf_counter()
    taken = take_snapshot(store, place.home, full=full)
    seconds = time.perf_counter() - started
    store.close()
    (place.folder / "hash").write_text(taken.hash, encoding="ascii")
    counts = {"users": len(taken.snapshot.users), "items": len(taken.snapshot.items)}
    counts |= {"interactions": len(taken.snapshot.interactions), "triples": len(taken.snapshot.triples)}
    return {"read": taken.how, "why": taken.why, "taking": round(seconds, 2), "hash": taken.hash[:12], **counts}


def fit_stage(place: Place, size: Size) -> dict[str, Any]:
    from graph.snapshot_files import load
    from serving.index import ModelInfo
    from serving.publish import publish
    from training.fitted import everything
    from training.zoo import find

    digest = (place.folder / "hash").read_text(encoding="ascii")
    snapshot = load(place.home / "snapshots" / digest)
    training = everything(snapshot, None)
    started = time.perf_counter()
    model = find(size.model).build().fit(training)
    fitted = time.perf_counter() - started
    folder = publish(
        snapshot,
        model,
        home=place.home,
        model=ModelInfo(size.model, "0"),
        snapshot_hash=digest,
        histories=training.histories,
        progress=lambda text: print(f"  {time.perf_counter() - started:.1f} s: {text}", file=sys.stderr),
    )
    megabytes = sum(one.stat().st_size for one in folder.iterdir()) >> 20
    return {"model": size.model, "fit": round(fitted, 1), "index_mb": megabytes}


def serve_stage(place: Place, _size: Size) -> dict[str, Any]:
    import httpx

    from benchmarks.serve import server
    from serving.index import open_index

    index = open_index(place.home)
    step = max(1, index.num_users // 200)
    users = [index.user_ids[place].decode() for place in range(0, index.num_users, step)]
    items = [index.item_ids[place].decode() for place in range(0, index.num_items, max(1, index.num_items // 50))]
    with server(place.home) as (address, _), httpx.Client(base_url=f"{address}/v1", timeout=60) as client:
        first = _timed(client.get, f"/users/{users[0]}/recommendations")
        recommended = [_timed(client.get, f"/users/{user}/recommendations") for user in users]
        similar = [_timed(client.get, f"/items/{item}/similar", params={"modality": "crowd"}) for item in items]
        searched = [_timed(client.get, "/items", params={"query": f"item {number}"}) for number in range(0, 90, 9)]
    return {
        "first_ms": first,
        "recommendations_ms": _quantiles(recommended),
        "similar_ms": _quantiles(similar),
        "search_ms": _quantiles(searched),
    }


def _timed(ask: Callable[..., Any], *arguments: Any, **options: Any) -> float:
    started = time.perf_counter()
    ask(*arguments, **options).raise_for_status()
    return round(1000 * (time.perf_counter() - started), 1)


def _quantiles(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {"p50": ordered[len(ordered) // 2], "max": ordered[-1], "requests": len(ordered)}


def make_stage(place: Place, size: Size) -> dict[str, Any]:
    return {**make(place.folder / "data", size), **make_more(place.folder / "more", size)}


RUN: dict[str, Callable[[Place, Size], dict[str, Any]]] = {
    "make": make_stage,
    "ingest": ingest_stage,
    "snapshot": snapshot_stage,
    "more": more_stage,
    "again": snapshot_stage,
    "full": lambda place, size: snapshot_stage(place, size, full=True),
    "fit": fit_stage,
    "serve": serve_stage,
}


class Peak:
    """Samples the memory of a process, its children and the store's server, until it is stopped."""

    def __init__(self, pid: int, state: Path) -> None:
        self._pid, self._state = pid, state
        self._over = Event()
        self.all_mb = self.store_mb = 0
        self.store_cpu = 0.0
        self._thread = Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            server = _server(self._state)
            store = proportional_mb(server)
            self.store_cpu = max(self.store_cpu, _cpu(server))
            self.store_mb = max(self.store_mb, store)
            self.all_mb = max(self.all_mb, store + sum(map(proportional_mb, _family(self._pid))))


def _server(state: Path) -> int:
    """Process of the local store that this file announces; -1 when none runs."""
    try:
        return int(json.loads(state.read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError):
        return -1


def _cpu(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except (psutil.Error, ValueError):
        return 0.0
    return float(times.user + times.system)


def _family(pid: int) -> list[int]:
    try:
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def proportional_mb(pid: int) -> int:
    """Memory of a process in which a page that n processes share counts an n-th; 0 for one that is gone."""
    return _rolled_up_mb(pid, "Pss:")


def anonymous_mb(pid: int) -> int:
    """Its memory that is of no file; 0 for one that is gone."""
    return _rolled_up_mb(pid, "Anonymous:")


def _rolled_up_mb(pid: int, line: str) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    found = (one.split()[1] for one in text.splitlines() if one.startswith(line))
    return int(next(found, "0")) >> 10


def run_stage(name: str, arguments: list[str], folder: Path) -> dict[str, Any]:
    """One stage in a process of its own."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "benchmarks.scale", *arguments, "--folder", str(folder), "--stage", name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = Peak(process.pid, folder / "home" / "store" / "server.json")
    assert process.stdout is not None
    output = process.stdout.read()
    code = process.wait()
    peak.stop()
    if code:
        sys.exit(f"stage {name} ended with {code}")
    said = json.loads(output.splitlines()[-1])
    seconds, after = round(time.perf_counter() - started, 1), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)
    spent = {"seconds": seconds, "cpu": cpu, "store_cpu": round(peak.store_cpu, 1)}
    return {"stage": name, **spent, "peak_mb": peak.all_mb, "store_mb": peak.store_mb, **said}


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, number in (
        ("users", 1_000_000),
        ("items", 200_000),
        ("interactions", 10_000_000),
        ("triples", 2_000_000),
    ):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--fraction", type=float, default=1.0, help="of all four")
    parser.add_argument("--model", default="ials")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--heap-mb", type=int, default=3072, help="Java heap of the local store")
    parser.add_argument("--memory-mb", type=int, default=6144, help="most memory of the local store")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder when not given")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    options = options_of(arguments)
    numbers = (
        round(getattr(options, name) * options.fraction) for name in ("users", "items", "interactions", "triples")
    )
    size = Size(*numbers, seed=options.seed, model=options.model)
    if options.stage:
        place = Place(options.folder, LocalOptions(heap_mb=options.heap_mb, memory_mb=options.memory_mb))
        print(json.dumps(RUN[options.stage](place, size)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        load = os.getloadavg()[0]
        print(json.dumps({"size": vars(size), "cores": os.cpu_count(), "load_before": round(load, 1)}), flush=True)
        for name in options.stages:
            print(json.dumps(run_stage(name, arguments, folder)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
