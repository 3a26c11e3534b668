"""Fits a click model: minibatches of train, early stopping on the log loss of validation, the best state restored.

Embedding tables have a decay of their own (AdamW's): what few rows touch is what overfits, often within an epoch, so
the validation is measured several times an epoch. Read by `training.ctr.models`.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.ctr.features import Features
from training.ctr.networks import Batch, Shape, make_batch
from training.loop import default_device

SCORED_AT_ONCE = 16_384


@dataclass(frozen=True)
class FitConfig:
    """`decay`: pull of the embedding tables towards zero, and `weight_decay` of all else, both a share of the learning
    rate each step. `patience`: validations without a new best. `max_seconds`: no new validation interval after that.
    """

    epochs: int = 12
    batch_size: int = 4096
    learning_rate: float = 2e-3
    decay: float = 0.05
    weight_decay: float = 0.01
    evaluations: int = 2
    patience: int = 3
    max_seconds: float | None = None
    seed: int = 42


@dataclass(frozen=True)
class Fit:
    """Validations made, the best of them (an epoch and its log loss), seconds."""

    epochs: float
    best_epoch: float
    log_loss: float
    seconds: float


Loss = Callable[[nn.Module, Batch, NDArray[np.int64], torch.device], Tensor]
"""(network, batch, its row numbers, device) -> mean loss."""


def click_loss(features: Features) -> Loss:
    """Cross-entropy of the label."""

    def loss(network: nn.Module, batch: Batch, rows: NDArray[np.int64], device: torch.device) -> Tensor:
        label = torch.from_numpy(features.label[rows]).to(device)
        return functional.binary_cross_entropy_with_logits(network(batch), label)

    return loss


def fit_network(
    network: nn.Module,
    features: Features,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    config: FitConfig,
    *,
    shape: Shape,
    loss: Loss,
) -> Fit:
    """Trains in place on rows `train` of `features`; the state of the lowest loss on rows `validation` is kept.

    Dropout follows the seed; the process's own generators are left as they were.
    """
    device = default_device()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        return _fit(network.to(device), features, (train, validation), config, shape, loss)


def _fit(
    network: nn.Module,
    features: Features,
    parts: tuple[NDArray[np.int64], NDArray[np.int64]],
    config: FitConfig,
    shape: Shape,
    loss: Loss,
) -> Fit:
    train, validation = parts
    device, began = next(network.parameters()).device, time.perf_counter()
    optimizer = torch.optim.AdamW(_groups(network, config), lr=config.learning_rate, fused=True)
    best, best_step, waited, state, step = np.inf, 0, 0, copy.deepcopy(network.state_dict()), 0
    rng = np.random.default_rng(config.seed)
    for step, interval in enumerate(_intervals(train, config, rng), 1):
        network.train()
        for rows in interval:
            value = loss(network, make_batch(features, rows, shape).to(device), rows, device)
            optimizer.zero_grad(set_to_none=True)
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        measured = _mean_loss(network, features, validation, shape, loss, device)
        if measured < best - 1e-6:
            best, best_step, waited, state = measured, step, 0, copy.deepcopy(network.state_dict())
        else:
            waited += 1
        spent = time.perf_counter() - began
        if waited >= config.patience or (config.max_seconds is not None and spent >= config.max_seconds):
            break
    network.load_state_dict(state)
    network.eval()
    each = config.evaluations
    return Fit(step / each, best_step / each, float(best), time.perf_counter() - began)


def _groups(network: nn.Module, config: FitConfig) -> list[dict[str, object]]:
    named = list(network.named_parameters())
    tables = [parameter for name, parameter in named if name.endswith("embeddings.weight")]
    chosen = {id(parameter) for parameter in tables}
    rest = [parameter for _name, parameter in named if id(parameter) not in chosen]
    return [{"params": tables, "weight_decay": config.decay}, {"params": rest, "weight_decay": config.weight_decay}]


def _intervals(
    train: NDArray[np.int64], config: FitConfig, rng: np.random.Generator
) -> Iterator[list[NDArray[np.int64]]]:
    """Batches between two validations."""
    for _epoch in range(config.epochs):
        shuffled = rng.permutation(train)
        batches = [shuffled[start : start + config.batch_size] for start in range(0, len(train), config.batch_size)]
        step = -(-len(batches) // config.evaluations)
        for place in range(config.evaluations):
            yield batches[place * step : (place + 1) * step]


def _mean_loss(
    network: nn.Module, features: Features, rows: NDArray[np.int64], shape: Shape, loss: Loss, device: torch.device
) -> float:
    network.eval()
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(rows), SCORED_AT_ONCE):
            block = rows[start : start + SCORED_AT_ONCE]
            total += float(loss(network, make_batch(features, block, shape).to(device), block, device)) * len(block)
    return total / len(rows)


def outputs(network: nn.Module, features: Features, rows: NDArray[np.int64], shape: Shape) -> NDArray[np.float64]:
    """(len(rows), ...) what the network gives, as float64."""
    device, found = next(network.parameters()).device, []
    network.eval()
    with torch.no_grad():
        for start in range(0, len(rows), SCORED_AT_ONCE):
            batch = make_batch(features, rows[start : start + SCORED_AT_ONCE], shape).to(device)
            found.append(network(batch).cpu().numpy().astype(np.float64))
    return np.concatenate(found) if found else np.empty(0)
