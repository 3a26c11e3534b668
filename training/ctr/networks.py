"""Click models in PyTorch: logistic regression, DeepFM and DCN-v2 over one embedding table.

Inputs of a row: embeddings e_1..e_m of its fields and bags (mean of the members), and dense numbers, scaled by train.

- `lr`: logit = b + sum w_f + w.dense.
- `deepfm` (Guo et al. 2017, eq. 1-4): logit = linear + 1/2 sum_d [(sum_i e_i)^2 - sum_i e_i^2] + MLP(x0).
- `dcn-v2` (Wang et al. 2021, eq. 1 and 4, low rank): x_{l+1} = x0 * (U_l V_l x_l + b_l) + x_l, beside an MLP, then one
  linear layer over both. The linear part of `lr` is added, as it is in DeepFM.

x0 is all embeddings and the dense numbers side by side. A model is fitted by `training.ctr.fit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.ctr.features import Features


@dataclass(frozen=True)
class Shape:
    """What a network must know of the features: of one table, where each bag's block begins, how many of each."""

    table_size: int
    num_fields: int
    bag_offsets: tuple[int, ...]
    num_dense: int

    @property
    def num_embeddings(self) -> int:
        return self.num_fields + len(self.bag_offsets)


def shape_of(features: Features) -> Shape:
    """The shape of these features."""
    sizes = [bag.shape[1] for bag in features.bags]
    offsets = tuple(int(sum(features.sizes)) + int(sum(sizes[:place])) for place in range(len(sizes)))
    return Shape(features.table_size, len(features.sizes), offsets, features.dense.shape[1])


@dataclass(frozen=True)
class Batch:
    """`values` (n, fields) and `bags` [(members of all rows, where each row's begin)] are places in the table."""

    values: Tensor
    bags: tuple[tuple[Tensor, Tensor], ...]
    dense: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on `device`."""
        bags = tuple((members.to(device), starts.to(device)) for members, starts in self.bags)
        return Batch(self.values.to(device), bags, self.dense.to(device))


def make_batch(features: Features, rows: NDArray[np.int64], shape: Shape) -> Batch:
    """These rows as tensors."""
    bags = []
    for bag, offset in zip(features.bags, shape.bag_offsets, strict=True):
        mine = bag[features.item[rows]]
        bags.append(
            (
                torch.from_numpy(mine.indices.astype(np.int64) + offset),
                torch.from_numpy(mine.indptr[:-1].astype(np.int64)),
            )
        )
    values = torch.from_numpy(features.values[rows].astype(np.int64))
    return Batch(values, tuple(bags), torch.from_numpy(features.dense[rows]))


@dataclass(frozen=True)
class NetworkConfig:
    """`layers`: widths of the MLP. `num_layers`, `rank`: cross layers and the rank of their matrices (`dcn-v2`)."""

    embedding_size: int = 16
    layers: tuple[int, ...] = (128, 64)
    num_layers: int = 2
    rank: int = 32
    dropout: float = 0.2
    embedding_dropout: float = 0.1


class Embeddings(nn.Module):
    """(n, fields + bags, d) embeddings of a batch; rows without a member have zeros for that bag."""

    def __init__(self, shape: Shape, size: int, deviation: float = 0.01) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape.table_size, size) * deviation)

    def forward(self, batch: Batch) -> Tensor:
        found = [functional.embedding(batch.values, self.weight)]
        for members, starts in batch.bags:
            found.append(functional.embedding_bag(members, self.weight, starts, mode="mean")[:, None])
        return torch.cat(found, 1)


class Scale(nn.Module):
    """Dense numbers less their mean over their deviation; unknown ones become the mean."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def fit(self, dense: NDArray[np.float32]) -> None:
        """From train's rows."""
        if not dense.shape[1]:
            return
        known = np.ma.masked_invalid(dense)
        self.mean.copy_(torch.from_numpy(np.asarray(known.mean(0).filled(0.0), np.float32)))
        self.deviation.copy_(torch.from_numpy(np.asarray(known.std(0).filled(1.0), np.float32)).clamp_min(1e-6))

    def forward(self, dense: Tensor) -> Tensor:
        return torch.nan_to_num((dense - self.mean) / self.deviation).clamp(-8.0, 8.0)


