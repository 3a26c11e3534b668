"""LightGCN: collaborative filtering by propagation alone, without weights or activations between layers.

He, Deng, Wang, Li, Zhang, Wang: LightGCN, SIGIR 2020. With A the users-and-items adjacency,
E(k+1) = D^-1/2 A D^-1/2 E(k), and the final embedding is the mean of E(0)..E(K); a score is an inner product.
Loss: the paper's BPR, or a softmax over (sampled) items of cosine / temperature, corrected for what the sampler favours
(Wu et al., On the Effectiveness of Sampled Softmax Loss for Item Recommendation, TOIS 2024), which ranks better here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import nn
from torch.nn import functional

from training import losses
from training.data import TrainingData
from training.factors import FactorModel, Factors
from training.graph_ops import Propagation, bipartite, symmetric_normalised
from training.loop import LoopConfig, Training, default_device
from training.recommender import SILENT, Monitor
from training.sampling import Candidates, ListBatch, PairBatch, Positives, list_batches, pair_batches
from training.space import Categorical, Float, Int, Space
from training.warm import Rows


@dataclass(frozen=True)
class LightGCNConfig:
    """`temperature` and `candidates` are the softmax's; `regularization` weighs the squared norms of a batch's E(0)."""

    embedding_size: int = 64
    num_layers: int = 2
    epochs: int = 100
    learning_rate: float = 0.005
    regularization: float = 1e-4
    batch_size: int = 2048
    loss: Literal["bpr", "softmax"] = "softmax"
    temperature: float = 0.2
    candidates: int = 4096
    patience: int = 5
    evaluate_every: int = 2
    max_seconds: float | None = None
    seed: int = 42


GRID = (
    LightGCNConfig(),
    LightGCNConfig(embedding_size=128),
)

SPACE: Space = {
    "embedding_size": Categorical((64, 128, 256)),
    "num_layers": Int(1, 4),
    "learning_rate": Float(5e-4, 2e-2, log=True),
    "regularization": Float(1e-6, 1e-2, log=True),
    "temperature": Float(0.05, 0.5, log=True),
}


class LightGCNModule(nn.Module):
    """E(0), the propagation and the loss."""

    log_expected: torch.Tensor | None
    item_scale: torch.Tensor
    rows_of: Mapping[str, Rows] = MappingProxyType({"embedding": "users and items"})
    bases: Mapping[str, NDArray[np.float32]] = MappingProxyType({})

    def __init__(
        self,
        matrix: csr_matrix,
        config: LightGCNConfig,
        *,
        log_expected: NDArray[np.float32] | None,
        device: torch.device,
    ) -> None:
        super().__init__()
        self.config, self.num_users = config, matrix.shape[0]
        self.propagation = Propagation.of(symmetric_normalised(bipartite(matrix)), symmetric=True, device=device)
        self.generator = torch.Generator().manual_seed(config.seed)
        initial = 0.1 * torch.randn(sum(matrix.shape), config.embedding_size, generator=self.generator)
        self.embedding = nn.Parameter(initial.to(device))
        self.log_expected = None if log_expected is None else torch.from_numpy(log_expected).to(device)
        counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
        self.item_scale = torch.from_numpy(np.maximum(counts, 1).astype(np.float32) ** -0.5).to(device)

    def layers(self) -> list[torch.Tensor]:
        """E(0)..E(K), users above items."""
        layers: list[torch.Tensor] = [self.embedding]
        for _ in range(self.config.num_layers):
            layers.append(self.propagation(layers[-1]))
        return layers

    def final(self, layers: list[torch.Tensor]) -> torch.Tensor:
        """(users + items, d): the mean of the layers."""
        return sum(layers[1:], start=layers[0]) / len(layers)

    def embeddings(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Users and items; of unit length for the softmax."""
        return self._towers(self.final(self.layers()))

    def _towers(self, final: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.config.loss == "softmax":
            final = functional.normalize(final, dim=1)
        return final[: self.num_users], final[self.num_users :]

    def loss(self, batch: PairBatch | ListBatch) -> torch.Tensor:
        layers = self.layers()
        final = self.final(layers)
        return self._ranking_loss(*self._towers(final), batch) + self.extra_loss(layers, final, batch)

    def extra_loss(self, layers: list[torch.Tensor], final: torch.Tensor, batch: PairBatch | ListBatch) -> torch.Tensor:
        """What a kind of LightGCN adds to its loss; here nothing."""
        del layers, batch
        return final.new_zeros(())

    def _ranking_loss(self, users: torch.Tensor, items: torch.Tensor, batch: PairBatch | ListBatch) -> torch.Tensor:
        if isinstance(batch, PairBatch):
            nodes = [batch.users, batch.items + self.num_users, batch.negatives + self.num_users]
            return losses.bpr(users, items, batch) + self._penalty(torch.cat(nodes), len(batch.items))
        loss = losses.softmax(users, items, batch, temperature=self.config.temperature, log_expected=self.log_expected)
        nodes = [batch.users[batch.rows], batch.items + self.num_users]
        return loss + self._penalty(torch.cat(nodes), len(batch.items))

    def _penalty(self, nodes: torch.Tensor, pairs: int) -> torch.Tensor:
        squares: torch.Tensor = self.embedding[nodes].square().sum()
        return self.config.regularization * squares / (2 * pairs)

    def passed_on(self) -> list[torch.Tensor]:
        """What a node without an E(0) of its own is sent at each layer: nothing at the first, then the layer before."""
        layers = self.layers()
        return [torch.zeros_like(layers[0]), *layers[:-1]]

    def factors(self) -> Factors:
        """A newcomer has no E(0): its vector is what the history's items pass on, layer by layer."""
        self.eval()
        with torch.no_grad():
            users, items = self.embeddings()
            passed = self.final(self.passed_on())[self.num_users :]
        fold_in = passed * self.item_scale[:, None]
        return Factors(users.cpu().numpy(), items.cpu().numpy(), fold_in.cpu().numpy())


class LightGCN(FactorModel):
    """See the module's docstring. After `fit`, `training` says how it went."""

    name = "lightgcn"
    network: type[LightGCNModule] = LightGCNModule

    def __init__(self, config: LightGCNConfig | None = None) -> None:
        self.config = config or LightGCNConfig()
        self.training: Training | None = None

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        device = default_device()
        positives = Positives.of(data.matrix)
        candidates = Candidates(positives.item_counts, self.config.candidates)
        module = self.network(data.edges, self.config, log_expected=candidates.log_expected, device=device)
        rng = np.random.default_rng([self.config.seed, data.seed])

        def epoch() -> Iterator[PairBatch] | Iterator[ListBatch]:
            size = self.config.batch_size
            if self.config.loss == "bpr":
                return pair_batches(positives, batch_size=size, rng=rng, device=device)
            return list_batches(positives, candidates, batch_size=size, rng=rng, device=device)

        self.training = self.train_network(module, epoch, self._loop(), data=data, monitor=monitor, rng=rng)
        self._factors = module.factors()
        return self

    def _loop(self) -> LoopConfig:
        return LoopConfig.of(self.config)
