"""XSimGCL: LightGCN whose embeddings, under noise, must stay recognisable from layer to layer.

Yu, Xia, Chen, Cui, Hung, Yin 2023, «XSimGCL: Towards Extremely Simple Graph Contrastive Learning for Recommendation»,
TKDE. Each layer is moved by noise of length `noise` that points into the embedding's own orthant. Besides the
recommendation loss of `training.models.lightgcn`,

    contrast * mean over a batch's users, and its items, of -log softmax_v(z_u . z'_v / contrast_temperature),

z the final and z' the `contrast_layer`-th embedding of the same noisy pass, of unit length: one pass serves both.

The paper leaves E(0) out of the mean of the layers and moves them further; with the softmax loss, which contrasts users
with items already, both rank worse on validation of ML-100K and Last.FM, and so do large weights of the second loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from graph.errors import InvalidData
from training.models.lightgcn import LightGCN, LightGCNConfig, LightGCNModule
from training.sampling import ListBatch, PairBatch
from training.space import Categorical, Float, Int, Space


@dataclass(frozen=True)
class XSimGCLConfig(LightGCNConfig):
    """`noise`: length of what moves a layer. `contrast`: weight of the second loss. `contrast_layer`: from 1."""

    noise: float = 0.01
    contrast: float = 0.02
    contrast_temperature: float = 0.2
    contrast_layer: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.contrast_layer <= self.num_layers:
            raise InvalidData(
                f"XSimGCL cannot contrast layer {self.contrast_layer}",
                valid=f"1 to num_layers, {self.num_layers}",
                remedy="see docs/reference/models.md",
            )


GRID = (XSimGCLConfig(), XSimGCLConfig(embedding_size=128))

SPACE: Space = {
    "embedding_size": Categorical((64, 128, 256)),
    "num_layers": Int(1, 4),
    "learning_rate": Float(5e-4, 2e-2, log=True),
    "temperature": Float(0.05, 0.5, log=True),
    "noise": Float(0.003, 0.3, log=True),
    "contrast": Float(0.001, 1.0, log=True),
    "contrast_temperature": Float(0.05, 0.5, log=True),
}


class XSimGCLModule(LightGCNModule):
    """LightGCN's propagation with noise while it trains, and the contrast beside its loss."""

    config: XSimGCLConfig

    def layers(self) -> list[torch.Tensor]:
        layers: list[torch.Tensor] = [self.embedding]
        for _ in range(self.config.num_layers):
            passed = self.propagation(layers[-1])
            if self.training:
                noise = torch.rand(passed.shape, generator=self.generator).to(passed.device)
                noise = functional.normalize(noise, dim=1)
                passed = passed + self.config.noise * torch.sign(passed) * noise
            layers.append(passed)
        return layers

    def extra_loss(self, layers: list[torch.Tensor], final: torch.Tensor, batch: PairBatch | ListBatch) -> torch.Tensor:
        config, early = self.config, layers[self.config.contrast_layer]
        total = final.new_zeros(())
        for nodes in (torch.unique(batch.users), self.num_users + torch.unique(batch.items)):
            total = total + contrast(final[nodes], early[nodes], config.contrast_temperature)
        return config.contrast * total


def contrast(final: torch.Tensor, early: torch.Tensor, temperature: float) -> torch.Tensor:
    """InfoNCE (van den Oord et al. 2018) between rows (n, d): each against all rows of the other view."""
    one, two = functional.normalize(final, dim=1), functional.normalize(early, dim=1)
    return functional.cross_entropy(one @ two.T / temperature, torch.arange(len(one), device=one.device))


class XSimGCL(LightGCN):
    """See the module's docstring. After `fit`, `training` says how it went."""

    name = "xsimgcl"
    network = XSimGCLModule

    def __init__(self, config: XSimGCLConfig | None = None) -> None:
        super().__init__(config or XSimGCLConfig())
