"""Planted impressions: what makes a click is known, so that what a model must find is known too."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from graph.snapshot import IdMap, Interactions, Snapshot, Triples
from training.ctr.features import Features
from training.ctr.rows import Clicks

RATED = 3


def sigmoid(logit):
    return 1.0 / (1.0 + np.exp(-logit))


def planted_clicks(num_users=60, num_items=40, rows=3000, seed=0) -> Clicks:
    """Tastes of two kinds: users click on the genre of their own parity, more so the friendlier they are."""
    rng = np.random.default_rng(seed)
    user, item = rng.integers(0, num_users, rows), rng.integers(0, num_items, rows)
    logit = np.where(user % 2 == item % 2, 1.5, -1.5) + rng.normal(0, 0.7, num_users)[user]
    label = rng.random(rows) < sigmoid(logit)
    interactions = Interactions(
        user.astype(np.int32),
        item.astype(np.int32),
        np.full(rows, RATED, np.int8),
        label.astype(np.float32),
        rng.integers(1_000_000, 3_000_000, rows),
    )
    part = rng.choice(3, rows, p=(0.8, 0.1, 0.1)).astype(np.int8)
    return Clicks(_snapshot(interactions, num_users, num_items), interactions, part, "planted")


def _snapshot(interactions, num_users, num_items) -> Snapshot:
    items = np.arange(num_items, dtype=np.int32)
    return Snapshot(
        users=IdMap(tuple(f"t:{n:04d}" for n in range(num_users)), "user"),
        items=IdMap(tuple(f"t:{n:04d}" for n in range(num_items)), "item"),
        entities=IdMap(("Genre:even", "Genre:odd")),
        relations=("HAS_GENRE",),
        interactions=interactions,
        triples=Triples(items, np.zeros(num_items, np.int16), (num_items + items % 2).astype(np.int32)),
        friendships=np.empty((0, 2), np.int32),
        identities={},
        item_properties=pa.table(
            {
                "id": [f"t:{n:04d}" for n in range(num_items)],
                "title": [f"No. {n} ({1980 + n})" for n in range(num_items)],
            }
        ),
        user_properties=pa.table(
            {
                "id": [f"t:{n:04d}" for n in range(num_users)],
                "plan": ["free" if n % 3 else "paid" for n in range(num_users)],
                "zip": [f"0{n:04d}" for n in range(num_users)],
                "age": list(range(20, 20 + num_users)),
            }
        ),
    )


def crossed(rows=6000, seed=0) -> Features:
    """A click is likely where two fields agree: neither says anything alone, so that no linear model can tell."""
    rng = np.random.default_rng(seed)
    one, two = rng.integers(0, 4, rows), rng.integers(0, 4, rows)
    label = rng.random(rows) < np.where(one % 2 == two % 2, 0.9, 0.1)
    return features_of([one, two], [4, 4], label)


def features_of(fields, sizes, label, dense=None) -> Features:
    offsets = np.cumsum([0, *sizes])[:-1]
    rows = len(label)
    return Features(
        values=(np.stack(fields, 1) + offsets).astype(np.int32),
        item=np.zeros(rows, np.int32),
        dense=np.empty((rows, 0), np.float32) if dense is None else dense.astype(np.float32),
        label=label.astype(np.float32),
        field_names=tuple(f"f{n}" for n in range(len(sizes))),
        sizes=tuple(sizes),
    )


def thirds(rows, seed=0):
    order = np.random.default_rng(seed).permutation(rows)
    return np.split(order, [rows * 6 // 10, rows * 8 // 10])
