"""The server under load, on one home after the other: latency, requests a second, CPU, memory and time to ready.

    python -m benchmarks.live home --home .interlace                 # a home that is there, such as the demo's
    python -m benchmarks.live data --data FOLDER --model ials        # a dataset folder (`benchmarks.convert`), fitted
    python -m benchmarks.live large --users 1000000 --items 200000 --folder /var/tmp/large

`large` draws, fits and publishes a synthetic home once and keeps it in the folder (`benchmarks.large_home`). Each
scenario is asked by `wrk` with random users at 1, 8 and 32 connections: the plain answer; the commonest kind with
diversity; users who all have events that the index has not (fold-in), plain and with kind and diversity; reasons (where
the home has a graph store). CPU is the worker's own, before and after (psutil); memory its resident and proportional
set sizes after the load. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil

from benchmarks.large_home import LargeSize, large_home
from benchmarks.scale import anonymous_mb, proportional_mb
from benchmarks.serve import measure, published, server, write_script, wrk
from serving.index import Index, open_index

MOVED = 2_000
"""Users who get events, and who alone are asked then."""
EVENTS_EACH = 3


@dataclass(frozen=True)
class Scenario:
    """What is asked of whom: further query; `users`, where they are not all."""

    name: str
    query: str
    users: Sequence[str] = ()


def scenarios(index: Index, address: str, *, reasons: bool) -> Iterator[Scenario]:
    """What is asked, in order; events are sent before those that are about them."""
    filtered = f"&kind={commonest(index)}&diversity=0.3"
    yield Scenario("plain", "")
    yield Scenario("kind and diversity", filtered)
    if reasons:
        yield Scenario("reasons", "&explain=true")
    moved = send_events(index, address)
    yield Scenario("recent events", "", moved)
    yield Scenario("recent events, kind and diversity", filtered, moved)


def commonest(index: Index) -> str:
    """The kind that most items have."""
    return index.kinds[int(np.bincount(np.asarray(index.item_kind)).argmax())]


def send_events(index: Index, address: str) -> list[str]:
    """Likings of items that random users with a history have not met; their ids."""
    chance, now = random.Random(42), int(time.time())  # noqa: S311 - a benchmark
    active = np.flatnonzero(np.diff(index.known.indptr) > 0).tolist()
    places = chance.sample(active, min(MOVED, len(active)))
    rows = [
        {
            "id": f"bench-{place}-{number}",
            "user": index.user_ids[place].decode(),
            "item": index.item_ids[chance.randrange(index.num_items)].decode(),
            "kind": "liked",
            "at": now,
        }
        for place in places
        for number in range(EVENTS_EACH)
    ]
    httpx.post(f"{address}/v1/events", json={"events": rows}, timeout=60).raise_for_status()
    return [index.user_ids[place].decode() for place in places]


def run(home: Path, options: argparse.Namespace) -> None:
    index = open_index(home)
    size = {"users": index.num_users, "items": index.num_items, "model": index.model.name}
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        with server(home, workers=options.workers) as (address, process):
            ready = time.perf_counter() - begun
            print(json.dumps({**size, "ready_s": round(ready, 2), **memory(process), "load": load()}), flush=True)
            for one in scenarios(index, address, reasons=options.reasons):
                script = write_script(home, Path(folder), options.n, one.query, one.users)
                wrk(address, script, 2, options.warm_up)
                for connections in options.connections:
                    found = measure(address, process, script, connections, options.seconds)
                    print(json.dumps({"asked": one.name, "connections": connections, **found, **memory(process),
                                      "load": load()}), flush=True)  # fmt: skip


def memory(process: int) -> dict[str, int]:
    """MB of a worker: resident; proportional (a page that n processes map counts an n-th); what nobody else maps just
    now, pages of the index among it; and what is in no file, which alone cannot be dropped and read again.
    """
    own = psutil.Process(process).memory_full_info().uss >> 20
    return {
        "anonymous_mb": anonymous_mb(process),
        "rss_mb": psutil.Process(process).memory_info().rss >> 20,
        "pss_mb": proportional_mb(process),
        "own_mb": own,
    }


def load() -> float:
    return round(os.getloadavg()[0], 1)


def home_of(options: argparse.Namespace, temporary: Path) -> Path:
    """The home that is measured, made where it is not there."""
    if options.what == "home":
        return Path(options.home)
    if options.what == "large":
        size = LargeSize(options.users, options.items, options.per_user, options.dim)
        return large_home(options.folder or temporary, size, lambda text: print(f"  {text}", file=sys.stderr))
    return published(options.data, options.folder or temporary, options.model)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("home", "data", "large"))
    parser.add_argument("--home", type=Path, help="of `home`")
    parser.add_argument("--data", type=Path, help="of `data`: a dataset folder")
    parser.add_argument("--model", default="ials", help="of `data`: which model is fitted")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--per-user", type=int, default=20)
    parser.add_argument("--dim", type=int, default=0, help="of `large`: numbers of each item's text vector; 0: none")
    parser.add_argument("--folder", type=Path, help="where the home is kept; a temporary folder when not given")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--warm-up", type=int, default=2, help="seconds that each scenario is asked for before")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-n", type=int, default=10)
    parser.add_argument("--reasons", action="store_true", help="ask for reasons too: the home has a graph store")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as temporary:
        run(home_of(options, Path(temporary)), options)


if __name__ == "__main__":
    main()
