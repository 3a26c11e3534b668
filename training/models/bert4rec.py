"""BERT4Rec: a bidirectional encoder that guesses hidden items from what stands on both sides of them.

Sun et al. 2019, «BERT4Rec: Sequential Recommendation with Bidirectional Encoder Representations from Transformer»:
with M a random share `mask_share` of the places, loss = - sum over t in M of log P(item_t | the items not in M). For
half of the windows M is the newest place alone, which is what the model is asked when it is used (the paper trains so
at the end): a query after the newest item. Its softmax, blocks and items are those of `training.models.sasrec`, a
sampled softmax after Petrov & Macdonald 2022 and Klenitskiy & Vasilev 2023, who show that the loss decides more than
the direction does.
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

NEWEST_ALONE = 0.5
"""Share of the windows in which the newest item alone is hidden."""


@dataclass(frozen=True)
class BERT4RecConfig(SequenceConfig):
    """`mask_share`: of the places of a window, those hidden; at least one is."""

    mask_share: float = 0.3


GRID = (BERT4RecConfig(),)

SPACE: Space = {
    "embedding_size": Categorical((64, 128, 256)),
    "num_layers": Int(1, 3),
    "learning_rate": Float(3e-4, 1e-2, log=True),
    "temperature": Float(0.03, 0.3, log=True),
    "dropout": Float(0.1, 0.6),
    "mask_share": Float(0.1, 0.7),
}


class BERT4Rec(SequenceModel[BERT4RecConfig]):
    """See the module's docstring."""

    name = "bert4rec"
    causal = False

    def batches(self, histories: Histories, steps: Steps) -> Iterator[SequenceBatch]:
        windows = training_windows(histories, self.config.last)
        for rows in by_length(windows, self.config.batch_size, steps.rng):
            items, real = windows.padded(rows)
            masked = self._masked(windows.lengths[rows], real, steps.rng)
            yield steps.batch(items, items[masked], np.flatnonzero(masked), real=real, masked=masked)

    def _masked(
        self, lengths: NDArray[np.int64], real: NDArray[np.bool_], rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """(b, t): which places are hidden, at least one a window."""
        last = np.arange(real.shape[1]) == lengths[:, None] - 1
        drawn = real & (rng.random(real.shape) < self.config.mask_share)
        alone = (rng.random(len(lengths)) < NEWEST_ALONE) | ~drawn.any(1)
        return np.where(alone[:, None], last, drawn)