class Network(Protocol):
    """(n,) logits of a batch. `scale` is fitted on train."""

    scale: Scale

    def __call__(self, batch: Batch) -> Tensor: ...


class Linear(nn.Module):
    """(n,) sum of one weight for each value and member (mean over the members), and of weighted dense numbers."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embeddings = Embeddings(shape, 1, deviation=0.0)
        self.weight = nn.Parameter(torch.zeros(shape.num_dense))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, batch: Batch, dense: Tensor) -> Tensor:
        found: Tensor = self.embeddings(batch).sum((1, 2)) + dense @ self.weight + self.bias
        return found


class LogisticRegression(nn.Module):
    """The linear part alone."""

    def __init__(self, shape: Shape, _config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.scale = Scale(shape.num_dense)
        self.linear = Linear(shape)

    def forward(self, batch: Batch) -> Tensor:
        found: Tensor = self.linear(batch, self.scale(batch.dense))
        return found


def mlp(size: int, config: NetworkConfig) -> nn.Sequential:
    """Linear, ReLU and dropout for each of `config.layers`."""
    parts: list[nn.Module] = []
    for width in config.layers:
        parts += [nn.Linear(size, width), nn.ReLU(), nn.Dropout(config.dropout)]
        size = width
    return nn.Sequential(*parts)


class DeepFM(nn.Module):
    """Linear part, factorisation machine and MLP on the same embeddings."""

    def __init__(self, shape: Shape, config: NetworkConfig) -> None:
        super().__init__()
        self.scale = Scale(shape.num_dense)
        self.linear = Linear(shape)
        self.embeddings = Embeddings(shape, config.embedding_size)
        self.dropout = nn.Dropout(config.embedding_dropout)
        self.deep = mlp(shape.num_embeddings * config.embedding_size + shape.num_dense, config)
        self.out = nn.Linear(config.layers[-1], 1)

    def forward(self, batch: Batch) -> Tensor:
        found = self.dropout(self.embeddings(batch))
        pairs = 0.5 * (found.sum(1).square() - found.square().sum(1)).sum(1)
        dense = self.scale(batch.dense)
        deep = self.deep(torch.cat([found.flatten(1), dense], 1))
        return torch.as_tensor(self.linear(batch, dense) + pairs + self.out(deep)[:, 0])


class DCNv2(nn.Module):
    """Cross network and MLP side by side."""

    def __init__(self, shape: Shape, config: NetworkConfig) -> None:
        super().__init__()
        size = shape.num_embeddings * config.embedding_size + shape.num_dense
        self.scale = Scale(shape.num_dense)
        self.linear = Linear(shape)
        self.embeddings = Embeddings(shape, config.embedding_size)
        self.dropout = nn.Dropout(config.embedding_dropout)
        self.narrow = nn.ModuleList(nn.Linear(size, config.rank, bias=False) for _ in range(config.num_layers))
        self.wide = nn.ModuleList(nn.Linear(config.rank, size) for _ in range(config.num_layers))
        self.deep = mlp(size, config)
        self.out = nn.Linear(size + config.layers[-1], 1)

    def forward(self, batch: Batch) -> Tensor:
        found = self.dropout(self.embeddings(batch)).flatten(1)
        dense = self.scale(batch.dense)
        first = torch.cat([found, dense], 1)
        crossed = first
        for narrow, wide in zip(self.narrow, self.wide, strict=True):
            crossed = first * wide(narrow(crossed)) + crossed
        both = torch.cat([crossed, self.deep(first)], 1)
        return torch.as_tensor(self.out(both)[:, 0] + self.linear(batch, dense))


NETWORKS: Mapping[str, type[LogisticRegression | DeepFM | DCNv2]] = MappingProxyType(
    {"lr": LogisticRegression, "deepfm": DeepFM, "dcn-v2": DCNv2}
)
