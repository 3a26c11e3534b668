"""A synthetic graph as a dataset folder in Parquet: power laws, seeded, made column by column."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

BEGIN, END = 1_600_000_000, 1_700_000_000
GENRES = 40
RELATIONS = ("DIRECTED_BY", "ACTED_IN_BY", "MADE_IN", "BASED_ON", "PART_OF")


@dataclass(frozen=True)
class Size:
    """How many there are, and which model is fitted."""

    users: int
    items: int
    interactions: int
    triples: int
    seed: int = 42
    model: str = "ials"


def make(folder: Path, size: Size) -> dict[str, int]:
    """Writes users, items, interactions and triples; every user and item that is written takes part."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(size.seed)
    kinds = pa.array(np.array(["movie", "track", "article"], object)[np.arange(size.items) % 3], pa.string())
    years = pa.array(1950 + random.integers(0, 75, size.items))
    genres = _names("g", random.integers(0, GENRES, size.items))
    titles = _names("Item ", np.arange(size.items))
    items = _names("i", np.arange(size.items))
    _save(folder, "items", {"item": items, "title": titles, "kind": kinds, "year": years, "Genre[]": genres})
    ages = pa.array(random.integers(15, 90, size.users))
    _save(folder, "users", {"user": _names("u", np.arange(size.users)), "age": ages})
    _save(folder, "interactions", _acts(random, size.interactions, 0, size))
    heads = power_law(random, size.triples, size.items)
    tails = power_law(random, size.triples, max(1, size.items // 2))
    relation = pa.array(np.array(RELATIONS, object)[random.integers(0, len(RELATIONS), size.triples)], pa.string())
    _save(folder, "triples", {"head": _names("i", heads), "relation": relation, "tail": _names("e", tails)})
    return {"megabytes": sum(one.stat().st_size for one in folder.iterdir()) >> 20}


def make_more(folder: Path, size: Size) -> dict[str, int]:
    """One hundredth more: new interactions, some by new users with new items."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(size.seed + 1)
    items = np.arange(size.items, size.items + max(1, size.items // 1000))
    titles = _names("Item ", items)
    _save(folder, "items", {"item": _names("i", items), "title": titles, "Genre[]": _names("g", items % GENRES)})
    count = max(1, size.interactions // 100)
    _save(folder, "interactions", _acts(random, count, max(1, size.users // 1000), size))
    return {"more_interactions": count}


def _acts(random: np.random.Generator, count: int, newcomers: int, size: Size) -> dict[str, pa.Array]:
    user = power_law(random, count, size.users, exponent=1.7)
    user[: min(count, newcomers)] = size.users + np.arange(newcomers)[:count]
    item = power_law(random, count, size.items)
    value = pa.array(random.integers(1, 11, count) / 2)
    time = pa.array(random.integers(BEGIN, END, count))
    return {"user": _names("u", user), "item": _names("i", item), "value": value, "time": time}


def power_law(random: np.random.Generator, count: int, size: int, exponent: float = 3.0) -> NDArray[np.int64]:
    """Places 0..size-1, some far more often than others, in no order of their numbers."""
    place = (size * random.random(count) ** exponent).astype(np.int64)
    step = next(odd for odd in range(int(size * 0.618) | 1, 4 * size + 3, 2) if np.gcd(odd, size) == 1)
    return (place * step) % size


def _names(prefix: str, numbers: NDArray[np.int64]) -> pa.Array:
    unique, place = np.unique(numbers, return_inverse=True)
    texts = pa.array([f"{prefix}{number}" for number in unique.tolist()], pa.string())
    return texts.take(pa.array(place))


def _save(folder: Path, name: str, columns: dict[str, pa.Array]) -> None:
    pq.write_table(pa.table(columns), folder / f"{name}.parquet", compression="zstd")
