"""One step of a fit: the loss of a batch, its gradient, and what the optimiser makes of it.

By pieces and processes: torch's DistributedDataParallel averages the gradients of all processes while they are made.
With w_p the share of a batch's terms that piece p has, the loss is sum_p w_p loss_p, as of the whole batch: each of P
processes gives P sum over its own p, and the mean over processes is that sum.
"""

from __future__ import annotations

import warnings
from typing import Any, cast

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from graph.errors import Unsupported
from training.scale.generators import Generators
from training.scale.pieces import Divisible
from training.scale.precision import autocast, precision_on, scaler_for
from training.scale.runtime import Runtime


class Step:
    """Trains `network` (with a method `loss(batch)`) by `optimizer`, a batch at a time."""

    def __init__(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, runtime: Runtime, generators: Generators
    ) -> None:
        self.device = next(network.parameters()).device
        self.precision = precision_on(self.device, runtime.precision)
        self.scaler = scaler_for(self.device, self.precision)
        self._optimizer, self._runtime = optimizer, runtime
        self._loss: nn.Module = _Loss(network, runtime, generators)
        if runtime.processes > 1:
            self._loss = _distributed(self._loss)

    def __call__(self, batch: Any, place: tuple[int, int]) -> torch.Tensor:
        """One step; the loss of what this process computed. `place`: epoch, and number of the batch in it."""
        with autocast(self.device, self.precision):
            loss = self._loss(batch, place)
        self._optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.step(self._optimizer)
        self.scaler.update()
        return cast(torch.Tensor, loss.detach())


def _distributed(loss: nn.Module) -> nn.Module:
    """Parameters are made equal now, gradients at each step; buffers are constants, which all have read alike."""
    with warnings.catch_warnings():  # its successor, `forward_sync_buffers`, is younger than the torch we support
        warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated", category=FutureWarning)
        return DistributedDataParallel(loss, broadcast_buffers=False, static_graph=True)


class _Loss(nn.Module):
    """The loss as a module's forward pass: there DistributedDataParallel takes hold."""

    def __init__(self, network: nn.Module, runtime: Runtime, generators: Generators) -> None:
        super().__init__()
        self.network = network
        self._runtime, self._generators = runtime, generators

    def forward(self, batch: Any, place: tuple[int, int]) -> torch.Tensor:
        runtime, network = self._runtime, cast(Any, self.network)
        if runtime.pieces == 1:
            loss: torch.Tensor = network.loss(batch)
            return loss
        if not isinstance(batch, Divisible):
            raise Unsupported(
                f"a batch of {type(batch).__name__} cannot be shared by processes",
                valid="batches with `terms` and `piece`",
                remedy="train this model in one process",
            )
        total = torch.zeros((), device=next(self.network.parameters()).device)
        for number in runtime.mine:
            self._generators.begin(*place, number)
            total = total + self._weighed(batch, number)
        return total * runtime.processes

    def _weighed(self, batch: Divisible, number: int) -> torch.Tensor:
        """w_p loss_p; a piece without terms still has to take part in the sum of gradients."""
        piece = batch.piece(number, self._runtime.pieces)
        network = cast(Any, self.network)
        if not piece.terms:
            return cast(torch.Tensor, network.loss(batch) * 0.0)
        return cast(torch.Tensor, network.loss(piece) * (piece.terms / batch.terms))
