"""A small planted data set: two groups of users, two groups of items, every one likes mostly its own group."""

from __future__ import annotations

import numpy as np
import pytest

from graph.snapshot import Interactions


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


@pytest.fixture(scope="session")
def planted() -> Interactions:
    return planted_interactions()
