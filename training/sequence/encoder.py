"""Items' vectors, the encoder over them, and the network of both that the loop trains.

An item is e_i + sum over its parts p of P_p f_ip (`training.sequence.features`); one without interactions is the sum
alone, and in training a random share `id_dropout` of the items is seen so too: thus an item never met may follow. The
same vectors are what sequences are made of and what is ranked. Scores are cosines, over a temperature in training: what
is popular is then learned in directions and not in lengths, and few epochs are enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from training.data import Histories, TrainingData
from training.sequence.batches import INFERENCE_PLACES, SequenceBatch, by_length, newest
from training.sequence.blocks import NORM_EPS, Block, Dropout, RelativeBias
from training.sequence.features import item_features, spectral_start
from training.sequence.losses import Loss, gbce, sampled_softmax
from training.warm import Rows


@dataclass(frozen=True)
class Shape:
    """`last`: items read, at most. Not `causal`: every place sees every other, and a query stands after the newest."""

    embedding_size: int
    num_layers: int
    num_heads: int
    last: int
    dropout: float
    causal: bool


class ItemVectors(nn.Module):
    """`forward` gives the vectors of some items, (n, d), or of all of them."""

    met: torch.Tensor
    described: torch.Tensor

    def __init__(self, data: TrainingData, size: int, *, id_dropout: float, seed: int) -> None:
        super().__init__()
        self.id_dropout = id_dropout
        draw = partial(torch.randn, generator=torch.Generator().manual_seed(seed))
        self.id = nn.Parameter(torch.from_numpy(spectral_start(data.histories, size, seed=seed)))
        features = item_features(data.side, data.num_items)
        self.parts, self.bases = tuple(features), {name: one.basis for name, one in features.items()}
        self.projections = nn.ParameterDict(
            {name: draw(one.vectors.shape[1], size) * size**-0.5 for name, one in features.items()}
        )
        described = np.zeros(data.num_items, bool)
        for name, one in features.items():
            described |= one.vectors.any(1)
            self.register_buffer(f"features_{name}", torch.from_numpy(one.vectors), persistent=False)
        met = np.bincount(data.histories.items, minlength=data.num_items) > 0
        self.register_buffer("met", torch.from_numpy(met)[:, None], persistent=False)
        self.register_buffer("described", torch.from_numpy(described)[:, None], persistent=False)

    def forward(self, items: torch.Tensor | None = None) -> torch.Tensor:
        if items is None:
            items = torch.arange(len(self.id), device=self.id.device)
        vectors = functional.embedding(items, self.id) * self._has_id(items)
        for name in self.parts:
            vectors = vectors + self.get_buffer(f"features_{name}")[items] @ self.projections[name]
        return vectors

    def _has_id(self, items: torch.Tensor) -> torch.Tensor:
        met = self.met[items]
        if not self.training or not self.id_dropout:
            return met
        dropped = torch.rand(len(items), 1, device=met.device) < self.id_dropout
        return met & ~(dropped & self.described[items])


class Encoder(nn.Module):
    """From vectors of items (b, t, d), oldest first and padded on the right, to a vector a place (b, t, d)."""

    def __init__(self, shape: Shape, *, seed: int = 0) -> None:
        super().__init__()
        size, self.shape = shape.embedding_size, shape
        rng = np.random.default_rng(seed)
        self.drop = Dropout(shape.dropout, rng)
        self.query = None if shape.causal else nn.Parameter(torch.zeros(size))
        self.bias = RelativeBias(shape.num_heads, shape.last, causal=shape.causal)
        self.blocks = nn.ModuleList(
            Block(size, shape.num_heads, dropout=shape.dropout, rng=rng) for _ in range(shape.num_layers)
        )
        self.norm = nn.LayerNorm(size, NORM_EPS)

    def forward(
        self, x: torch.Tensor, real: torch.Tensor | None = None, at: torch.Tensor | None = None
    ) -> torch.Tensor:
        """`real` (b, t): which places are no padding; not needed where a place sees older ones alone.

        `at` (b,): the output of this place alone, (b, 1, d).
        """
        bias = self.bias(x.shape[1])
        if real is not None and not self.shape.causal:
            bias = bias + torch.zeros(real.shape, device=x.device).masked_fill(~real, -torch.inf)[:, None, None]
        x = self.drop(x)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x, bias, at if number == len(self.blocks) else None)
        out: torch.Tensor = self.norm(x)
        return out

    def users(self, vectors: torch.Tensor, histories: Histories) -> torch.Tensor:
        """(users, d) of unit length, from the newest items of each; `vectors` (num_items, d). No history: zero, or
        what the query alone gives.
        """
        last = self.shape.last - (self.query is not None)
        windows = newest(histories, last)
        found = torch.zeros(len(windows), vectors.shape[1], device=vectors.device)
        for rows in by_length(windows, INFERENCE_PLACES):
            items, real = (torch.from_numpy(part).to(vectors.device) for part in windows.padded(rows))
            lengths = torch.from_numpy(windows.lengths[rows]).to(vectors.device)
            found[torch.from_numpy(rows).to(vectors.device)] = self._at_newest(vectors, items, real, lengths)
        return functional.normalize(found, dim=1)

    def _at_newest(
        self, vectors: torch.Tensor, items: torch.Tensor, real: torch.Tensor, lengths: torch.Tensor
    ) -> torch.Tensor:
        x, read = functional.embedding(items, vectors), lengths - 1
        if self.query is not None:
            read = lengths
            x = torch.cat([x, x.new_zeros(len(x), 1, x.shape[2])], dim=1)
            x[torch.arange(len(x)), read] = self.query
            real = torch.arange(x.shape[1], device=x.device) <= read[:, None]
        if not x.shape[1]:
            return x.new_zeros(len(x), x.shape[2])
        outputs: torch.Tensor = self(x, real, read.clamp(min=0))[:, 0]
        return outputs * (read >= 0)[:, None]


class SequenceNetwork(nn.Module):
    """Items, encoder and loss: what `training.loop` trains (a `HistoryModel`)."""

    rows_of: Mapping[str, Rows] = {"items.id": "items"}

    def __init__(
        self,
        data: TrainingData,
        shape: Shape,
        *,
        id_dropout: float,
        temperature: float,
        loss: Loss,
        seed: int,
    ) -> None:
        super().__init__()
        self.items = ItemVectors(data, shape.embedding_size, id_dropout=id_dropout, seed=seed)
        self.encoder = Encoder(shape, seed=seed)
        self.temperature = temperature
        self._criterion = sampled_softmax if loss == "softmax" else gbce

    @property
    def bases(self) -> Mapping[str, NDArray[np.float32]]:
        """The directions that the items' parts are written in."""
        return {f"items.projections.{name}": basis for name, basis in self.items.bases.items()}

    def loss(self, batch: SequenceBatch) -> torch.Tensor:
        vectors = self.items(batch.items)
        x = functional.embedding(batch.inputs, vectors)
        if batch.masked is not None:
            assert self.encoder.query is not None
            x = torch.where(batch.masked[..., None], self.encoder.query, x)
        outputs = self.encoder(x, batch.real).flatten(0, 1)[batch.places]
        asking = functional.normalize(outputs, dim=1) / self.temperature
        units = functional.normalize(vectors, dim=1)
        own = (asking * functional.embedding(batch.targets, units)).sum(1)
        return self._criterion(asking, own, units[: batch.num_negatives], batch.hits, batch.log_included)

    def user_embeddings(self, histories: Histories) -> torch.Tensor:
        return self.encoder.users(self.items(), histories)

    def item_embeddings(self) -> torch.Tensor:
        return functional.normalize(self.items(), dim=1)
