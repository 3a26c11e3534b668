"""Relational, knowledge-aware, multimodal graph network: our own, on PyTorch Geometric.

    h_i = gated fusion of id e_i, relational message m_i (`training.relational`), and W_m v_im of each modality m
    E(0) = [users' e_u; h], E(k+1) = D^-1/2 A D^-1/2 E(k) + friends, z = mean of E(0)..E(K), of unit length
    c_i = the same fusion without the id: an item as it looks before anybody met it
    loss: softmax over the items of z_u . s_i / temperature, where s_i = c_i for a random share `id_dropout` of the
          items (as if they were new: neither id nor edges), z_i for the others

Propagation after LightGCN (He et al. 2020), relation-typed aggregation after R-GCN (Schlichtkrull et al. 2018) and KGAT
(Wang et al. 2019), the gate after GMU (Arevalo et al. 2017), the dropout after DropoutNet (Volkovs et al. 2017).
Dropping ids inside the propagation too, as DropoutNet would, costs what is known of the others; in scoring alone it
does not. An item without interactions is served c_i, shortened by `cold_shrinkage`: less is known of it. Any part of
the side information may be missing; with none it is LightGCN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import nn
from torch.nn import functional

from training import losses
from training.data import TrainingData
from training.factors import FactorModel, Factors
from training.fusion import ItemParts
from training.graph_ops import Propagation, bipartite, symmetric_normalised
from training.hetero import FRIEND, hetero_graph
from training.loop import LoopConfig, Training, default_device
from training.pyg import HeteroData
from training.recommender import SILENT, Monitor
from training.relational import Weights
from training.sampling import Candidates, ListBatch, Positives, list_batches
from training.space import Categorical, Float, Int, Space
from training.warm import Rows


@dataclass(frozen=True)
class GNNConfig:
    """`relations`: how messages of different relations are weighed. `candidates`: items in the softmax, at most."""

    embedding_size: int = 64
    num_layers: int = 2
    epochs: int = 100
    learning_rate: float = 0.005
    regularization: float = 0.0
    batch_size: int = 2048
    temperature: float = 0.2
    candidates: int = 4096
    relations: Weights = "scalar"
    id_dropout: float = 0.1
    cold_shrinkage: float = 0.5
    patience: int = 5
    evaluate_every: int = 2
    max_seconds: float | None = None
    seed: int = 42


GRID = (
    GNNConfig(),
    GNNConfig(embedding_size=128),
)

SPACE: Space = {
    "embedding_size": Categorical((64, 128, 256)),
    "num_layers": Int(1, 4),
    "learning_rate": Float(5e-4, 2e-2, log=True),
    "temperature": Float(0.05, 0.5, log=True),
    "id_dropout": Float(0.0, 0.5),
}


class GNNModule(nn.Module):
    """Items, users, graph and loss; see the module's docstring."""

    rows_of: Mapping[str, Rows] = MappingProxyType({"users": "users", "items.id": "items"})

    def __init__(self, data: TrainingData, config: GNNConfig, *, candidates: Candidates, device: torch.device) -> None:
        super().__init__()
        self.config, self.num_users = config, data.num_users
        counts = np.bincount(data.matrix.indices, minlength=data.num_items)
        graph = hetero_graph(data)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.items = ItemParts(
            graph,
            data.side,
            warm=counts > 0,
            size=config.embedding_size,
            weights=config.relations,
            generator=self.generator,
            device=device,
        )
        known = torch.from_numpy(np.diff(data.matrix.indptr) > 0)[:, None]
        self.users = nn.Parameter(
            (0.1 * torch.randn(data.num_users, config.embedding_size, generator=self.generator) * known).to(device)
        )
        adjacency = symmetric_normalised(bipartite(data.edges))
        self.liked = Propagation.of(adjacency, symmetric=True, device=device)
        self.friends = _friends(graph, device)
        self.friends_weight = nn.Parameter(torch.zeros((), device=device))
        self.warm = torch.from_numpy(counts > 0).to(device)[:, None]
        self.item_scale = torch.from_numpy(np.maximum(counts, 1).astype(np.float32) ** -0.5).to(device)[:, None]
        expected = candidates.log_expected
        self.log_expected = None if expected is None else torch.from_numpy(expected).to(device)

    @property
    def bases(self) -> Mapping[str, NDArray[np.float32]]:
        """The principal components that the modalities enter with."""
        return {f"items.projections.{name}": basis for name, basis in self.items.bases.items()}

    def layers(self, h: torch.Tensor) -> list[torch.Tensor]:
        """E(0)..E(K), users above items."""
        layers = [torch.cat([self.users, h])]
        for _ in range(self.config.num_layers):
            passed = self.liked(layers[-1])
            if self.friends is not None:
                social = functional.softplus(self.friends_weight) * self.friends(layers[-1][: self.num_users])
                passed = torch.cat([passed[: self.num_users] + social, passed[self.num_users :]])
            layers.append(passed)
        return layers

    def embeddings(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Users and items of unit length; in training some items are new, in use those nobody met are."""
        h, content = self.items()
        mean = torch.stack(self.layers(h)).mean(0)
        mean, content = functional.normalize(mean, dim=1), functional.normalize(content, dim=1)
        users, items = mean[: self.num_users], mean[self.num_users :]
        if self.training:
            return users, torch.where(self._dropped(), content, items)
        return users, torch.where(self.warm, items, self.config.cold_shrinkage * content)

    def _dropped(self) -> torch.Tensor:
        """(num_items, 1): a random share of the items that have content."""
        chance = torch.rand(len(self.warm), generator=self.generator).to(self.warm.device)
        return ((chance < self.config.id_dropout) & self.items.has_content)[:, None]

    def loss(self, batch: ListBatch) -> torch.Tensor:
        users, items = self.embeddings()
        return losses.softmax(users, items, batch, temperature=self.config.temperature, log_expected=self.log_expected)

    @torch.no_grad()
    def factors(self) -> Factors:
        """A user nobody knows (no history, no friends) gets the mean taste; a newcomer what its items pass on."""
        self.eval()
        users, items = self.embeddings()
        users = torch.where(users.any(1, keepdim=True), users, functional.normalize(users.mean(0), dim=0))
        passed = torch.stack(self.layers(self.items()[0])[:-1]).sum(0)[self.num_users :]
        fold_in = passed * self.item_scale / (1 + self.config.num_layers)
        return Factors(users.cpu().numpy(), items.cpu().numpy(), fold_in.cpu().numpy())


def _friends(graph: HeteroData, device: torch.device) -> Propagation | None:
    if FRIEND not in graph.edge_types:
        return None
    source, target = graph[FRIEND].edge_index.numpy()
    size = graph["user"].num_nodes
    adjacency = csr_matrix((np.ones(len(source), np.float32), (source, target)), shape=(size, size))
    return Propagation.of(symmetric_normalised(adjacency), symmetric=True, device=device)


class GNN(FactorModel):
    """See the module's docstring. After `fit`, `training` says how it went, and `gates` what each part weighed."""

    name = "gnn"

    def __init__(self, config: GNNConfig | None = None) -> None:
        self.config = config or GNNConfig()
        self.training: Training | None = None
        self.gates: dict[str, float] = {}

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        device = default_device()
        positives = Positives.of(data.matrix)
        candidates = Candidates(positives.item_counts, self.config.candidates, unseen=False)
        module = GNNModule(data, self.config, candidates=candidates, device=device)
        rng = np.random.default_rng([self.config.seed, data.seed])

        def epoch() -> Iterator[ListBatch]:
            return list_batches(positives, candidates, batch_size=self.config.batch_size, rng=rng, device=device)

        self.training = self.train_network(module, epoch, self._loop(), data=data, monitor=monitor, rng=rng)
        self._factors, self.gates = module.factors(), module.items.mean_gates()
        return self

    def _loop(self) -> LoopConfig:
        config = self.config
        return LoopConfig.of(config, weight_decay=config.regularization)
