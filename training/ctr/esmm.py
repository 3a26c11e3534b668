"""ESMM: conversion after a click, learned over all impressions (Ma et al. 2018, «Entire Space Multi-Task Model»).

    pCTCVR = pCTR x pCVR                                                   (eq. 2)
    L = sum CE(click, pCTR) + sum CE(click and conversion, pCTCVR)         (eq. 3)

Two towers on one embedding table. pCVR has no loss of its own: conversions are seen only after clicks, so a model of
them fitted on clicks alone is biased towards what gets clicked. Also `fit_naive`, that biased model, to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from graph.errors import InvalidData
from training.ctr.calibrate import FloatArray
from training.ctr.features import Features
from training.ctr.fit import Fit, FitConfig, fit_network, outputs
from training.ctr.models import ClickModelConfig, fit_click_model
from training.ctr.networks import Batch, Embeddings, NetworkConfig, Scale, Shape, mlp, shape_of


class EntireSpaceNetwork(nn.Module):
    """(n, 2): logits of a click, and of a conversion given a click."""

    def __init__(self, shape: Shape, config: NetworkConfig) -> None:
        super().__init__()
        size = shape.num_embeddings * config.embedding_size + shape.num_dense
        self.scale = Scale(shape.num_dense)
        self.embeddings = Embeddings(shape, config.embedding_size)
        self.dropout = nn.Dropout(config.embedding_dropout)
        self.towers = nn.ModuleList(
            nn.Sequential(mlp(size, config), nn.Linear(config.layers[-1], 1)) for _tower in range(2)
        )

    def forward(self, batch: Batch) -> Tensor:
        found = self.dropout(self.embeddings(batch)).flatten(1)
        first = torch.cat([found, self.scale(batch.dense)], 1)
        return torch.cat([tower(first) for tower in self.towers], 1)


@dataclass(frozen=True)
class EntireSpaceModel:
    """A fitted ESMM."""

    shape: Shape
    network: EntireSpaceNetwork
    fit: Fit

    def probabilities(self, features: Features, rows: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        """(len(rows),) of a click, and (len(rows),) of a conversion given a click."""
        logits = outputs(self.network, features, rows, self.shape)
        both = 1.0 / (1.0 + np.exp(-logits))
        return both[:, 0], both[:, 1]


def fit_esmm(
    features: Features,
    conversion: NDArray[np.float32],
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    *,
    network: NetworkConfig | None = None,
    fit: FitConfig | None = None,
) -> EntireSpaceModel:
    """`features.label` are clicks and `conversion` (rows,) is 0/1 of every impression.

    Raises `InvalidData` for a conversion without a click, and where train has no conversion.
    """
    _check(features.label, conversion, train)
    shape, config = shape_of(features), fit or FitConfig()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        made = EntireSpaceNetwork(shape, network or NetworkConfig())
    made.scale.fit(features.dense[train])

    def loss(model: nn.Module, batch: Batch, rows: NDArray[np.int64], device: torch.device) -> Tensor:
        click, converted = (torch.from_numpy(of[rows]).to(device) for of in (features.label, conversion))
        return entire_space_loss(model(batch), click, converted)

    fitted = fit_network(made, features, train, validation, config, shape=shape, loss=loss)
    return EntireSpaceModel(shape, made, fitted)


def entire_space_loss(logits: Tensor, click: Tensor, conversion: Tensor) -> Tensor:
    """Mean of both cross-entropies; `logits` (n, 2)."""
    log_both = functional.logsigmoid(logits).sum(1)
    log_neither = torch.log1p(-torch.exp(log_both).clamp(max=1 - 1e-6))
    converted = -(conversion * log_both + (1 - conversion) * log_neither).mean()
    return functional.binary_cross_entropy_with_logits(logits[:, 0], click) + converted


def fit_naive(
    features: Features,
    conversion: NDArray[np.float32],
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    config: ClickModelConfig,
) -> tuple[FloatArray, Fit]:
    """Conversion learned from clicked rows alone: (rows,) probability of a conversion given a click, for all rows."""
    _check(features.label, conversion, train)
    of_conversion = replace(features, label=conversion)
    clicked = features.label > 0
    model = fit_click_model(config, of_conversion, train[clicked[train]], validation[clicked[validation]])
    return model.probabilities(of_conversion, np.arange(len(features))), model.fit


def _check(click: NDArray[np.float32], conversion: NDArray[np.float32], train: NDArray[np.int64]) -> None:
    orphans = int(((conversion > 0) & (click == 0)).sum())
    if orphans or not conversion[train].any() or conversion.shape != click.shape:
        raise InvalidData(
            f"{orphans} conversions without a click"
            if orphans
            else f"conversions of shape {conversion.shape}, none in train",
            valid="0/1 for every impression, 1 only where the click is 1, some of them in train",
            remedy="attribute each conversion to a click, or leave it out",
        )
