"""How soon a click changes the next answer: `POST /v1/events`, then the recommendations, while others ask and click.

    python -m benchmarks.events --home .interlace --workers 2
    python -m benchmarks.events --home .interlace --store bolt://127.0.0.1:7687

Works beside the home (its index is linked, its store is the one named, or none). `--clients` threads each hide or like
the first item of a random user's list, ask again on a connection of their own, and check that it is gone: `fresh_ms` is
from sending the event to the end of that answer, `stale` counts answers that still showed it. Meanwhile `wrk` asks for
others' recommendations over 8 connections. Then 10,000 events in one call. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import numpy as np

from benchmarks.serve import measure, server, write_script
from serving.index import Index, open_index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--store", default="", help="a graph store that may be written to; default: none")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=15)
    options = parser.parse_args()
    index = open_index(options.home)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        (home / "index").symlink_to((options.home / "index").resolve())
        store = options.store or f"local:{home / 'no-store'}"
        with server(home, workers=options.workers, store=store) as (address, process):
            result = _quiet_and_loaded(address, process, index, options, Path(folder))
            result["bulk"] = _bulk(address, index)
        print(json.dumps({"workers": options.workers, "clients": options.clients, "store": store.partition(":")[0],
                          **result}))  # fmt: skip


def _quiet_and_loaded(
    address: str, process: int, index: Index, options: argparse.Namespace, folder: Path
) -> dict[str, object]:
    quiet = _clicks(address, index, 1, options.seconds)
    script = write_script(options.home, folder, 10, "")
    clicking: dict[str, object] = {}

    def click() -> None:
        clicking.update(_clicks(address, index, options.clients, options.seconds))

    thread = threading.Thread(target=click)
    thread.start()
    others = measure(address, process, script, 8, options.seconds)
    thread.join()
    return {"quiet": quiet, "loaded": clicking, "others": others}


def _clicks(address: str, index: Index, clients: int, seconds: int) -> dict[str, object]:
    """Clients that click and look, for some seconds."""
    found: list[tuple[float, float, bool]] = []
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=_client, args=(address, index, seed, end, found)) for seed in range(clients)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    fresh, posts = (1000 * np.array([row[place] for row in found]) for place in (0, 1))
    return {
        "clicks": len(found),
        "stale": sum(row[2] for row in found),
        "clicks_a_second": round(len(found) / seconds, 1),
        "post_p50_ms": round(float(np.percentile(posts, 50)), 2),
        "post_p99_ms": round(float(np.percentile(posts, 99)), 2),
        "fresh_p50_ms": round(float(np.percentile(fresh, 50)), 2),
        "fresh_p99_ms": round(float(np.percentile(fresh, 99)), 2),
    }


def _client(address: str, index: Index, seed: int, end: float, found: list[tuple[float, float, bool]]) -> None:
    rng = random.Random(seed)  # noqa: S311  no secret
    while time.monotonic() < end:
        user = index.user_ids[rng.randrange(index.num_users)].decode()
        path = f"/v1/users/{quote(user, safe='')}/recommendations?n=10"
        first = _ask(address, "GET", path)["items"]
        if not first:
            continue
        event = {
            "id": str(uuid4()),
            "user": user,
            "item": first[0]["item"]["id"],
            "kind": rng.choice(["hidden", "liked"]),
        }
        begun = time.perf_counter()
        _ask(address, "POST", "/v1/events", {"events": [event]})
        said = time.perf_counter()
        after = _ask(address, "GET", path)["items"]
        stale = event["item"] in {one["item"]["id"] for one in after}
        found.append((time.perf_counter() - begun, said - begun, stale))


def _ask(address: str, method: str, path: str, body: object = None) -> dict[str, list[dict[str, dict[str, str]]]]:
    """On a connection of its own, so that any of the workers may take it."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {data.decode()}")
        found: dict[str, list[dict[str, dict[str, str]]]] = json.loads(data)
        return found
    finally:
        connection.close()


def _bulk(address: str, index: Index) -> dict[str, float]:
    rng = random.Random(1)  # noqa: S311  no secret
    events = [
        {"id": str(uuid4()), "user": index.user_ids[rng.randrange(index.num_users)].decode(),
         "item": index.item_ids[rng.randrange(index.num_items)].decode(), "kind": "viewed", "at": 1_700_000_000 + place}
        for place in range(10_000)
    ]  # fmt: skip
    begun = time.perf_counter()
    _ask(address, "POST", "/v1/events", {"events": events})
    return {"events": len(events), "ms": round(1000 * (time.perf_counter() - begun), 1)}


if __name__ == "__main__":
    main()
