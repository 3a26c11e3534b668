"""Reading a graph as a snapshot beside a plain driver loop, and again after one hundredth more, on either store.

    python -m benchmarks.snapshot local --interactions 1000000
    python -m benchmarks.snapshot neo4j --interactions 1000000

A synthetic graph (`benchmarks.synthetic`) in a fresh store. `loop`: every relationship row by row through the official
driver, interactions and triples, their columns into Python lists, as a script would. `full`: `take_snapshot` of
everything, users and items with their properties too, kept on disk. `more`: the same after 1% new interactions were
ingested. Prints one JSON object; seconds by the clock and of the processors.
`neo4j` needs what `make neo4j` needs.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.ingest import fresh_server
from benchmarks.synthetic import Size, make, make_more
from graph.bolt import BoltStore
from graph.ingest import ingest
from graph.queries_snapshot import all_ids
from graph.snapshot_files import content_hash
from graph.snapshot_fresh import take_snapshot
from graph.snapshot_store import read_snapshot

PLATFORM = "synthetic"
HEADS_A_QUERY = 100_000
"""The loop asks for so many users or items at once: the local server ends a query that takes two minutes."""
INTERACTIONS = (
    "MATCH (u:User)-[r:RATED]->(i:Item) WHERE u.id > $after AND u.id <= $upto "
    "RETURN u.id AS head, i.id AS tail, r.value AS value, r.at AS at"
)
TRIPLES = (
    "MATCH (i:Item)-[r]->(e) WHERE i.id > $after AND i.id <= $upto "
    "RETURN i.id AS head, e.id AS tail, type(r) AS relation, labels(e)[0] AS label"
)


def driver_loop(store: BoltStore, ranges: dict[str, list[tuple[str, str]]]) -> int:
    """What the documentation of the driver shows: run, then a loop over the records."""
    rows = 0
    with store._driver.session(database=store._database) as session:  # noqa: SLF001 - the driver, bare
        for text, label in ((INTERACTIONS, "User"), (TRIPLES, "Item")):
            columns: dict[str, list[Any]] = {}
            for after, upto in ranges[label]:
                result = session.run(text, after=after, upto=upto)
                columns = columns or {name: [] for name in result.keys()}  # noqa: SIM118 - a result is no dict
                for record in result:
                    for name, values in columns.items():
                        values.append(record[name])
            rows += len(columns["head"])
    return rows


def head_ranges(store: BoltStore, label: str) -> list[tuple[str, str]]:
    """`after < id <= upto` for `HEADS_A_QUERY` nodes each."""
    ids = sorted(row[0] for row in store.query(all_ids(label)).rows)
    ends = [*ids[HEADS_A_QUERY - 1 : -1 : HEADS_A_QUERY], ids[-1]]
    return list(pairwise(["", *ends]))


def measure(kind: str, size: Size, heap_mb: int) -> dict[str, Any]:
    load = os.getloadavg()[0]
    with fresh_server(kind, heap_mb=heap_mb) as server, tempfile.TemporaryDirectory() as name:
        store, timed = server.store, server.timed
        folder = Path(name)
        make(folder / "data", size)
        make_more(folder / "more", size)
        options: dict[str, Any] = {"platform": PLATFORM, "home": folder}
        ingest(store, folder / "data", **options)
        assert isinstance(store, BoltStore)
        ranges = {label: head_ranges(store, label) for label in ("User", "Item")}
        rows, loop = timed(lambda: driver_loop(store, ranges))
        taken, full = timed(lambda: take_snapshot(store, folder, full=True))
        _, unchanged = timed(lambda: take_snapshot(store, folder))
        report = ingest(store, folder / "more", **options)
        after, more = timed(lambda: take_snapshot(store, folder))
        same = after.hash == content_hash(read_snapshot(store))
    return {
        "store": kind,
        "relationships": rows,
        "loop": loop,
        "full": {**full, "read": taken.how},
        "unchanged": unchanged,
        "more": {**more, "read": after.how, "new": report.relationships, "same_as_full": same},
        "full_of_loop": _share(full, loop),
        "more_of_full": _share(more, full),
        "machine": {"cores": os.cpu_count(), "load_before": round(load, 1)},
    }


def _share(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """By the clock, and of all processor time."""
    processors = (one["cpu"] + one["store_cpu"]) / (other["cpu"] + other["store_cpu"])
    return {"wall": round(one["wall"] / other["wall"], 3), "cpu": round(processors, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", choices=("local", "neo4j"))
    parser.add_argument("--interactions", type=int, default=200_000)
    parser.add_argument("--heap-mb", type=int, default=1024, help="Java heap of the store: 4096 for 10,000,000")
    options = parser.parse_args()
    count = options.interactions
    size = Size(max(50, count // 10), max(50, count // 50), count, count // 5)
    print(json.dumps(measure(options.store, size, options.heap_mb)))


if __name__ == "__main__":
    main()
