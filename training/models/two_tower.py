"""Two towers of content: a user is what the items of his history are, an item what it is; no ids, so anything new fits.

Yi et al. 2019, «Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations», RecSys 2019. With c_i
the content of item i along its strongest directions (`training.content_block`),

    u = sum_{i in H} f(c_i) / |H|^power,    v_j = g(c_j) / |g(c_j)|,    score(u, j) = u . v_j,
    loss = mean over (u, j) of - log softmax_j(cos(u, v_j) / temperature - log q_j),

f and g with one hidden layer, the softmax over the items of the batch, q_j how often item j is expected in a batch.
Each user's items are parted at random at each step: some are the history H, the others the positives j. So an item is
never found by itself, and learning asks what it will be asked of newcomers: to rank an item by its likeness to others.
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

from graph.errors import InvalidData
from training import losses
from training.content_block import Modality, narrowed
from training.data import TrainingData
from training.factors import FactorModel, Factors
from training.loop import LoopConfig, Training, default_device
from training.recommender import SILENT, Monitor
from training.sampling import Candidates, ListBatch, Positives, list_batches
from training.space import Categorical, Float, Space
from training.warm import Network, Rows

POWER = 0.5
"""Of the number of items that a history's sum is divided by."""


@dataclass(frozen=True)
class TwoTowerConfig:
    """`dropout` (0 to below 1): of what is read of an item. `shown`: share of a user's items that are the history.

    `directions`: most that are read of the content. `modality`, `embedding_share`: as those of a content ridge.
    `average`: see `LoopConfig`.
    """

    modality: Modality = "fused"
    embedding_size: int = 64
    hidden_size: int = 256
    epochs: int = 60
    learning_rate: float = 0.003
    regularization: float = 0.0
    batch_size: int = 2048
    temperature: float = 0.2
    dropout: float = 0.3
    shown: float = 0.5
    directions: int = 128
    embedding_share: float = 0.15
    average: float = 0.98
    patience: int = 5
    evaluate_every: int = 2
    max_seconds: float | None = None
    seed: int = 42

    def __post_init__(self) -> None:
        shares = 0 <= self.dropout < 1 and 0 < self.shown < 1
        if not (shares and self.temperature > 0 and self.embedding_share >= 0 and self.directions > 0):
            raise InvalidData(
                f"two towers cannot have {self}",
                valid="dropout 0 to below 1, shown between 0 and 1, temperature above 0, embedding_share from 0, "
                "directions from 1",
                remedy="see docs/reference/models.md",
            )


GRID = (
    TwoTowerConfig(),
    TwoTowerConfig(embedding_share=0.0),
    TwoTowerConfig(embedding_share=0.0, temperature=0.35),
)
"""What is known of an item beside its vectors alone, too: where there is a graph it can say more without them."""

SPACE: Space = {
    "embedding_size": Categorical((32, 64, 128)),
    "hidden_size": Categorical((128, 256, 512)),
    "learning_rate": Float(1e-4, 1e-2, log=True),
    "temperature": Float(0.03, 0.5, log=True),
    "dropout": Float(0.0, 0.8),
    "shown": Float(0.2, 0.8),
    "directions": Categorical((64, 128, 256)),
    "embedding_share": Float(0.0, 2.0),
}


