"""Relation-typed message passing between items that share attributes: one layer of the knowledge-aware GNN.

m_ir = mean over the neighbours j of i by relation r of x_j (`training.knowledge`), then one of
  scalar     sum_r a_r m_ir,              a = softmax of one learned number a relation
  basis      sum_r a_r W_r m_ir,          W_r = sum_b c_rb V_b (R-GCN, Schlichtkrull et al. 2018)
  attentive  sum_r a_ir m_ir,             a_i = softmax of w_r . tanh(m_ir) + b_r (after KGAT, Wang et al. 2019)
each softmax over the relations by which the item reaches anybody.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from training.graph_ops import Propagation
from training.knowledge import Neighbours
from training.pyg import MessagePassing

Weights = Literal["scalar", "basis", "attentive"]


class RelationalConv(MessagePassing):  # type: ignore[misc]
    """x (num_items, d) -> (num_items, d), zero rows where `present` (num_items,) is False.

    PyG's fused form: messages are never stored an edge, both factors are sparse products.
    """

    def __init__(
        self,
        around: Neighbours,
        size: int,
        *,
        weights: Weights,
        bases: int = 4,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        super().__init__(aggr="mean")
        self.relations = len(around.relations)
        self.weights = weights
        self.gather = Propagation.of(around.gather, device=device)
        self.spread = Propagation.of(around.spread, device=device)
        self.own = torch.from_numpy(around.own).to(device)
        self.reaches = torch.from_numpy(around.present).to(device)
        self.present = self.reaches.any(1)
        self.relation_bias = nn.Parameter(torch.zeros(self.relations))
        if weights == "attentive":
            self.relation_weight = nn.Parameter(torch.zeros(self.relations, size))
        if weights == "basis":
            noise = 0.02 * torch.randn(bases, size, size, generator=generator)
            self.bases = nn.Parameter(torch.eye(size) / bases**0.5 + noise)
            self.mixture = nn.Parameter(torch.full((self.relations, bases), bases**-0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        messages = self.message_and_aggregate(self.spread.matrix, x)
        weights = self.attention(messages)
        ours = (weights * self.own).sum(1, keepdim=True)
        if self.weights != "basis":
            return self._weighed(weights, messages) - ours * x
        mixed = torch.stack([self._weighed(weights * share, messages) for share in self.mixture.T])
        own = torch.stack([((weights * share) * self.own).sum(1, keepdim=True) * x for share in self.mixture.T])
        return torch.einsum("bid,bde->ie", mixed - own, self.bases)

    def message_and_aggregate(self, edge_index: torch.Tensor, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG002 - PyG's signature; the product keeps the transpose too
        """(num_items, R, d) means over what each item reaches, itself not yet taken out."""
        return self.spread(self.gather(x)).view(-1, self.relations, x.shape[1])

    @staticmethod
    def _weighed(weights: torch.Tensor, messages: torch.Tensor) -> torch.Tensor:
        return torch.bmm(weights[:, None], messages)[:, 0]

    def attention(self, messages: torch.Tensor) -> torch.Tensor:
        """(num_items, R) weights, summing to one over the relations an item has."""
        logits = self.relation_bias.expand(len(messages), -1)
        if self.weights == "attentive":
            logits = logits + (torch.tanh(messages) * self.relation_weight).sum(-1)
        weights: torch.Tensor = logits.masked_fill(~self.reaches, -1e9).softmax(1) * self.reaches
        return weights
