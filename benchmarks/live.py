"""The server under load, on one home after the other: latency, requests a second, CPU, memory and time to ready.

    python -m benchmarks.live home --home .interlace                 # a home that is there, such as the demo's
    python -m benchmarks.live data --data FOLDER --model ials        # a dataset folder (`benchmarks.convert`), fitted
    python -m benchmarks.live large --users 1000000 --items 200000 --folder /var/tmp/large

`large` draws, fits and publishes a synthetic home once and keeps it in the folder (`benchmarks.large_home`). Each
scenario is asked by `wrk` with random users at 1, 8 and 32 connections: the plain answer; the commonest kind with
diversity; reasons (where the home has a graph store), again and again, or each once; users who all have events that the
index has not (fold-in), plain and with kind and diversity, again and again, or each once after new events. CPU is the
worker's own, before and after (psutil); memory its resident and proportional set sizes after the load. Prints one JSON
object a line.
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
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from benchmarks.large_home import LargeSize, large_home
from benchmarks.scale import anonymous_mb, proportional_mb
from benchmarks.serve import measure, published, server, write_script, wrk
from serving.index import Index, open_index

MOVED = 2_000
"""Users who get events, and who alone are asked then, again and again."""
FIRST = 10_000
"""Users who get events before each run, and are asked one after the other: each answer is the first after an event."""
EVENTS_EACH = 3
CALL = 9_000
"""Events a call."""


@dataclass(frozen=True)
class Scenario:
    """What is asked of whom: further query; so many `users` who all have recent events, where they are not all;
    `in_turn`: each of them once, with new events before each run where they have any.
    """

    name: str
    query: str
    users: int = 0
    in_turn: bool = False


def scenarios(index: Index, *, reasons: bool) -> Iterator[Scenario]:
    """What is asked, in order."""
    filtered = f"&kind={commonest(index)}&diversity=0.3"
    yield Scenario("plain", "")
    yield Scenario("kind and diversity", filtered)
    if reasons:
        yield Scenario("reasons", "&explain=true")
        yield Scenario("first reasons", "&explain=true", in_turn=True)
    yield Scenario("recent events", "", MOVED)
    yield Scenario("recent events, kind and diversity", filtered, MOVED)
    yield Scenario("first answer after events", "", FIRST, in_turn=True)
    yield Scenario("first answer after events, kind and diversity", filtered, FIRST, in_turn=True)


def commonest(index: Index) -> str:
    """The kind that most items have."""
    return index.kinds[int(np.bincount(np.asarray(index.item_kind)).argmax())]


def send_events(index: Index, address: str, users: int) -> list[str]:
    """Likings of random items by so many random users with a history; the users' ids."""
    chance, now = random.Random(42), int(time.time())  # noqa: S311 - a benchmark
    active = np.flatnonzero(np.diff(index.known.indptr) > 0).tolist()
    asked = [index.user_ids[place].decode() for place in chance.sample(active, min(users, len(active)))]
    rows = [
        {
            "id": uuid.uuid4().hex,
            "user": user,
            "item": index.item_ids[chance.randrange(index.num_items)].decode(),
            "kind": "liked",
            "at": now,
        }
        for user in asked
        for _ in range(EVENTS_EACH)
    ]
    for start in range(0, len(rows), CALL):
        call = {"events": rows[start : start + CALL]}
        httpx.post(f"{address}/v1/events", json=call, timeout=60).raise_for_status()
    return asked


def run(home: Path, options: argparse.Namespace) -> None:
    index = open_index(home)
    size = {"users": index.num_users, "items": index.num_items, "model": index.model.name}
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        with server(home, workers=options.workers) as (address, process):
            ready = time.perf_counter() - begun
            print(json.dumps({**size, "ready_s": round(ready, 2), **memory(process), "load": load()}), flush=True)
            whom = Asked(index, home, address, process, Path(folder))
            for one in scenarios(index, reasons=options.reasons):
                for connections in options.connections:
                    found = whom.run(one, connections, options)
                    print(json.dumps({"asked": one.name, "connections": connections, **found, **memory(process),
                                      "load": load()}), flush=True)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """Whom the questions go to: a server of this home, its address and process."""

    index: Index
    home: Path
    address: str
    process: int
    folder: Path

    def run(self, one: Scenario, connections: int, options: argparse.Namespace) -> dict[str, Any]:
        """One run. What is asked in turn was not asked before: there are new events, or the server forgets."""
        users = send_events(self.index, self.address, one.users) if one.users else []
        script = write_script(self.home, self.folder, options.n, one.query, users, in_turn=one.in_turn)
        seconds = options.seconds
        if not one.in_turn:
            wrk(self.address, script, connections, options.warm_up)
        elif not users:
            forget(self.address)
            seconds = max(1, seconds // 2)  # of a small home everybody would be asked again
        return measure(self.address, self.process, script, connections, seconds)


def forget(address: str) -> None:
    """A user is put: what was answered on the catalogue before is not taken from memory any more."""
    httpx.put(f"{address}/v1/users/benchmark%3Avisitor", json={}, timeout=60).raise_for_status()


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
