"""Exact against approximate search by vectors: recall@100, milliseconds a query, memory, and what filters do.

    python -m benchmarks.search --vectors 1000000 --dim 384
    python -m benchmarks.search --vectors 1000000 --like .interlace     # mixtures of that home's texts, with noise

Vectors are drawn in clusters whose clouds have few dimensions, as embeddings have it; `--like` draws each as a mixture
of two of a home's own vectors with noise. Queries are new draws, not in the catalogue. Both searches are
`serving.search.search` in one thread. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.large_home import clustered_vectors
from serving.approximate import Approximate, open_approximate
from serving.index import Index, Vectors, open_index
from serving.index_files import map_array, map_blobs, write_array, write_blobs
from serving.live import Live
from serving.publish_approximate import write_vector_codes
from serving.search import Wanted, search

Floats = NDArray[np.float32]
QUERIES = 200
KINDS = ("movie", "track", "article", "rare")
SHARES = (0.7, 0.25, 0.0495, 0.0005)


def draw(count: int, dim: int, like: Path | None) -> Floats:
    """Unit vectors; the last `QUERIES` are the queries."""
    random = np.random.default_rng(42)
    if like is None:
        return clustered_vectors(random, random.integers(0, max(4, count // 400), count), dim)
    table = open_index(like).vectors["text"]
    base = table.unit[table.present]
    found = np.empty((count, base.shape[1]), np.float32)
    for start in range(0, count, 1 << 16):
        size = len(found[start : start + (1 << 16)])
        share = random.random((size, 1), np.float32)
        rows = (
            share * base[random.integers(0, len(base), size)] + (1 - share) * base[random.integers(0, len(base), size)]
        )
        rows += random.standard_normal(rows.shape, np.float32) * np.float32(0.2 / rows.shape[1] ** 0.5)
        found[start : start + size] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found


def catalogue(folder: Path, count: int) -> Index:
    """An index of this many items that has ids, cards and kinds, and nothing else."""
    from benchmarks.write_back import random_index

    kinds = np.random.default_rng(7).choice(len(KINDS), count, p=SHARES).astype(np.int16)
    small = random_index(folder, 10, 1_000)
    write_blobs(folder, "ids", (b"b:i%07d" % place for place in range(count)))
    write_blobs(
        folder,
        "cards",
        (b'{"id":"b:i%07d","kind":"%b","year":2000,"attributes":{}}' % (place, KINDS[kind].encode())
         for place, kind in enumerate(kinds.tolist())),
    )  # fmt: skip
    ids, cards = map_blobs(folder, "ids"), map_blobs(folder, "cards")
    return replace(small, item_ids=ids, item_cards=cards, item_kind=kinds, kinds=KINDS)


def run(count: int, dim: int, like: Path | None, folder: Path) -> dict[str, Any]:
    vectors = draw(count + QUERIES, dim, like)
    queries = vectors[count:].copy()
    write_array(folder, "unit", vectors[:count])
    del vectors
    table = Vectors(map_array(folder, "unit"), np.ones(count, np.bool_))
    started = time.perf_counter()
    entry = write_vector_codes(folder, "text", table)
    built = time.perf_counter() - started
    index = replace(catalogue(folder, count), vectors={"text": table}, approximate=Approximate())
    exact = Live(index)
    quick = Live(replace(index, approximate=open_approximate(folder, {"scores": None, "vectors": {"text": entry}})))
    figures = {
        name: compared(exact, quick, queries, wanted, 10 if wanted else 100)
        for name, wanted in (
            ("plain", None), ("article", Wanted(kind="article")), ("rare", Wanted(kind="rare")),
        )
    }  # fmt: skip
    files = {name: (folder / name).stat().st_size >> 20 for name in ("unit.npy", "search.vectors.text.faiss")}
    return {"vectors": count, "dim": table.unit.shape[1], "like": "a home's text vectors" if like else "clusters",
            "build_s": round(built, 1), "chosen": entry, "mb": files, **figures}  # fmt: skip


def compared(exact: Live, quick: Live, queries: Floats, wanted: Wanted | None, n: int) -> dict[str, Any]:
    """Recall of the first n, and milliseconds by the clock of both."""
    some = queries[: 20 if wanted else QUERIES]
    right, slow = timed(lambda query: search(exact, [("text", query)], n, wanted=wanted)[0], some[: len(some) // 2])
    timed(lambda query: search(quick, [("text", query)], n, wanted=wanted)[0], some[:5])
    found, fast = timed(lambda query: search(quick, [("text", query)], n, wanted=wanted)[0], some)
    recall = [np.isin(one, two).mean() for one, two in zip(right, found, strict=False)]
    return {f"recall@{n}": round(float(np.mean(recall)), 4), "worst": round(float(np.min(recall)), 3),
            "exact_ms": round(slow, 2), "approximate_ms": round(fast, 2), "times": round(slow / fast, 1),
            "fewest": min(map(len, found))}  # fmt: skip


def timed(ask: Callable[[Floats], Any], queries: Floats) -> tuple[list[Any], float]:
    """Answers, and the median of the milliseconds that each took."""
    answers, spent = [], []
    for query in queries:
        started = time.perf_counter()
        answers.append(ask(query))
        spent.append(time.perf_counter() - started)
    return answers, 1000 * float(np.median(spent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--like", type=Path, help="a home with text vectors")
    parser.add_argument("--folder", type=Path, help="where files go; a temporary folder when not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        load = round(os.getloadavg()[0], 1)
        print(json.dumps({**run(options.vectors, options.dim, options.like, folder), "load_before": load}))


if __name__ == "__main__":
    main()
