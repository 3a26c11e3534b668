"""Shoppers of five tastes: they buy what they like, look at anything, and skip what they do not like."""

from __future__ import annotations

import numpy as np

from graph.schema import KINDS
from graph.snapshot import Interactions, Snapshot
from tests.training.planted import snapshot_of

VIEWED, PURCHASED, SKIPPED = (KINDS.index(name) for name in ("viewed", "purchased", "skipped"))
TASTES = 5


def shoppers(
    num_users: int = 500, num_items: int = 100, *, buys: int = 6, views: int = 5, skips: int = 6, seed: int = 0
) -> Snapshot:
    """User u buys some of the items i with i = u mod `TASTES`, looks at some of all, and skips some with i = u + 1."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, int]] = []
    for user in range(num_users):
        own, other = (np.arange((user + step) % TASTES, num_items, TASTES) for step in (0, 1))
        bought, skipped = rng.choice(own, buys, replace=False), rng.choice(other, skips, replace=False)
        left = np.setdiff1d(np.arange(num_items), [*bought, *skipped])
        viewed = rng.choice(left, views, replace=False)
        rows += [(user, item, kind) for kind, items in ((PURCHASED, bought), (VIEWED, viewed), (SKIPPED, skipped))
                 for item in items.tolist()]  # fmt: skip
    user, item, kind = np.array(rows, np.int64).T
    time = rng.integers(1, 10**6, len(user))
    order = np.lexsort((item, time, user))
    return snapshot_of(
        Interactions(
            user[order].astype(np.int32), item[order].astype(np.int32), kind[order].astype(np.int8),
            np.full(len(user), np.nan, np.float32), time[order],
        )
    )  # fmt: skip
