"""A catalogue that every filter and rule has something to do with: prices, stock, countries, ages, dates, authors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from graph.schema import KINDS
from graph.snapshot import EmbeddingTable, IdMap, Interactions, Snapshot, Triples

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
USERS, ITEMS, GROUPS = 60, 400, 20
BRANDS = tuple(f"Brand:Brand:B{number}" for number in range(12))
CATEGORIES = tuple(f"Category:Category:C{number}" for number in range(6))
ENTITIES = tuple(sorted((*BRANDS, *CATEGORIES)))
COUNTRIES = ("NL", "CN", "DE")


def market(seed: int = 3) -> Snapshot:
    """60 users, 400 items, groups among them; two of five events are over, a tenth of the others has expired,
    and some are to be published yet."""
    rng = np.random.default_rng(seed)
    users = IdMap(tuple(f"m:u{number:02d}" for number in range(USERS)), "user")
    items = IdMap(tuple(f"m:i{number:03d}" for number in range(ITEMS)), "item")
    return Snapshot(
        users=users,
        items=items,
        entities=IdMap(ENTITIES, "entity"),
        relations=("HAS_BRAND", "HAS_CATEGORY"),
        interactions=_interactions(rng),
        triples=_triples(rng),
        friendships=_friendships(rng),
        identities={},
        item_properties=_items(rng),
        user_properties=_users(rng),
        embeddings={"text": _vectors(rng)},
    )


def _interactions(rng: np.random.Generator) -> Interactions:
    rows = []
    names = ("viewed", "liked", "purchased", "rated", "hidden")
    for user in range(USERS - 2):  # two did nothing
        for item in rng.choice(ITEMS, size=int(rng.integers(3, 20)), replace=False).tolist():
            name = names[int(rng.integers(len(names)))]
            value = {"viewed": float(rng.random()), "rated": 4.0}.get(name, np.nan)
            rows.append((user, item, KINDS.index(name), value, int(rng.integers(1, 10**9))))
    rows.sort(key=lambda row: (row[0], row[4], row[1]))
    user, item, kind, value, at = zip(*rows, strict=True)
    return Interactions(
        np.array(user, np.int32), np.array(item, np.int32), np.array(kind, np.int8),
        np.array(value, np.float32), np.array(at, np.int64),
    )  # fmt: skip


def _triples(rng: np.random.Generator) -> Triples:
    place = {name: ITEMS + row for row, name in enumerate(ENTITIES)}
    rows = []
    for item in range(ITEMS):
        rows.append((item, 0, place[BRANDS[int(rng.integers(len(BRANDS)))]]))
        rows += [(item, 1, place[CATEGORIES[code]]) for code in rng.choice(len(CATEGORIES), 2, replace=False).tolist()]
    head, relation, tail = zip(*sorted(rows), strict=True)
    return Triples(np.array(head, np.int32), np.array(relation, np.int16), np.array(tail, np.int32))


def _friendships(rng: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    pairs = {tuple(sorted(rng.choice(USERS, 2, replace=False).tolist())) for _ in range(150)}
    return np.array(sorted(pairs), np.int32)


def _items(rng: np.random.Generator) -> pa.Table:
    kinds = [("product", "article", "event")[place % 3] for place in range(ITEMS - GROUPS)] + ["group"] * GROUPS
    days = rng.integers(-40, 60, ITEMS).tolist()
    times = [(NOW + timedelta(days=day, hours=1)).isoformat() for day in days]
    some = rng.random((4, ITEMS)) < 0.5
    return pa.table(
        {
            "title": [f"Thing {place}" for place in range(ITEMS)],
            "kind": kinds,
            "price": pa.array([float(one) if one > 5 else None for one in rng.integers(1, 100, ITEMS).tolist()]),
            "stock": pa.array([int(one) if one < 4 else None for one in rng.integers(0, 6, ITEMS).tolist()]),
            "age_limit": pa.array([18 if one else None for one in some[0].tolist()]),
            "countries": pa.array(
                [[COUNTRIES[place % 3]] if one else None for place, one in enumerate(some[1].tolist())],
                pa.list_(pa.string()),
            ),
            "starts": [time if kind == "event" else None for time, kind in zip(times, kinds, strict=True)],
            "expires": [time if kind != "event" and place % 4 == 0 else None
                        for place, (time, kind) in enumerate(zip(times, kinds, strict=True))],
            "published": [(NOW + timedelta(days=day - 50, hours=1)).isoformat() for day in days],
            "author": [f"m:u{place % USERS:02d}" if kind == "article" else None for place, kind in enumerate(kinds)],
            "latitude": rng.uniform(50, 54, ITEMS),
            "longitude": rng.uniform(3, 8, ITEMS),
        }
    )  # fmt: skip


def _users(rng: np.random.Generator) -> pa.Table:
    blocked = [[f"m:u{one:02d}" for one in rng.choice(USERS, 2).tolist()] if place % 4 == 0 else None
               for place in range(USERS)]  # fmt: skip
    return pa.table(
        {
            "age": pa.array([None if place % 5 == 0 else 10 + place for place in range(USERS)], pa.int64()),
            "country": [None if place % 6 == 0 else COUNTRIES[place % 3] for place in range(USERS)],
            "latitude": rng.uniform(50, 54, USERS),
            "longitude": rng.uniform(3, 8, USERS),
            "hides_friends": pa.array([True if place % 9 == 0 else None for place in range(USERS)]),
            "blocked": pa.array(blocked, pa.list_(pa.string())),
        }
    )


def _vectors(rng: np.random.Generator) -> EmbeddingTable:
    present = rng.random(ITEMS) < 0.9
    vectors = rng.standard_normal((ITEMS, 8)).astype(np.float32)
    vectors[~present] = 0
    return EmbeddingTable(vectors, present, "test", "1")
