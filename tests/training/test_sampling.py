"""Batches hold every positive once; negatives are what they say."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from training.losses import softmax
from training.sampling import Candidates, ListBatch, Positives, list_batches, pair_batches, uniform_negatives


@pytest.fixture
def positives() -> Positives:
    liked = np.random.default_rng(0).random((30, 20)) < 0.3
    liked[5] = False
    return Positives.of(csr_matrix(liked.astype(np.float32)))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pairs(positives: Positives) -> Counter[tuple[int, int]]:
    return Counter(zip(positives.users.tolist(), positives.items.tolist(), strict=True))


def test_pair_batches_hold_every_positive_once(positives: Positives) -> None:
    found = list(pair_batches(positives, batch_size=32, rng=rng()))
    assert [len(batch.users) for batch in found[:-1]] == [32] * (len(found) - 1)
    seen = Counter(p for b in found for p in zip(b.users.tolist(), b.items.tolist(), strict=True))
    assert seen == pairs(positives)


def test_list_batches_hold_every_positive_once_and_every_user_whole(positives: Positives) -> None:
    found = list(list_batches(positives, Candidates(positives.item_counts, 8), batch_size=32, rng=rng()))
    seen = Counter(p for b in found for p in zip(b.users[b.rows].tolist(), b.items.tolist(), strict=True))
    assert seen == pairs(positives)
    users = [user for batch in found for user in batch.users.tolist()]
    assert len(users) == len(set(users))
    assert len(found) > 1


def test_batches_follow_the_generator(positives: Positives) -> None:
    first, again, other = (
        [batch.items.tolist() for batch in pair_batches(positives, batch_size=16, rng=rng(seed))] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_uniform_negatives_are_never_positives_and_reach_every_other_item(positives: Positives) -> None:
    users = np.repeat(np.arange(30), 300)
    items = uniform_negatives(positives, users, rng())
    assert not positives.contains(users, items).any()
    assert len(np.unique(users * 20 + items)) == 30 * 20 - len(positives)


def test_negatives_of_a_user_who_likes_everything_end() -> None:
    everything = Positives.of(csr_matrix(np.ones((1, 3), np.float32)))
    assert uniform_negatives(everything, np.zeros(4, np.int64), rng()).shape == (4,)


def test_candidates_are_drawn_as_often_as_they_say() -> None:
    counts = np.array([0, 3, 8, 99])
    candidates = Candidates(counts, 2, power=0.5)
    drawn = np.concatenate([candidates.draw(generator) for generator in [rng()] for _ in range(20_000)])
    assert candidates.log_expected is not None
    expected = np.exp(candidates.log_expected)
    assert np.allclose(expected, 2 * np.sqrt(counts + 1) / np.sqrt(counts + 1).sum())
    assert np.allclose(np.bincount(drawn, minlength=4) / 20_000, expected, rtol=0.05)


def test_unseen_items_are_no_candidates() -> None:
    counts = np.array([0, 3, 8, 99])
    drawn = Candidates(counts, 3, unseen=False).draw(rng())
    assert drawn is not None
    assert not (drawn == 0).any()
    exact = Candidates(counts, 4, unseen=False)
    assert exact.draw(rng()) is None
    assert exact.log_expected is not None
    assert exact.log_expected.tolist() == [np.inf, 0, 0, 0]


def test_a_small_catalogue_is_taken_whole() -> None:
    candidates = Candidates(np.array([1, 2]), 2)
    assert candidates.draw(rng()) is None
    assert candidates.log_expected is None


def test_the_corrected_sampled_softmax_estimates_the_full_one() -> None:
    """Its denominator is right on average, though popular items are drawn far more often."""
    generator = torch.Generator().manual_seed(0)
    users, items = torch.randn(3, 4, generator=generator), torch.randn(50, 4, generator=generator)
    users[:, 0], items[:, 0] = 2.0, torch.linspace(-1, 1, 50)  # popular items, drawn more often, also score more
    asked, rows, liked = torch.tensor([0, 1, 2]), torch.tensor([0, 1, 2]), torch.tensor([4, 5, 6])
    exact = softmax(users, items, ListBatch(asked, rows, liked, None), temperature=1.0)
    candidates = Candidates(np.arange(50) ** 2, 49, power=1.0)
    assert candidates.log_expected is not None
    correction, draws = torch.from_numpy(candidates.log_expected), rng()

    def estimate(log_expected: torch.Tensor | None) -> float:
        found = []
        for _ in range(300):
            batch = ListBatch(asked, rows, liked, torch.from_numpy(candidates.draw(draws)))
            found.append(float(softmax(users, items, batch, temperature=1.0, log_expected=log_expected)))
        return float(np.mean(found))

    assert abs(estimate(correction) - float(exact)) < 0.15
    assert abs(estimate(None) - float(exact)) > 0.15
