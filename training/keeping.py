"""What a fit keeps beside its weights: the best epoch's state, and a moving average of the weights.

Part of `training.loop`. Both can be written into a checkpoint and read back: numbers and tensors apart.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch


class Stateful(Protocol):
    """What has weights."""

    def parameters(self) -> Iterator[torch.nn.Parameter]: ...
    def state_dict(self) -> dict[str, torch.Tensor]: ...
    def load_state_dict(self, state_dict: Mapping[str, torch.Tensor]) -> object: ...


class Best:
    """The best state so far, and how long ago it was."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.epoch, self.value, self.waited = 0, -np.inf, 0
        self.state: dict[str, torch.Tensor] | None = None

    def offer(self, epoch: int, value: float, model: Stateful) -> None:
        if value > self.value:
            self.epoch, self.value, self.waited = epoch, value, 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.waited += 1

    @property
    def exhausted(self) -> bool:
        return self.waited >= self.patience

    def restore(self, model: Stateful) -> bool:
        """Puts the best state back, where there is one."""
        if self.state is None:
            return False
        model.load_state_dict(self.state)
        return True

    def numbers(self) -> dict[str, Any]:
        """For a checkpoint; the tensors are `state`."""
        return {"epoch": self.epoch, "value": float(self.value), "waited": self.waited}

    def go_on(self, numbers: Mapping[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        """From a checkpoint."""
        self.epoch, self.value, self.waited = numbers["epoch"], numbers["value"], numbers["waited"]
        self.state = tensors if self.epoch else None


class Average:
    """A moving average of the weights; young, it forgets faster, so that it does not remember the beginning."""

    def __init__(self, model: Stateful, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self._weights = [parameter.data for parameter in model.parameters()] if decay else []
        self._mean = [weights.clone() for weights in self._weights]

    def update(self) -> None:
        if not self.decay:
            return
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self._mean, self._weights, 1 - decay)

    def apply(self) -> None:
        """Puts it in the weights' place for good."""
        for weights, mean in zip(self._weights, self._mean, strict=True):
            weights.copy_(mean)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the average in its weights' place, for a while."""
        kept = [weights.clone() for weights in self._weights]
        self.apply()
        yield
        for weights, mine in zip(self._weights, kept, strict=True):
            weights.copy_(mine)

    def tensors(self) -> dict[str, torch.Tensor]:
        """For a checkpoint, with `steps`."""
        return {str(place): mean for place, mean in enumerate(self._mean)}

    def go_on(self, steps: int, tensors: Mapping[str, torch.Tensor]) -> None:
        """From a checkpoint."""
        self.steps = steps
        for place, mean in enumerate(self._mean):
            mean.copy_(tensors[str(place)])
