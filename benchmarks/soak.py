"""Whether a server's memory grows: a long mix of requests against a real process, its resident size before and after.

    python -m benchmarks.soak --requests 100000

A small synthetic graph is ingested into a local store, a model fitted and published; while requests go on the index is
published again, by another model in turn. Recommendations (with and without reasons), similar items, items, users,
search, neighbourhoods in the graph, Cypher and errors, by several clients at once. Prints one JSON object: resident MB
after the warm-up (a tenth of the requests) and at the end, answers by status. Exit code 1 when it grew by more than
`--most` (0.05), or when an answer was a failure of the server.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks.serve import server
from benchmarks.synthetic import Size, make
from graph.ingest import ingest
from graph.snapshot import Snapshot
from graph.snapshot_fresh import take_snapshot
from graph.store import open_store

SIZE = Size(users=2_000, items=1_000, interactions=40_000, triples=4_000)
MODELS = ("popularity", "item-knn")
CLIENTS = 4
SWITCHES = 10
READS = (
    "MATCH (u:User {id: $id})-[r]->(i:Item) RETURN i.id AS item, r.value AS value ORDER BY item LIMIT 5",
    "MATCH (i:Item) RETURN i.kind AS kind, count(*) AS items ORDER BY kind",
    "MATCH (u:User {id: $id}) DETACH DELETE u",
    "MATCH (u:User {id: $id RETURN u",
)
"""The last two are refused."""


@dataclass(frozen=True)
class Names:
    """Ids to ask for."""

    users: Sequence[str]
    items: Sequence[str]

    def request(self, random: Random) -> tuple[str, str, dict[str, Any]]:
        """A method, a path and what goes with them."""
        user, item = quote(random.choice(self.users), safe=""), quote(random.choice(self.items), safe="")
        ways: list[tuple[int, Callable[[], tuple[str, dict[str, Any]]]]] = [
            (30, lambda: (f"/users/{user}/recommendations", {"n": random.choice((1, 10, 50))})),
            (6, lambda: (f"/users/{user}/recommendations", {"n": 5, "explain": "true"})),
            (4, lambda: (f"/users/{user}/recommendations", {"n": 300, "kind": "movie"})),
            (14, lambda: (f"/items/{item}/similar", {"modality": random.choice(("graph", "crowd"))})),
            (8, lambda: ("/items", {"query": f"item {random.randrange(SIZE.items)}", "limit": 20})),
            (6, lambda: ("/users", {"query": f"u{random.randrange(SIZE.users)}"})),
            (8, lambda: (f"/items/{item}", {})),
            (6, lambda: (f"/users/{user}", {})),
            (6, lambda: (f"/graph/Item/{item}", {})),
            (2, lambda: (f"/users/nobody{random.random()}/recommendations", {})),
            (2, lambda: (f"/users/{user}/recommendations", {"n": "many"})),
            (2, lambda: (f"/items/{item}/similar", {"modality": f"smell{random.random()}"})),
            (1, lambda: ("/nowhere", {})),
            (2, lambda: ("/health", {})),
        ]
        if random.random() < 0.03:
            body = {"query": random.choice(READS), "parameters": {"id": random.choice(self.users)}}
            return "POST", "/cypher", {"json": body}
        path, parameters = random.choices([way for _, way in ways], [weight for weight, _ in ways])[0]()
        return "GET", path, {"params": parameters}


class Publisher:
    """Publishes one model's index after the other's."""

    def __init__(self, home: Path, snapshot: Snapshot, digest: str) -> None:
        from training.fitted import everything
        from training.zoo import find

        self._home, self._snapshot, self._digest, self._next = home, snapshot, digest, 0
        self._training = everything(snapshot, None)
        self._models = [find(name).build().fit(self._training) for name in MODELS]

    def publish(self) -> None:
        from serving.index import ModelInfo
        from serving.publish import publish

        turn = self._next % len(MODELS)
        self._next += 1
        publish(
            self._snapshot,
            self._models[turn],
            home=self._home,
            model=ModelInfo(MODELS[turn], str(self._next)),
            snapshot_hash=self._digest,
            histories=self._training.histories,
        )


def prepare(folder: Path) -> tuple[Publisher, Names]:
    """Data, graph, models and the first index."""
    make(folder / "data", SIZE)
    home = folder / "home"
    store = open_store(f"local:{home / 'store'}")
    ingest(store, folder / "data", platform="soak", home=home)
    taken = take_snapshot(store, home)
    store.close()
    publisher = Publisher(home, taken.snapshot, taken.hash)
    publisher.publish()
    return publisher, Names(taken.snapshot.users.ids, taken.snapshot.items.ids)


def ask(address: str, names: Names, count: int, seed: int) -> Counter[int]:
    """So many requests by one client; answers by status."""
    random, found = Random(seed), Counter[int]()  # noqa: S311 - a mix, no secret
    with httpx.Client(base_url=f"{address}/v1", timeout=120) as client:
        for _ in range(count):
            method, path, options = names.request(random)
            found[client.request(method, path, **options).status_code] += 1
    return found


def spell(address: str, names: Names, count: int, seed: int) -> Counter[int]:
    """So many requests by all clients at once."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        parts = pool.map(lambda client: ask(address, names, count // CLIENTS, seed * CLIENTS + client), range(CLIENTS))
        return sum(parts, Counter[int]())


def resident_mb(pid: int) -> dict[str, float]:
    """Resident size, and the part of it that is no file's."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Rss")}
    return {"all": round(sum(sizes.values()), 1), "anonymous": round(sizes["RssAnon"], 1)}


def measure(requests: int) -> dict[str, Any]:
    """The whole run."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        publisher, names = prepare(Path(folder))
        with server(Path(folder) / "home") as (address, pid):
            started, answers = time.perf_counter(), Counter[int]()
            part = max(CLIENTS, requests // SWITCHES)
            courses = []
            for turn in range(SWITCHES):
                publisher.publish()
                answers += spell(address, names, part, turn)
                courses.append(resident_mb(pid))
                print(json.dumps({"requests": (turn + 1) * part, "resident_mb": courses[-1]}), file=sys.stderr)
            seconds = time.perf_counter() - started
    warm, end = courses[0], courses[-1]
    return {
        "requests": sum(answers.values()),
        "answers": {str(status): count for status, count in sorted(answers.items())},
        "index_switches": SWITCHES,
        "warm_mb": warm,
        "end_mb": end,
        "grown": round(end["all"] / warm["all"] - 1, 4),
        "requests_a_second": round(sum(answers.values()) / seconds, 1),
        "machine": {"cores": os.cpu_count(), "load_before": round(load, 1)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--most", type=float, default=0.05, help="growth that is still allowed")
    options = parser.parse_args()
    result = measure(options.requests)
    print(json.dumps(result))
    failed = [status for status in result["answers"] if status.startswith("5") and status != "501"]
    if result["grown"] > options.most or failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
