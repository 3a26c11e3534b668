"""A small snapshot made by hand: two kinds of items, genres and coded entities, awkward ids, gaps in every modality."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from graph.schema import KINDS
from graph.snapshot import NO_TIME, EmbeddingTable, IdMap, Interactions, Snapshot, Triples

HOSTILE = "p:a/b\n'\"`})%2F é"
LONELY = "p:lonely"
"""A user who did nothing."""
HIDER = "p:hider"
"""A user who only hid things."""
USERS = tuple(sorted({HOSTILE, LONELY, HIDER, *(f"p:u{number:02d}" for number in range(30))}))
ITEMS = tuple(sorted({HOSTILE, *(f"p:i{number:02d}" for number in range(23))}))
GENRES = ("Comedy", "Drama", "Horror")
ENTITIES = tuple(sorted([*(f"Genre:Genre:{name}" for name in GENRES), "Entity:p:m.0abc", "Entity:p:m.0only"]))


def sample_snapshot(seed: int = 0) -> Snapshot:
    rng = np.random.default_rng(seed)
    users, items = IdMap(USERS, "user"), IdMap(ITEMS, "item")
    return Snapshot(
        users=users,
        items=items,
        entities=IdMap(ENTITIES, "entity"),
        relations=("DIRECTED_BY", "HAS_GENRE"),
        interactions=_interactions(users, items, rng),
        triples=_triples(items),
        friendships=np.empty((0, 2), np.int32),
        identities={},
        item_properties=_item_properties(),
        user_properties=pa.table({"age": pa.array([*range(len(USERS) - 1), None], pa.int64())}),
        embeddings={"text": _table(rng, missing=2), "image": _table(rng, missing=5)},
    )


def _interactions(users: IdMap, items: IdMap, rng: np.random.Generator) -> Interactions:
    rows = [
        (user, item, KINDS.index("rated"), float(rng.integers(3, 6)), int(rng.integers(1, 10**9)))
        for user, name in enumerate(users.ids)
        if name not in (LONELY, HIDER)
        for item in rng.choice(len(items), size=6, replace=False).tolist()
    ]
    rows += [(users.positions[HIDER], 0, KINDS.index("hidden"), np.nan, NO_TIME)]
    rows += [(users.positions["p:u00"], 3, KINDS.index("impressed"), np.nan, NO_TIME)]
    rows.sort(key=lambda row: (row[0], row[4], row[1]))
    user, item, kind, value, at = zip(*rows, strict=True)
    return Interactions(
        np.array(user, np.int32), np.array(item, np.int32), np.array(kind, np.int8),
        np.array(value, np.float32), np.array(at, np.int64),
    )  # fmt: skip


def _triples(items: IdMap) -> Triples:
    entity = {name: len(items) + place for place, name in enumerate(ENTITIES)}
    rows = [(place, 1, entity[f"Genre:Genre:{GENRES[place % 3]}"]) for place in range(len(items))]
    rows += [(0, 0, entity["Entity:p:m.0abc"]), (3, 0, entity["Entity:p:m.0abc"]), (1, 0, entity["Entity:p:m.0only"])]
    head, relation, tail = zip(*sorted(rows), strict=True)
    return Triples(np.array(head, np.int32), np.array(relation, np.int16), np.array(tail, np.int32))


def _item_properties() -> pa.Table:
    titles = {HOSTILE: 'Amélie "la\nfille" <b>', "p:i01": "Toy Story", "p:i02": None}
    return pa.table(
        {
            "title": [titles.get(name, f"Film {name}") for name in ITEMS],
            "kind": ["track" if place % 4 == 3 else "movie" for place in range(len(ITEMS))],
            "year": pa.array([1990 + place for place in range(len(ITEMS))], pa.int64()),
            "image": ["ab/abcdef012345.jpg" if place == 1 else None for place in range(len(ITEMS))],
            "text": [f"About {name}" for name in ITEMS],
            "runtime": pa.array([None, *range(1, len(ITEMS))], pa.int64()),
        }
    )


def _table(rng: np.random.Generator, *, missing: int) -> EmbeddingTable:
    vectors = rng.standard_normal((len(ITEMS), 8)).astype(np.float32)
    present = np.ones(len(ITEMS), bool)
    present[missing] = False
    vectors[missing] = 0
    return EmbeddingTable(vectors, present, "test", "1")
