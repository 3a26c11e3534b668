"""The one training loop of every torch model: epochs, early stopping on validation ndcg@10, the best state restored.

A model owns its loss and its batches; the loop owns the optimiser, the clock and the choice of the epoch.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from training.data import HeldOut, Histories
from training.metrics import per_user
from training.recommender import SILENT, Enough, Monitor

METRIC = "ndcg@10"
DEPTH = 10
SCORES_AT_ONCE = 50_000_000
"""Scores held in memory while validating: 200 MB of float32."""


B = TypeVar("B", contravariant=True)


class Trainable(Protocol[B]):
    """A `torch.nn.Module` that makes a loss of a batch."""

    def loss(self, batch: B) -> torch.Tensor: ...
    def parameters(self) -> Iterator[torch.nn.Parameter]: ...
    def state_dict(self) -> dict[str, torch.Tensor]: ...
    def load_state_dict(self, state_dict: Mapping[str, torch.Tensor]) -> object: ...
    def train(self, mode: bool = True) -> object: ...


class TorchModel(Trainable[B], Protocol[B]):
    """With this method besides: `embeddings` gives (num_users, d) and (num_items, d).

    The score of a user and an item is the inner product of their embeddings.
    """

    def embeddings(self) -> tuple[torch.Tensor, torch.Tensor]: ...


@runtime_checkable
class HistoryModel(Protocol):
    """One whose user is what they did: embeddings (len(histories), d) and (num_items, d), scored as above."""

    def user_embeddings(self, histories: Histories) -> torch.Tensor: ...
    def item_embeddings(self) -> torch.Tensor: ...


@dataclass(frozen=True)
class LoopConfig:
    """`patience`: validations without a new best before stopping. `max_seconds`: no new epoch starts after that.

    `average`: decay a step of an exponential moving average of the weights, which is what is measured and kept (Polyak
    & Juditsky 1992); 0: the weights themselves.
    """

    epochs: int = 100
    learning_rate: float = 0.005
    weight_decay: float = 0.0
    evaluate_every: int = 2
    patience: int = 5
    max_seconds: float | None = None
    average: float = 0.0


@dataclass(frozen=True)
class Training:
    """How a fit went: epochs run, the epoch whose state was kept, its validation ndcg@10 (NaN without validation)."""

    epochs: int
    best_epoch: int
    best: float
    seconds: float


def default_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    model: Trainable[B],
    epoch_batches: Callable[[], Iterable[B]],
    config: LoopConfig,
    *,
    validation: HeldOut | None = None,
    monitor: Monitor = SILENT,
    clock: Callable[[], float] = time.perf_counter,
) -> Training:
    """Trains in place. Without validation it runs all epochs and keeps the last state."""
    optimizer = torch.optim.Adam(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    best, average = _Best(patience=config.patience), _Average(model, config.average)
    began, number = clock(), 0
    for number in range(1, config.epochs + 1):
        metrics = {"loss": _epoch(model, epoch_batches(), optimizer, average)}
        last = number == config.epochs or (config.max_seconds is not None and clock() - began >= config.max_seconds)
        if validation is not None and (last or number % config.evaluate_every == 0):
            with average.in_place():
                metrics[METRIC] = validation_ndcg(model, validation)
                best.offer(number, metrics[METRIC], model)
        try:
            monitor.epoch(number, config.epochs, metrics)
        except Enough:
            break
        if best.exhausted or last:
            break
    if not best.restore(model):
        average.apply()
    return Training(number, best.epoch or number, best.value if best.epoch else float("nan"), clock() - began)


def _epoch(
    model: Trainable[B], epoch_batches: Iterable[B], optimizer: torch.optim.Optimizer, average: _Average
) -> float:
    """Mean loss over the batches; summed on the device, read once."""
    model.train()
    total, count = torch.zeros(()), 0
    for batch in epoch_batches:
        loss = model.loss(batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        average.update()
        total = total.to(loss.device) + loss.detach()
        count += 1
    return float(total) / max(1, count)


class _Best:
    """The best state so far, and how long ago it was."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.epoch, self.value, self.waited = 0, -np.inf, 0
        self.state: dict[str, torch.Tensor] | None = None

    def offer(self, epoch: int, value: float, model: Trainable[B]) -> None:
        if value > self.value:
            self.epoch, self.value, self.waited = epoch, value, 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.waited += 1

    @property
    def exhausted(self) -> bool:
        return self.waited >= self.patience

    def restore(self, model: Trainable[B]) -> bool:
        """Puts the best state back, where there is one."""
        if self.state is None:
            return False
        model.load_state_dict(self.state)
        return True


class _Average:
    """A moving average of the weights; young, it forgets faster, so that it does not remember the beginning."""

    def __init__(self, model: Trainable[Any], decay: float) -> None:
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


def validation_ndcg(model: Trainable[B], held_out: HeldOut) -> float:
    """Mean ndcg@10 over the held-out users, the whole catalogue ranked."""
    model.train(mode=False)
    with torch.no_grad():
        if isinstance(model, HistoryModel):
            users, items = model.user_embeddings(held_out.histories), model.item_embeddings()
            held_out = replace(held_out, users=np.arange(len(held_out)))
        else:
            users, items = cast(TorchModel[B], model).embeddings()
        ranking = top_items(users, items, held_out)
    return float(per_user(ranking, held_out.relevant, (DEPTH,))[METRIC].mean()) if len(held_out) else 0.0


def top_items(users: torch.Tensor, items: torch.Tensor, held_out: HeldOut, depth: int = DEPTH) -> NDArray[np.int32]:
    """(len(held_out), depth) best items that are not excluded, on the embeddings' own device."""
    size = max(1, SCORES_AT_ONCE // max(1, len(items)))
    blocks = [_top_block(users, items, held_out, slice(start, start + size), depth)
              for start in range(0, len(held_out), size)]  # fmt: skip
    return np.concatenate(blocks) if blocks else np.empty((0, depth), np.int32)


def _top_block(
    users: torch.Tensor, items: torch.Tensor, held_out: HeldOut, rows: slice, depth: int
) -> NDArray[np.int32]:
    excluded = held_out.excluded[rows]
    scores = users[torch.from_numpy(held_out.users[rows]).to(users.device)] @ items.T
    row = np.repeat(np.arange(excluded.shape[0]), np.diff(excluded.indptr))
    scores[torch.from_numpy(row), torch.from_numpy(excluded.indices.astype(np.int64))] = -torch.inf
    best, ranking = scores.topk(min(depth, scores.shape[1]), dim=1)
    ranking[best == -torch.inf] = -1
    return ranking.cpu().numpy().astype(np.int32)


def arrays(state: Mapping[str, torch.Tensor]) -> dict[str, NDArray[np.generic]]:
    """A checkpoint as NumPy arrays, for safetensors."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}
