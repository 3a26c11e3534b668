"""Histories cut into windows and put into batches of like length: hardly a place of a batch is padding.

Between the histories and the encoder. Amazon Beauty's mean history has 7 items: padded to 50, as is usual, six sevenths
of the work would be for nothing. Everything random is drawn from the generator that is passed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from training.data import Histories
from training.scale.pieces import span
from training.sequence.negatives import NegativeSampler

PADDING = 0
"""Any item does: what stands at a padded place is read by nobody."""
INFERENCE_PLACES = 16_384
"""Places encoded at once where no gradient is kept."""


@dataclass(frozen=True)
class Windows:
    """Stretches of `items` (flat): window w is `items[starts[w] : starts[w] + lengths[w]]`, oldest first."""

    items: NDArray[np.int64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def padded(self, windows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(windows, longest) items, padding on the right, and which places are real."""
        lengths = self.lengths[windows]
        steps = np.arange(lengths.max(initial=0))
        real = steps < lengths[:, None]
        places = np.where(real, self.starts[windows][:, None] + steps, 0)
        return np.where(real, self.items[places], PADDING), real


def newest(histories: Histories, last: int) -> Windows:
    """One window a user: the `last` newest items, possibly none."""
    lengths = np.minimum(np.diff(histories.indptr), last)
    return Windows(_flat(histories), histories.indptr[1:] - lengths, lengths)


def training_windows(histories: Histories, last: int, *, least: int = 2) -> Windows:
    """Whole histories in windows of at most `last` items, cut from the newest end; those under `least` are left out.

    Neighbouring windows share an item, so that every item but a user's first is once preceded by something.
    """
    step = last - 1
    lengths = np.diff(histories.indptr)
    pieces = np.maximum(1, -(-(lengths - 1) // step))
    user = np.repeat(np.arange(len(lengths)), pieces)
    back = np.arange(len(user)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    ends = histories.indptr[1:][user] - back * step
    starts = np.maximum(ends - last, histories.indptr[:-1][user])
    kept = ends - starts >= least
    return Windows(_flat(histories), starts[kept], (ends - starts)[kept])


def _flat(histories: Histories) -> NDArray[np.int64]:
    return histories.items.astype(np.int64) if len(histories.items) else np.zeros(1, np.int64)


def by_length(windows: Windows, places: int, rng: np.random.Generator | None = None) -> Iterator[NDArray[np.int64]]:
    """Batches of windows of like length, of at most `places` places each (or of one window), padding counted.

    With `rng`, windows of one length are shuffled and so are the batches; without, shortest first.
    """
    order = np.arange(len(windows)) if rng is None else rng.permutation(len(windows))
    order = order[np.argsort(windows.lengths[order], kind="stable")]
    cuts = _cuts(windows.lengths[order], places)
    batches = np.arange(len(cuts) - 1)
    for batch in batches if rng is None else rng.permutation(batches):
        yield order[cuts[batch] : cuts[batch + 1]]


def _cuts(lengths: NDArray[np.int64], places: int) -> NDArray[np.int64]:
    """Where batches begin, and the end: `lengths` ascend, so a batch is as wide as its last window."""
    cuts = [0]
    for place, length in enumerate(lengths.tolist()):
        if (place + 1 - cuts[-1]) * length > places and place > cuts[-1]:
            cuts.append(place)
    return np.array([*cuts, len(lengths)] if len(lengths) else [0], np.int64)


@dataclass(frozen=True)
class SequenceBatch:
    """A step's windows, targets and negatives; all but `items` are positions among `items` or places.

    `items` (m,): distinct, the negatives first. `inputs` (b, t); `real` (b, t) which are no padding (None: all);
    `masked` (b, t) where a query stands in place of the item (None: nowhere). Place `places[p]` of the flattened (b, t)
    is to give `targets[p]`; `hits[p]` is that target's position among the `num_negatives` negatives, else -1.
    `log_included` (num_negatives,): see `training.sequence.negatives`.
    """

    items: torch.Tensor
    inputs: torch.Tensor
    real: torch.Tensor | None
    masked: torch.Tensor | None
    places: torch.Tensor
    targets: torch.Tensor
    hits: torch.Tensor
    log_included: torch.Tensor

    @property
    def num_negatives(self) -> int:
        return len(self.log_included)

    @property
    def terms(self) -> int:
        return len(self.targets)

    def piece(self, number: int, of: int) -> SequenceBatch:
        """See `training.scale.pieces`: some of the windows, all of the items."""
        first, end = span(len(self.inputs), number, of)
        real, masked = (None if part is None else part[first:end] for part in (self.real, self.masked))
        length = self.inputs.shape[1]
        kept = (self.places >= first * length) & (self.places < end * length)
        return replace(
            self,
            inputs=self.inputs[first:end],
            real=real,
            masked=masked,
            places=self.places[kept] - first * length,
            targets=self.targets[kept],
            hits=self.hits[kept],
        )


@dataclass(frozen=True)
class Steps:
    """From windows of items to batches on the device."""

    sampler: NegativeSampler
    rng: np.random.Generator
    device: torch.device

    def batch(
        self,
        inputs: NDArray[np.int64],
        targets: NDArray[np.int64],
        places: NDArray[np.int64],
        *,
        real: NDArray[np.bool_] | None = None,
        masked: NDArray[np.bool_] | None = None,
    ) -> SequenceBatch:
        """`inputs` (b, t) and `targets` (p,) are items; `places` (p,) of the flattened inputs."""
        drawn = self.sampler.draw(self.rng)
        asked = np.unique(np.concatenate([inputs.ravel(), targets]))
        items = np.concatenate([drawn.items, asked[~np.isin(asked, drawn.items, assume_unique=True)]])
        position = np.empty(self.sampler.num_items, np.int64)
        position[items] = np.arange(len(items))
        at = position[targets]
        hits = np.where(at < len(drawn.items), at, -1)
        parts = (items, position[inputs], real, masked, places, at, hits, drawn.log_included)
        return SequenceBatch(*(None if part is None else self._put(part) for part in parts))  # type: ignore[arg-type]

    def _put(self, array: NDArray[np.generic]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
