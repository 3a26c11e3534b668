"""Orders: never rougher than the one given, and the best there is where all can be tried; minutes as near as can be."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from serving.playlists.fit import fill
from serving.playlists.path import smooth, smoothness


def random_likeness(seed: int, count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    half = np.random.default_rng(seed).random((count, count)).astype(np.float32)
    return np.triu(half, 1) + np.triu(half, 1).T


@pytest.mark.parametrize("seed", range(20))
def test_a_path_is_an_order_and_never_rougher(seed: int) -> None:
    alike = random_likeness(seed, 30)
    order = smooth(alike)
    assert sorted(order) == list(range(30))
    assert smoothness(alike, order) > smoothness(alike, list(range(30)))


def test_small_paths_are_near_the_best_of_all() -> None:
    share = []
    for seed in range(30):
        alike = random_likeness(seed, 6)
        best = max(smoothness(alike, list(order)) for order in permutations(range(6)))
        share.append(smoothness(alike, smooth(alike)) / best)
    assert np.mean(share) > 0.95


def test_what_came_before_decides_where_it_begins() -> None:
    alike = np.zeros((4, 4), np.float32)
    assert smooth(alike, np.array([0, 0, 1, 0], np.float32))[0] == 2


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_ones(count: int) -> None:
    assert sorted(smooth(random_likeness(1, count))) == list(range(count))


@pytest.mark.parametrize("seed", range(30))
def test_minutes_are_filled_within_the_tolerance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    minutes, scores = rng.uniform(2, 9, 200), np.sort(rng.random(200))[::-1].astype(np.float32)
    target = float(rng.uniform(20, 300))
    total = minutes[fill(scores, minutes, target, 0.05)].sum()
    assert abs(total - target) <= 0.05 * target


def test_where_nothing_fits_nothing_longer_is_taken() -> None:
    scores = np.array([1, 0.5], np.float32)
    assert fill(scores, np.array([100.0, 120.0]), 50, 0.05) == []
    assert fill(scores, np.array([10.0, 20.0]), 50, 0.05) == [0, 1]
