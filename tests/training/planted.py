"""A small planted data set: two groups of users, two groups of items, every one likes mostly its own group."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from graph.snapshot import IdMap, Interactions, Snapshot, Triples


def planted_interactions(num_users: int = 60, num_items: int = 40, seed: int = 0) -> Interactions:
    rng = np.random.default_rng(seed)
    same = np.equal.outer(np.arange(num_users) % 2, np.arange(num_items) % 2)
    liked = rng.random((num_users, num_items)) < np.where(same, 0.45, 0.05)
    user, item = liked.nonzero()
    time = rng.integers(1_000_000, 2_000_000, len(user))
    order = np.lexsort((item, time, user))
    return Interactions(
        user[order].astype(np.int32),
        item[order].astype(np.int32),
        np.full(len(user), 3, np.int8),
        np.full(len(user), 5.0, np.float32),
        time[order].astype(np.int64),
    )


def snapshot_of(interactions) -> Snapshot:
    users, items = int(interactions.user.max()) + 1, int(interactions.item.max()) + 1
    return Snapshot(
        users=IdMap(tuple(f"t:{n:04d}" for n in range(users)), "user"),
        items=IdMap(tuple(f"t:{n:04d}" for n in range(items)), "item"),
        entities=IdMap(()),
        relations=(),
        interactions=interactions,
        triples=Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32)),
        friendships=np.empty((0, 2), np.int32),
        identities={},
        item_properties=pa.table({"id": [f"t:{n:04d}" for n in range(items)]}),
        user_properties=pa.table({"id": [f"t:{n:04d}" for n in range(users)]}),
    )
