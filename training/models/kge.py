"""Knowledge graph embedding: users, items and attributes in one complex space, joined with recommendation.

ComplEx (Trouillon, Welbl, Riedel, Gaussier, Bouchard 2016, «Complex Embeddings for Simple Link Prediction», ICML) with
inverse relations (Lacroix, Usunier, Obozinski 2018), trained jointly with what users met (Zhang et al. 2016,
«Collaborative Knowledge Base Embedding», KDD): to meet is a relation like others, r_0. With cosines of the real parts,

    s(h, r, t) = cos(e_h * r, e_t),    score(u, i) = s(u, r_0, i),
    loss = softmax(s(u, r_0, .) / temperature) over items + knowledge * softmax(s(h, r, .) / temperature) over the
           tails of a batch, each corrected for how often it is a tail (Yi et al. 2019).

An item that nobody met stands where its attributes put it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from training import losses
from training.data import TrainingData
from training.factors import FactorModel, Factors, mean_fold_in
from training.loop import LoopConfig, Training, default_device
from training.recommender import SILENT, Monitor
from training.sampling import Candidates, ListBatch, Positives, list_batches
from training.scale.pieces import span
from training.space import Categorical, Float, Space
from training.warm import Rows


@dataclass(frozen=True)
class KGEConfig:
    """`embedding_size`: real numbers an embedding, even. `knowledge`: weight of the triples' loss."""

    embedding_size: int = 64
    epochs: int = 100
    learning_rate: float = 0.01
    batch_size: int = 2048
    temperature: float = 0.2
    knowledge: float = 0.5
    candidates: int = 4096
    patience: int = 5
    evaluate_every: int = 2
    max_seconds: float | None = None
    seed: int = 42


GRID = (KGEConfig(),)

SPACE: Space = {
    "embedding_size": Categorical((64, 128, 256)),
    "learning_rate": Float(1e-3, 5e-2, log=True),
    "temperature": Float(0.05, 0.5, log=True),
    "knowledge": Float(0.01, 3.0, log=True),
}


@dataclass(frozen=True)
class JointBatch:
    """What users met, and triples `head`, `relation`, `tail` (n,) of nodes and relations from 1."""

    met: ListBatch
    head: torch.Tensor
    relation: torch.Tensor
    tail: torch.Tensor

    @property
    def terms(self) -> int:
        return self.met.terms

    def piece(self, number: int, of: int) -> JointBatch:
        """See `training.scale.pieces`."""
        rows = slice(*span(len(self.head), number, of))
        return JointBatch(self.met.piece(number, of), self.head[rows], self.relation[rows], self.tail[rows])


@dataclass(frozen=True)
class Facts:
    """Every triple both ways: `head`, `relation` (from 1; the inverses after all others), `tail` (n,) int64."""

    head: NDArray[np.int64]
    relation: NDArray[np.int64]
    tail: NDArray[np.int64]
    relations: int

    @classmethod
    def of(cls, data: TrainingData) -> Facts:
        triples, count = data.side.triples, len(data.side.relations)
        head, tail = triples.head.astype(np.int64), triples.tail.astype(np.int64)
        relation = triples.relation.astype(np.int64) + 1
        ends = np.concatenate([head, tail]), np.concatenate([tail, head])
        return cls(ends[0], np.concatenate([relation, relation + count]), ends[1], 2 * count)

    def batches(self, size: int, rng: np.random.Generator, device: torch.device) -> Iterator[tuple[torch.Tensor, ...]]:
        """Without end: `size` of them in random order, over and over."""
        while True:
            order = rng.permutation(len(self.head))
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                parts = self.head[rows], self.relation[rows], self.tail[rows]
                yield tuple(torch.from_numpy(part).to(device) for part in parts)


class KGEModule(nn.Module):
    """Embeddings of users and of nodes (items first), relations, and the loss."""

    rows_of: Mapping[str, Rows] = MappingProxyType({"users": "users"})
    bases: Mapping[str, NDArray[np.float32]] = MappingProxyType({})

    def __init__(
        self, data: TrainingData, facts: Facts, config: KGEConfig, *, candidates: Candidates, device: torch.device
    ) -> None:
        super().__init__()
        self.config, self.num_items = config, data.num_items
        generator = torch.Generator().manual_seed(config.seed)

        def normal(rows: int) -> nn.Parameter:
            return nn.Parameter((0.1 * torch.randn(rows, config.embedding_size, generator=generator)).to(device))

        self.users, self.nodes = normal(data.num_users), normal(data.side.num_nodes)
        self.relations = normal(1 + facts.relations)
        with torch.no_grad():  # near the identity: what is alike under no relation starts alike under each
            self.relations[:, : config.embedding_size // 2] += 1.0
        expected = candidates.log_expected
        self.log_expected = None if expected is None else torch.from_numpy(expected).to(device)
        often = np.bincount(facts.tail, minlength=data.side.num_nodes) / max(1, len(facts.tail))
        self.log_often = torch.from_numpy(np.log(np.maximum(often, 1e-12)).astype(np.float32)).to(device)

    def embeddings(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Users, as they meet items, and items; of unit length."""
        users = functional.normalize(times(self.users, self.relations[0]), dim=1)
        return users, functional.normalize(self.nodes[: self.num_items], dim=1)

    def loss(self, batch: JointBatch) -> torch.Tensor:
        users, items = self.embeddings()
        met = losses.softmax(
            users, items, batch.met, temperature=self.config.temperature, log_expected=self.log_expected
        )
        return met + self.config.knowledge * self._facts_loss(batch)

    def _facts_loss(self, batch: JointBatch) -> torch.Tensor:
        if not len(batch.head):  # a piece of a small batch
            return self.nodes.new_zeros(())
        asking = functional.normalize(times(self.nodes[batch.head], self.relations[batch.relation]), dim=1)
        tails, own = torch.unique(batch.tail, return_inverse=True)
        answers = functional.normalize(self.nodes[tails], dim=1)
        logits = asking @ answers.T / self.config.temperature - self.log_often[tails]
        return functional.cross_entropy(logits, own)

    @torch.no_grad()
    def factors(self, data: TrainingData) -> Factors:
        users, items = (part.cpu().numpy() for part in self.embeddings())
        return Factors(users, items, mean_fold_in(data.matrix, users, items), power=1.0)


def times(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Products of complex numbers (…, d): real parts in the first half, imaginary ones in the second."""
    (a, b), (c, d) = one.chunk(2, dim=-1), other.chunk(2, dim=-1)
    return torch.cat([a * c - b * d, a * d + b * c], dim=-1)


class KGE(FactorModel):
    """See the module's docstring. After `fit`, `training` says how it went."""

    name = "kge"

    def __init__(self, config: KGEConfig | None = None) -> None:
        self.config = config or KGEConfig()
        self.training: Training | None = None

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        config, device = self.config, default_device()
        positives, facts = Positives.of(data.matrix), Facts.of(data)
        candidates = Candidates(positives.item_counts, config.candidates)
        module = KGEModule(data, facts, config, candidates=candidates, device=device)
        rng = np.random.default_rng([config.seed, data.seed])

        def epoch() -> Iterator[JointBatch]:
            triples = facts.batches(config.batch_size, rng, device)
            for met in list_batches(positives, candidates, batch_size=config.batch_size, rng=rng, device=device):
                yield JointBatch(met, *next(triples))

        self.training = self.train_network(module, epoch, self._loop(), data=data, monitor=monitor, rng=rng)
        self._factors = module.factors(data)
        return self

    def _loop(self) -> LoopConfig:
        return LoopConfig.of(self.config)
