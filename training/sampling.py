"""What a gradient step sees: shuffled positives in batches, and the items held against them.

Between the histories and `training.loop`. Everything is drawn from the generator that is passed in, on the CPU, so a
seed gives the same batches on every device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.scale.pieces import span

MAX_ROUNDS = 50
"""A user who likes nearly everything ends the search for an unseen item here, with a seen one."""


@dataclass(frozen=True)
class PairBatch:
    """`users`, `items` (b,): positive pairs. `negatives` (b,): one item held against each."""

    users: torch.Tensor
    items: torch.Tensor
    negatives: torch.Tensor

    @property
    def terms(self) -> int:
        return len(self.items)

    def piece(self, number: int, of: int) -> PairBatch:
        """See `training.scale.pieces`."""
        rows = slice(*span(len(self.items), number, of))
        return PairBatch(self.users[rows], self.items[rows], self.negatives[rows])


@dataclass(frozen=True)
class ListBatch:
    """Some users with all their positives: pair p is `users[rows[p]]` and `items[p]`.

    `candidates` (n,): items held against all of them; None stands for the whole catalogue.
    """

    users: torch.Tensor
    rows: torch.Tensor
    items: torch.Tensor
    candidates: torch.Tensor | None

    @property
    def terms(self) -> int:
        return len(self.items)

    def piece(self, number: int, of: int) -> ListBatch:
        """See `training.scale.pieces`: some of the users, all of the candidates."""
        first, end = span(len(self.users), number, of)
        kept = (self.rows >= first) & (self.rows < end)
        return ListBatch(self.users[first:end], self.rows[kept] - first, self.items[kept], self.candidates)


@dataclass(frozen=True)
class Positives:
    """The pairs of a binary (num_users, num_items) matrix, sorted by user and item."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    num_users: int
    num_items: int

    @classmethod
    def of(cls, matrix: csr_matrix) -> Positives:
        """`matrix` has sorted indices, as `Histories.matrix` gives it."""
        users = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        return cls(users, matrix.indices.astype(np.int64), *matrix.shape)

    def __len__(self) -> int:
        return len(self.users)

    @cached_property
    def item_counts(self) -> NDArray[np.int64]:
        return np.bincount(self.items, minlength=self.num_items)

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        return self.users * self.num_items + self.items

    def contains(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Row by row: is the pair among the positives."""
        asked = users * self.num_items + items
        found = np.minimum(np.searchsorted(self._keys, asked), len(self._keys) - 1)
        return np.asarray(self._keys[found] == asked)


def uniform_negatives(positives: Positives, users: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each user one item that is not among its positives, uniformly: what BPR wants."""
    items = rng.integers(positives.num_items, size=len(users))
    wrong = np.flatnonzero(positives.contains(users, items))
    for _ in range(MAX_ROUNDS):
        if not len(wrong):
            break
        items[wrong] = rng.integers(positives.num_items, size=len(wrong))
        wrong = wrong[positives.contains(users[wrong], items[wrong])]
    return items


class Candidates:
    """`number` items shared by a batch, drawn with replacement by (count + 1)^power: what a sampled softmax wants.

    `log_expected` (num_items,) is log(number * probability): taking it from a candidate's logit makes the sampled
    softmax estimate the full one without favour to rare items (Bengio & Senecal 2008; Yi et al. 2019). A catalogue of
    at most `number` items is taken whole: then `draw` gives None and the softmax is exact. Without `unseen`, items of
    count zero are never held against a positive: never drawn, or infinitely corrected.
    """

    def __init__(self, item_counts: NDArray[np.int64], number: int, *, power: float = 0.5, unseen: bool = True) -> None:
        self.number = number
        self.exact = number >= len(item_counts)
        allowed = np.ones(len(item_counts)) if unseen else (item_counts > 0).astype(np.float64)
        weights = (item_counts + 1.0) ** power * allowed
        self._cumulative = np.cumsum(weights / weights.sum())
        self.log_expected = self._log_expected(weights, allowed)

    def _log_expected(self, weights: NDArray[np.float64], allowed: NDArray[np.float64]) -> NDArray[np.float32] | None:
        if self.exact and allowed.all():
            return None
        often = np.ones(len(weights)) if self.exact else self.number * weights / weights.sum()
        return np.where(allowed > 0, np.log(np.where(allowed > 0, often, 1.0)), np.inf).astype(np.float32)

    def draw(self, rng: np.random.Generator) -> NDArray[np.int64] | None:
        """(number,) items, or None for all."""
        if self.exact:
            return None
        drawn = np.searchsorted(self._cumulative, rng.random(self.number), side="right")
        return np.minimum(drawn, len(self._cumulative) - 1)


def pair_batches(
    positives: Positives, *, batch_size: int, rng: np.random.Generator, device: torch.device | str = "cpu"
) -> Iterator[PairBatch]:
    """One epoch: every positive once, in random order, each with a uniform negative."""
    order = rng.permutation(len(positives))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        users = positives.users[rows]
        parts = (users, positives.items[rows], uniform_negatives(positives, users, rng))
        yield PairBatch(*(torch.from_numpy(part).to(device) for part in parts))


def list_batches(
    positives: Positives,
    candidates: Candidates,
    *,
    batch_size: int,
    rng: np.random.Generator,
    device: torch.device | str = "cpu",
) -> Iterator[ListBatch]:
    """One epoch: every positive once, users in random order, about `batch_size` positives a batch.

    The softmax's denominator is then computed once a user and not once a positive: on MovieLens some fifty times less.
    """
    counts = np.bincount(positives.users, minlength=positives.num_users)
    starts = np.cumsum(counts) - counts
    order = rng.permutation(np.flatnonzero(counts))
    numbers = (np.cumsum(counts[order]) - 1) // batch_size
    for users in np.split(order, np.flatnonzero(np.diff(numbers)) + 1):
        lengths = counts[users]
        rows = np.repeat(np.arange(len(users)), lengths)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        items = positives.items[starts[users][rows] + within]
        drawn = candidates.draw(rng)
        asked, paired, liked = (torch.from_numpy(part).to(device) for part in (users, rows, items))
        yield ListBatch(asked, paired, liked, None if drawn is None else torch.from_numpy(drawn).to(device))