class Tower(nn.Module):
    """Content (n, directions) to (n, embedding_size), by one hidden layer of rectified linear units."""

    def __init__(self, directions: int, config: TwoTowerConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.dropout, self.generator = config.dropout, generator
        hidden, size = config.hidden_size, config.embedding_size
        self.inner = nn.Parameter(torch.randn(hidden, directions, generator=generator))
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.outer = nn.Parameter(torch.randn(size, hidden, generator=generator) * hidden**-0.5)

    def forward(self, content: torch.Tensor) -> torch.Tensor:
        hidden = functional.relu(functional.linear(self._some(content), self.inner, self.bias))
        return functional.linear(self._some(hidden), self.outer)

    def _some(self, x: torch.Tensor) -> torch.Tensor:
        """Dropout while training; drawn on the CPU, so that a seed gives the same on every device."""
        if not self.training or not self.dropout:
            return x
        kept = torch.rand(x.shape, generator=self.generator) >= self.dropout
        return x * kept.to(x.device) / (1 - self.dropout)


class TwoTowerModule(nn.Module):
    """Both towers and the loss."""

    rows_of: Mapping[str, Rows] = MappingProxyType({})
    bases: Mapping[str, NDArray[np.float32]] = MappingProxyType({})
    content: torch.Tensor
    log_share: torch.Tensor
    rows: torch.Tensor
    liked: torch.Tensor

    def __init__(self, content: NDArray[np.float32], positives: Positives, config: TwoTowerConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = torch.Generator().manual_seed(config.seed)
        self.history, self.item = (Tower(content.shape[1], config, self.generator) for _ in range(2))
        shares = np.maximum(positives.item_counts, 1) / max(1, len(positives))
        self.register_buffer("content", torch.from_numpy(content), persistent=False)
        self.register_buffer("log_share", torch.from_numpy(np.log(shares).astype(np.float32)), persistent=False)
        self.register_buffer("rows", torch.from_numpy(positives.users), persistent=False)
        self.register_buffer("liked", torch.from_numpy(positives.items), persistent=False)
        self.num_users = positives.num_users

    def loss(self, batch: ListBatch) -> torch.Tensor:
        shown = torch.rand(len(batch.rows), generator=self.generator) < self.config.shown
        shown = shown.to(batch.rows.device)
        if bool(shown.all()):
            return self.item.outer.sum() * 0  # nothing is left to be found
        met, place = torch.unique(batch.items[shown], return_inverse=True)
        users = pooled(self.history(self.content[met]), batch.rows[shown], place, len(batch.users))
        asked, wanted = torch.unique(batch.items[~shown], return_inverse=True)
        pairs = ListBatch(torch.arange(len(users), device=users.device), batch.rows[~shown], wanted, wanted)
        return losses.softmax(
            functional.normalize(users, dim=1),
            functional.normalize(self.item(self.content[asked]), dim=1),
            pairs,
            temperature=self.config.temperature,
            log_expected=self.log_share[asked] + float(np.log(len(wanted))),
        )

    def embeddings(self) -> tuple[torch.Tensor, torch.Tensor]:
        users = pooled(self.history(self.content), self.rows, self.liked, self.num_users)
        return users, functional.normalize(self.item(self.content), dim=1)

    def factors(self) -> Factors:
        self.eval()
        with torch.no_grad():
            users, items = self.embeddings()
            fold_in = self.history(self.content)
        return Factors(users.cpu().numpy(), items.cpu().numpy(), fold_in.cpu().numpy(), POWER)


def pooled(vectors: torch.Tensor, rows: torch.Tensor, items: torch.Tensor, count: int) -> torch.Tensor:
    """(count, d) float32: of each row the sum of its items' vectors over the power of their number."""
    vectors = vectors.float()  # 16 bits, where the network learns in them, are too few to add up in
    sums = torch.zeros(count, vectors.shape[1], device=vectors.device).index_add(0, rows, vectors[items])
    return sums / torch.bincount(rows, minlength=count).clamp(min=1)[:, None] ** POWER


class TwoTower(FactorModel):
    """See the module's docstring. After `fit`, `training` says how it went."""

    name = "two-tower"

    def __init__(self, config: TwoTowerConfig | None = None) -> None:
        self.config = config or TwoTowerConfig()
        self.training: Training | None = None

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        config, device = self.config, default_device()
        positives = Positives.of(data.matrix)
        content = narrowed(data, config.modality, embedding_share=config.embedding_share, directions=config.directions)
        module = TwoTowerModule(content, positives, config).to(device)
        in_batch = Candidates(positives.item_counts, data.num_items)  # draws none: the batch's own items are held
        rng = np.random.default_rng([config.seed, data.seed])

        def epoch() -> Iterator[ListBatch]:
            return list_batches(positives, in_batch, batch_size=config.batch_size, rng=rng, device=device)

        self.training = self.train_network(module, epoch, self._loop(), data=data, monitor=monitor, rng=rng)
        self._factors = module.factors()
        return self

    def keep(self, network: Network, best_epoch: int) -> None:
        """Nothing: the content's directions are others in another catalogue."""

    def _loop(self) -> LoopConfig:
        config = self.config
        return LoopConfig.of(config, weight_decay=config.regularization, average=config.average)
