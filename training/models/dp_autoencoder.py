"""A low-rank autoencoder trained by DP-SGD whose unit is a user: no user has a vector, so nothing personal is kept.

Abadi et al. 2016, «Deep Learning with Differential Privacy», with a whole user where that has one example (McMahan et
al. 2018, «Learning Differentially Private Recurrent Language Models»). V (items, d) alone is learned, over the items
whose private counts c stand out of the noise. In each step a user's items are parted at random: H is what is known, T
what is to be found, and

    h = sum_(i in H) V_i / sqrt(|H|),    p = softmax_(j not in H)(V h + b),    b = log c,
    loss(u) = - mean_(j in T) log p_j,
    step = sum_u min(1, CLIP / |g_u|) g_u + N(0, (CLIP noise)^2),    g_u the gradient of loss(u) by all of V.

A gradient is r h^T + x g^T, with r = p - t, x the history over sqrt(|H|), g = V^T r: its norm is known from four
products (ghost clipping, Li et al. 2022), so no user's gradient is ever laid out. opacus' hooks want one layer a
parameter, and V is both ends of this model; its accountant says how much noise a step takes where users are sampled
(`sample_rate`), and with all users in every step the analytic Gaussian mechanism does, which asks for less
(`training.privacy.accountant`). Private counts as b cost a share of the budget and leave to the steps what is
particular to people.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from training.data import TrainingData, UserBatch
from training.privacy.accountant import Budget, step_noise
from training.privacy.counts import Counts, private_counts
from training.privacy.guarantee import Guarantee, promised
from training.privacy.noise import Noise
from training.recommender import SILENT, Enough, FactorForm, Form, Monitor, StaticForm
from training.space import Categorical, Float, Space

Floats: TypeAlias = NDArray[np.float32]

CLIP = 0.1
"""Of a user's gradient: about the norm that most have at the start, from which on all count alike."""
KNOWN = 0.5
"""Share of a user's items that is H."""
INITIAL = 0.1
"""Standard deviation of V before the first step."""
MEAN_DECAY, SCALE_DECAY = 0.9, 0.99
"""Of the moving averages of steps and of their squares. There is one scale for all of V: noise is as large everywhere,
so a scale for each number, as Adam has it, would follow noise."""
OUTSIDE = 20.0
"""How far below the last item that is looked at the others stand."""
CELLS = 4_000_000
"""Scores held at once."""


@dataclass(frozen=True)
class DPAutoencoderConfig:
    """`epsilon` (inf: no noise), `delta`: the budget, of which the counts take `count_share` (between 0 and 1).

    `sample_rate` (above 0, to 1): chance that a step sees a user; an epoch is 1 / sample_rate steps. What is kept is
    the mean of V over the second half of the epochs. `noise_seed` is for tests: with it nothing is promised.
    """

    epsilon: float = 4.0
    delta: float = 1e-5
    embedding_size: int = 16
    epochs: int = 60
    learning_rate: float = 0.03
    sample_rate: float = 1.0
    count_share: float = 0.15
    noise_seed: int | None = None

    def __post_init__(self) -> None:
        Budget(self.epsilon, self.delta)
        if not (0 < self.count_share < 1 and 0 < self.sample_rate <= 1 and self.epochs > 0):
            raise InvalidData(
                f"dp-autoencoder cannot have count_share {self.count_share:g}, sample_rate {self.sample_rate:g} and "
                f"epochs {self.epochs}",
                valid="count_share between 0 and 1, sample_rate above 0 and to 1, epochs from 1",
                remedy="see docs/reference/models.md",
            )

    @property
    def steps_an_epoch(self) -> int:
        return max(1, round(1 / self.sample_rate))


GRID = (DPAutoencoderConfig(),)

SPACE: Space = {
    "embedding_size": Categorical((8, 16, 32)),
    "learning_rate": Float(0.01, 0.1, log=True),
    "count_share": Float(0.05, 0.5),
}


