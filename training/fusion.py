"""Gated fusion: one vector an item from its id, its relations and its modalities, whichever of them it has."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.components import principal_components
from training.data import SideInformation
from training.knowledge import neighbours
from training.pyg import HeteroData
from training.relational import RelationalConv, Weights

ID, RELATIONS = "id", "relations"


class GatedFusion(nn.Module):
    """h = sum_p a_p h_p over the parts an item has, a = softmax of w_p . tanh(h_p) + b_p over those parts alone.

    A missing part is out of the softmax: the others then share its weight, as if it did not exist. The result is scaled
    by sqrt(number of parts), so that its length does not depend on how many there are.
    """

    def __init__(self, parts: tuple[str, ...], size: int, *, id_bias: float = 2.0) -> None:
        super().__init__()
        self.parts = parts
        self.weight = nn.Parameter(torch.zeros(len(parts), size))
        self.bias = nn.Parameter(torch.tensor([id_bias if part == ID else 0.0 for part in parts]))

    def forward(self, vectors: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        """`vectors` (items, parts, d); `masks` (items, n, parts), n ways to see each item -> (items, n, d).

        Zero where nothing is present.
        """
        fused: torch.Tensor = torch.bmm(self.gates(vectors, masks), vectors)
        return fused.mul(len(self.parts) ** 0.5)

    def gates(self, vectors: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        """(items, n, parts), summing to one over the parts, or to zero where nothing is present."""
        logits = (torch.tanh(vectors) * self.weight).sum(-1) + self.bias
        gates: torch.Tensor = logits[:, None].masked_fill(~masks, -1e9).softmax(2) * masks
        return gates


class ItemParts(nn.Module):
    """What an item is before propagation: `forward` gives h (id and all) and c (content alone), both (num_items, d).

    `warm` (num_items,): items with interactions. The others have no id of their own, and nobody learns from theirs.
    """

    def __init__(
        self,
        graph: HeteroData,
        side: SideInformation,
        *,
        warm: NDArray[np.bool_],
        size: int,
        weights: Weights,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        super().__init__()
        self.id = nn.Parameter(0.1 * torch.randn(len(warm), size, generator=generator))
        around = neighbours(graph, warm)
        self.relations = (
            None
            if around is None
            else RelationalConv(around, size, weights=weights, generator=generator, device=device)
        )
        tables = {
            name: side.embeddings[name] for name in sorted(side.embeddings) if side.embeddings[name].present.any()
        }
        parts = {name: principal_components(table) for name, table in tables.items()}
        self.features = {name: torch.from_numpy(features).to(device) for name, (features, _) in parts.items()}
        self.bases = {name: basis for name, (_, basis) in parts.items()}
        self.projections = nn.ParameterDict(
            {name: torch.randn(f.shape[1], size, generator=generator) * size**-0.5 for name, f in self.features.items()}
        )
        masks = [torch.from_numpy(warm).to(device)]
        masks += [] if self.relations is None else [self.relations.present]
        masks += [torch.from_numpy(table.present).to(device) for table in tables.values()]
        present = torch.stack(masks, dim=1)
        content = present.clone()
        content[:, 0] = False
        self.masks = torch.stack([present, content], dim=1)
        self.has_content = content.any(1)
        self.fusion = GatedFusion((ID, *([] if self.relations is None else [RELATIONS]), *tables), size)
        self.to(device)

    def forward(self) -> tuple[torch.Tensor, torch.Tensor]:
        fused = self.fusion(self._vectors(), self.masks)
        return fused[:, 0], fused[:, 1]

    def _vectors(self) -> torch.Tensor:
        """(num_items, parts, d)."""
        vectors: list[torch.Tensor] = [self.id]
        if self.relations is not None:
            vectors.append(self.relations(self.id))
        vectors += [features @ self.projections[name] for name, features in self.features.items()]
        return torch.stack(vectors, dim=1)

    @torch.no_grad()
    def mean_gates(self) -> dict[str, float]:
        """How much each part weighs, on average over the items."""
        gates = self.fusion.gates(self._vectors(), self.masks)[:, 0].mean(0)
        return dict(zip(self.fusion.parts, map(float, gates), strict=True))
