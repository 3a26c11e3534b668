"""SASRec in its best modern form: causal self-attention over the items somebody met, newest last.

Kang & McAuley 2018, «Self-Attentive Sequential Recommendation»: at every place t of a history the network has seen
items 1..t and is to give item t + 1. As in eSASRec (Tikhonovich et al. 2025) with gated pre-norm blocks
(`training.sequence.blocks`) and a sampled softmax over negatives that a batch shares, corrected for how often each is
drawn (`training.sequence.losses`):

    loss = - sum_t log exp(cos(h_t, v_(t+1)) / T) / (exp(cos(h_t, v_(t+1)) / T) + sum_n exp(cos(h_t, v_n) / T) / q_n)

or, by `loss`, gBCE (Petrov & Macdonald 2023). h_t also reads what items are about, so one never met may follow.
score(u, j) = cos(h, v_j), h after the newest of the `last` items of u.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data import Histories
from training.sequence.batches import SequenceBatch, Steps, by_length, training_windows
from training.sequence.model import SequenceConfig, SequenceModel
from training.space import Categorical, Float, Int, Space


@dataclass(frozen=True)
class SASRecConfig(SequenceConfig):
    """`ahead`: chance that a step's target at a place is one item further ahead, and again; 0: always the next one."""

    ahead: float = 0.0


GRID = (
    SASRecConfig(),
    SASRecConfig(dropout=0.25),
)

SPACE: Space = {
    "embedding_size": Categorical((64, 128, 256)),
    "num_layers": Int(1, 3),
    "learning_rate": Float(3e-4, 1e-2, log=True),
    "temperature": Float(0.03, 0.3, log=True),
    "dropout": Float(0.1, 0.6),
    "id_dropout": Float(0.0, 0.5),
}


class SASRec(SequenceModel[SASRecConfig]):
    """See the module's docstring."""

    name = "sasrec"
    causal = True

    def batches(self, histories: Histories, steps: Steps) -> Iterator[SequenceBatch]:
        windows = training_windows(histories, self.config.last + 1)
        for rows in by_length(windows, self.config.batch_size, steps.rng):
            items, real = windows.padded(rows)
            follows = real[:, 1:]
            yield steps.batch(items[:, :-1], self._targets(items, real, steps.rng)[follows], np.flatnonzero(follows))

    def _targets(
        self, items: NDArray[np.int64], real: NDArray[np.bool_], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """(b, t - 1): what each place but the last is to give; at the end of a window its newest item."""
        if not self.config.ahead:
            return items[:, 1:]
        further = rng.geometric(1 - self.config.ahead, (len(items), items.shape[1] - 1))
        places = np.minimum(np.arange(items.shape[1] - 1) + further, real.sum(1, keepdims=True) - 1)
        return np.take_along_axis(items, places, axis=1)