class DPAutoencoder:
    """`vectors` (num_items, d) and `base` (num_items,): score(u) = vectors h + base."""

    name = "dp-autoencoder"

    def __init__(self, config: DPAutoencoderConfig | None = None) -> None:
        self.config = config or DPAutoencoderConfig()
        self.vectors: Floats = np.empty((0, self.config.embedding_size), np.float32)
        self.base: Floats = np.empty(0, np.float32)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        config, noise = self.config, Noise(self.config.noise_seed)
        counts = private_counts(data.matrix, self._budget.part(config.count_share), noise)
        items = counts.clear()
        self.base = _base(counts, items)
        self.vectors = np.zeros((data.num_items, config.embedding_size), np.float32)
        self.vectors[items] = self._learned(data.matrix[:, items], self.base[items], noise, monitor)
        return self

    @property
    def _budget(self) -> Budget:
        return Budget(self.config.epsilon, self.config.delta)

    def _learned(self, matrix: csr_matrix, base: Floats, noise: Noise, monitor: Monitor) -> Floats:
        """V, after all epochs or those that the monitor allows."""
        config = self.config
        vectors = noise.normal(INITIAL, matrix.shape[1], config.embedding_size)
        steps = config.epochs * config.steps_an_epoch
        spent = 0.0 if math.isinf(config.epsilon) else self._budget.part(config.count_share)
        scale = CLIP * step_noise(self._budget, spent=spent, steps=steps, sample_rate=config.sample_rate)
        expected = max(1.0, config.sample_rate * matrix.shape[0])
        mean, square, total, averaged = np.zeros_like(vectors), 0.0, np.zeros_like(vectors), 0
        for step in range(1, steps + 1):
            gradient = clipped_sum(self._sample(matrix, noise), vectors.astype(np.float32), base, noise)
            gradient = (gradient + noise.normal(scale, *vectors.shape)) / expected
            mean = MEAN_DECAY * mean + (1 - MEAN_DECAY) * gradient
            square = SCALE_DECAY * square + (1 - SCALE_DECAY) * float(np.mean(gradient**2))
            length = math.sqrt(square / (1 - SCALE_DECAY**step)) + 1e-12
            vectors = vectors - config.learning_rate / (1 - MEAN_DECAY**step) / length * mean
            if 2 * step > steps:
                total, averaged = total + vectors, averaged + 1
            if step % config.steps_an_epoch == 0 and _ends(monitor, step // config.steps_an_epoch, config.epochs):
                break
        return np.asarray(total / averaged if averaged else vectors, np.float32)

    def _sample(self, matrix: csr_matrix, noise: Noise) -> csr_matrix:
        if self.config.sample_rate == 1:
            return matrix
        return matrix[noise.uniform(matrix.shape[0]) < self.config.sample_rate]

    def guarantee(self) -> Guarantee | None:
        """What the fitted vectors promise."""
        config = self.config
        how = f"Gaussian noise on counts, and DP-SGD over users in {config.epochs * config.steps_an_epoch} steps"
        return promised(self._budget, how, config.noise_seed)

    def score(self, users: UserBatch) -> Floats:
        counts = np.maximum(1, np.diff(users.matrix.indptr)).astype(np.float32)
        hidden = users.matrix @ self.vectors / np.sqrt(counts)[:, None]
        return np.asarray(hidden @ self.vectors.T + self.base, np.float32)

    def forms(self) -> Sequence[Form]:
        return [FactorForm(None, self.vectors, self.vectors, 0.5), StaticForm(self.base)]

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {"vectors": self.vectors, "base": self.base}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.vectors, self.base = (np.asarray(state[name], np.float32) for name in ("vectors", "base"))
        return self


def clipped_sum(matrix: csr_matrix, vectors: Floats, base: Floats, noise: Noise) -> NDArray[np.float64]:
    """Sum over the users (rows of the binary `matrix`) of their gradients of norm at most `CLIP`, shaped as `vectors`.

    Norm bound: |r h^T + x g^T|^2 = |r|^2 |h|^2 + |x|^2 |g|^2 + 2 (r . x)(h . g).
    """
    total = np.zeros(vectors.shape)
    for known, wanted in _parted(matrix, noise):
        count = np.sqrt(np.maximum(1, known.sum(1, keepdims=True)))
        x, hidden = known / count, (known / count) @ vectors
        r = _softmax(hidden @ vectors.T + base, known) - wanted / np.maximum(1, wanted.sum(1, keepdims=True))
        r[~wanted.any(1)] = 0  # nothing is to be found: no loss
        g = r @ vectors
        cross = np.einsum("ij,ij->i", r, x) * np.einsum("ij,ij->i", hidden, g)
        squared = _squares(r) * _squares(hidden) + _squares(x) * _squares(g) + 2 * cross
        shrink = np.minimum(1, CLIP / np.sqrt(np.maximum(squared, 1e-24)))[:, None]
        total += (r * shrink).T @ hidden + x.T @ (g * shrink)
    return total


def _parted(matrix: csr_matrix, noise: Noise) -> Iterator[tuple[Floats, Floats]]:
    """H and T of blocks of users, dense and binary."""
    step = max(1, CELLS // max(1, matrix.shape[1]))
    for start in range(0, matrix.shape[0], step):
        block = matrix[start : start + step]
        shown = block.copy()
        shown.data = (noise.uniform(block.nnz) < KNOWN).astype(np.float32)
        known = shown.toarray()
        yield known, block.toarray() - known


def _softmax(scores: Floats, known: Floats) -> Floats:
    """Over each row, 0 where `known`."""
    scores[known > 0] = -np.inf
    top = scores.max(1, keepdims=True)
    found = np.exp(scores - np.where(np.isfinite(top), top, 0))
    return np.asarray(found / np.maximum(found.sum(1, keepdims=True), 1e-12), np.float32)


def _squares(rows: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


def _base(counts: Counts, items: NDArray[np.int64]) -> Floats:
    """log c of the items that are looked at, around 0; of the others, in the order of their counts, below."""
    people = np.maximum(counts.people, max(counts.noise, 1e-3))
    logs = np.log(people)
    base = logs - logs[items].mean()
    others = np.ones(len(base), np.bool_)
    others[items] = False
    base[others] = base.min() - OUTSIDE + counts.people[others] / max(1e-12, np.abs(counts.people).max())
    return np.asarray(base, np.float32)


def _ends(monitor: Monitor, epoch: int, epochs: int) -> bool:
    try:
        monitor.epoch(epoch, epochs, {})
    except Enough:
        return True
    return False
