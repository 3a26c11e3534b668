"""Generated graphs for the congruence tests: every label, type, kind and property there is, odd values included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from graph.schema import FRIEND, IS, KIND_TO_TYPE, SAME_AS, Batch, EdgeBatch, NodeBatch

ODD = ["it's", 'q"uote', "back\\slash", "new\nline", "`tick`", "😀", "{$id}", "Ünï", "x" * 300, "null"]


@dataclass(frozen=True)
class Graph:
    """Batches that build it, and what its queries may ask for."""

    batches: list[Batch]
    users: list[str]
    items: list[str]
    genres: list[str]


def generate(seed: int) -> Graph:
    """A graph of some dozens of nodes and some hundreds of relationships, the same for the same seed."""
    random = np.random.default_rng(seed)
    users = [f"m:u{n}" for n in range(15)] + [f"m:{odd}" for odd in ODD[:5]]
    items = [f"m:i{n:02}" for n in range(30)] + [f"m:{odd}" for odd in ODD]
    genres = [f"Genre:{name}" for name in ("Noir", "Comedy", "Sci-Fi", 'Odd "one"')]
    entities = [f"m:e{n}" for n in range(12)]
    batches: list[Batch] = [
        NodeBatch("User", _users(random, users)),
        NodeBatch("Item", _items(random, items)),
        NodeBatch("Genre", pa.table({"id": genres, "name": [genre.partition(":")[2] for genre in genres]})),
        NodeBatch("Entity", pa.table({"id": entities})),
        NodeBatch("Person", pa.table({"id": ["p:1", "p:2"]})),
    ]
    batches += [_interactions(random, kind, users, items) for kind in KIND_TO_TYPE.values()]
    batches += [
        EdgeBatch("HAS_GENRE", "Item", "Genre", _pairs(random, items, genres, 60)),
        EdgeBatch("FILM_ACTOR", "Item", "Entity", _pairs(random, items, entities, 40)),
        EdgeBatch("PART_OF", "Entity", "Entity", _pairs(random, entities, entities, 15)),
        EdgeBatch("SEQUEL_OF", "Item", "Item", _pairs(random, items, items, 15)),
        EdgeBatch(FRIEND, "User", "User", _pairs(random, users, users, 25)),
        EdgeBatch(IS, "User", "Person", _with(_pairs(random, users[:4], ["p:1", "p:2"], 4), "probability", random)),
        EdgeBatch(SAME_AS, "Item", "Item", _with(_pairs(random, items, items, 5), "probability", random)),
    ]
    return Graph(batches, users, items, genres)


def _users(random: np.random.Generator, ids: list[str]) -> pa.Table:
    ages = [None if missing else int(random.integers(10, 80)) for missing in _coin(random, ids)]
    return pa.table({"id": ids, "platform": ["m"] * len(ids), "age": pa.array(ages, pa.int64())})


def _items(random: np.random.Generator, ids: list[str]) -> pa.Table:
    count = len(ids)
    titles = [None if missing else f"Title {random.choice(ODD)} {n}" for n, missing in enumerate(_coin(random, ids))]
    columns: dict[str, Any] = {
        "id": ids,
        "title": pa.array(titles, pa.string()),
        "year": pa.array([None if n % 5 == 0 else 1950 + int(random.integers(70)) for n in range(count)], pa.int64()),
        "score": pa.array([None if n % 4 == 0 else round(float(random.normal()), 3) for n in range(count)]),
        "adult": pa.array([None if n % 7 == 0 else bool(n % 2) for n in range(count)]),
        "tags": pa.array([None if n % 3 == 0 else _tags(random) for n in range(count)]),
    }  # fmt: skip
    return pa.table(columns)


def _tags(random: np.random.Generator) -> list[str]:
    return sorted({f"t{tag}" for tag in random.integers(5, size=3)})


def _interactions(random: np.random.Generator, type_: str, users: list[str], items: list[str]) -> EdgeBatch:
    rows = _pairs(random, users, items, 40)
    count = rows.num_rows
    values = [None if n % 6 == 0 else float(random.integers(1, 11)) / 2 for n in range(count)]
    times = [None if n % 8 == 0 else int(random.integers(1, 10**10)) for n in range(count)]
    rows = rows.append_column("value", pa.array(values, pa.float64()))
    return EdgeBatch(type_, "User", "Item", rows.append_column("at", pa.array(times, pa.int64())))


def _pairs(random: np.random.Generator, heads: list[str], tails: list[str], count: int) -> pa.Table:
    pairs = {(str(random.choice(heads)), str(random.choice(tails))) for _ in range(count)}
    return pa.table({"head": [head for head, _ in sorted(pairs)], "tail": [tail for _, tail in sorted(pairs)]})


def _with(rows: pa.Table, name: str, random: np.random.Generator) -> pa.Table:
    return rows.append_column(name, pa.array(random.random(rows.num_rows)))


def _coin(random: np.random.Generator, ids: list[str]) -> list[bool]:
    return [bool(one) for one in random.random(len(ids)) < 0.3]
