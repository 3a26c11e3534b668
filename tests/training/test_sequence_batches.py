"""Windows hold every step once, batches every window once, and hardly any padding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.models.small import histories_of
from training.sequence.batches import Steps, by_length, newest, training_windows
from training.sequence.negatives import NegativeSampler

ROWS = st.lists(st.integers(0, 12), max_size=12)


def rows_of(lengths: list[int]) -> list[list[int]]:
    return [list(range(100 * user, 100 * user + length)) for user, length in enumerate(lengths)]


def windows_of(windows) -> list[list[int]]:
    items, real = windows.padded(np.arange(len(windows)))
    return [row[there].tolist() for row, there in zip(items, real, strict=True)]


@given(ROWS, st.integers(2, 6))
def test_every_step_from_one_item_to_the_next_is_in_one_window(lengths: list[int], last: int) -> None:
    rows = rows_of(lengths)
    found = windows_of(training_windows(histories_of(rows, 2000), last))
    assert all(2 <= len(window) <= last for window in found)
    steps = [pair for window in found for pair in pairwise(window)]
    assert sorted(steps) == sorted(pair for row in rows for pair in pairwise(row))


@given(ROWS, st.integers(1, 6))
def test_the_newest_items_of_everybody(lengths: list[int], last: int) -> None:
    rows = rows_of(lengths)
    assert windows_of(newest(histories_of(rows, 2000), last)) == [row[-last:] for row in rows]


@given(ROWS, st.integers(1, 30), st.booleans())
def test_batches_hold_every_window_once_and_keep_to_their_size(lengths: list[int], places: int, shuffle: bool) -> None:
    windows = newest(histories_of(rows_of(lengths), 2000), 50)
    batches = list(by_length(windows, places, np.random.default_rng(0) if shuffle else None))
    assert sorted(np.concatenate([np.empty(0, int), *batches]).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * windows.lengths[batch].max() <= places


def test_hardly_a_place_is_padding() -> None:
    lengths = np.minimum(50, np.random.default_rng(0).geometric(1 / 6, 20_000) + 1).tolist()
    windows = newest(histories_of(rows_of(lengths), 3_000_000), 50)
    batches = list(by_length(windows, 2048, np.random.default_rng(0)))
    places = sum(len(batch) * windows.lengths[batch].max() for batch in batches)
    assert places < 1.05 * sum(lengths)


def test_a_batch_finds_its_items_targets_and_hits() -> None:
    counts = np.array([5, 0, 3, 9, 1, 4, 2])
    steps = Steps(NegativeSampler(counts, 3), np.random.default_rng(0), torch.device("cpu"))
    inputs, targets = np.array([[0, 2], [6, 0]]), np.array([2, 3, 4])
    batch = steps.batch(inputs, targets, np.array([0, 1, 2]))
    assert torch.equal(batch.items[batch.inputs], torch.from_numpy(inputs))
    assert torch.equal(batch.items[batch.targets], torch.from_numpy(targets))
    negatives = batch.items[: batch.num_negatives].tolist()
    assert 1 not in negatives, "nobody met it"
    expected = [negatives.index(target) if target in negatives else -1 for target in targets.tolist()]
    assert batch.hits.tolist() == expected


def test_items_are_drawn_as_often_as_is_said() -> None:
    sampler = NegativeSampler(np.array([0, 1, 10, 100, 1000]), 3)
    rng = np.random.default_rng(0)
    drawn, said = np.zeros(5), np.zeros(5)
    for _ in range(4000):
        found = sampler.draw(rng)
        drawn[found.items] += 1
        said[found.items] = np.exp(found.log_included)
    assert drawn[0] == 0
    assert drawn[1:] / 4000 == pytest.approx(said[1:], abs=0.03)


def test_a_small_catalogue_is_taken_whole() -> None:
    found = NegativeSampler(np.array([2, 0, 1]), 2).draw(np.random.default_rng(0))
    assert found.items.tolist() == [0, 2]
    assert found.log_included.tolist() == [0, 0]
