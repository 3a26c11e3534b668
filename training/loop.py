"""The one training loop of every torch model: epochs, early stopping on validation ndcg@10, the best state restored.

A model owns its loss and its batches; the loop owns the optimiser, the clock and the choice of the epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from training.data import HeldOut, Histories
from training.keeping import Average, Best
from training.metrics import TARGET, per_user
from training.recommender import SILENT, Enough, Monitor
from training.scale.checkpoint import Due, Saved, joined, read, write
from training.scale.generators import Generators
from training.scale.runtime import PLAIN, Runtime
from training.scale.step import Step
from training.scale.world import first_says, summed

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


class Schedule(Protocol):
    """What every network's config says of its loop."""

    @property
    def epochs(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def evaluate_every(self) -> int: ...
    @property
    def patience(self) -> int: ...
    @property
    def max_seconds(self) -> float | None: ...


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

    @classmethod
    def of(cls, config: Schedule, *, weight_decay: float = 0.0, average: float = 0.0) -> LoopConfig:
        """The loop of a network's config. What its `regularization` means is the network's to say."""
        return cls(
            epochs=config.epochs,
            learning_rate=config.learning_rate,
            weight_decay=weight_decay,
            evaluate_every=config.evaluate_every,
            patience=config.patience,
            max_seconds=config.max_seconds,
            average=average,
        )


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
    runtime: Runtime = PLAIN,
    rng: np.random.Generator | None = None,
) -> Training:
    """Trains in place. Without validation it runs all epochs and keeps the last state.

    `rng`: the generator that `epoch_batches` draws from; its state is part of a checkpoint. With `runtime.checkpoint` a
    fit that was killed goes on as if nothing had been, to the last bit where sums are made in the same order.
    """
    alone = runtime.pieces == 1 and runtime.checkpoint is None
    with nullcontext() if alone else torch.random.fork_rng():  # pieces and checkpoints set the global generator
        fit = _Fit(model, config, runtime, rng)
        return fit.run(epoch_batches, validation=validation, monitor=monitor, clock=clock)


class _Fit(Generic[B]):
    """One fit on its way: all that a checkpoint holds."""

    def __init__(
        self, model: Trainable[B], config: LoopConfig, runtime: Runtime, rng: np.random.Generator | None
    ) -> None:
        self.model, self.config, self.runtime = model, config, runtime
        self.optimizer = torch.optim.Adam(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        network = cast(torch.nn.Module, model)
        self.generators = Generators(network, rng)
        self.step = Step(network, self.optimizer, runtime, self.generators)
        self.best, self.average = Best(patience=config.patience), Average(model, config.average)
        self.number, self.elapsed, self.over = 0, 0.0, False
        self.history: list[tuple[int, dict[str, float]]] = []

    def run(
        self,
        epoch_batches: Callable[[], Iterable[B]],
        *,
        validation: HeldOut | None,
        monitor: Monitor,
        clock: Callable[[], float],
    ) -> Training:
        """All epochs that are left, and the end."""
        self._go_on(monitor)
        began, due = clock() - self.elapsed, Due(self.runtime)
        while not self.over and self.number < self.config.epochs:
            self.number += 1
            loss = self._epoch(epoch_batches())
            last = self._last(lambda: clock() - began)
            told = self._tell(monitor, {"loss": loss, **self._measured(validation, last=last)})
            self.over = bool(first_says(last or not told or self.best.exhausted, self.runtime.processes))
            if told and due.now(end=self.over):
                self.elapsed = clock() - began
                self._save()
        if not self.best.restore(self.model):
            self.average.apply()
        best = self.best
        return Training(
            self.number, best.epoch or self.number, best.value if best.epoch else float("nan"), clock() - began
        )

    def _last(self, elapsed: Callable[[], float]) -> bool:
        """Is this the last epoch, whatever it measures."""
        config = self.config
        last = self.number == config.epochs or (config.max_seconds is not None and elapsed() >= config.max_seconds)
        return bool(first_says(last, self.runtime.processes))

    def _epoch(self, batches: Iterable[B]) -> float:
        """Mean loss over the batches; summed on the device, read once."""
        self.model.train()
        total, count = torch.zeros(()), 0
        for batch in batches:
            loss = self.step(batch, (self.number, count))
            self.average.update()
            total = total.to(loss.device) + loss
            count += 1
        (whole,) = summed([float(total)], self.runtime.processes)
        return whole / self.runtime.processes / max(1, count)

    def _measured(self, validation: HeldOut | None, *, last: bool) -> dict[str, float]:
        if validation is None or not (last or self.number % self.config.evaluate_every == 0):
            return {}
        with self.average.in_place():
            quality = validation_ndcg(self.model, validation, self.runtime)
            self.best.offer(self.number, quality, self.model)
        return {TARGET: quality}

    def _tell(self, monitor: Monitor, metrics: dict[str, float]) -> bool:
        """False when the monitor has had enough."""
        if self.runtime.checkpoint is not None:
            self.history.append((self.number, metrics))
        try:
            monitor.epoch(self.number, self.config.epochs, metrics)
        except Enough:
            return False
        return True

    def _save(self) -> None:
        assert self.runtime.checkpoint is not None
        write(self.runtime.checkpoint, Saved(self._numbers(), joined(self._tensors())))

    def _numbers(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "elapsed": self.elapsed,
            "over": self.over,
            "history": self.history,
            "best": self.best.numbers(),
            "steps": self.average.steps,
            "generators": self.generators.states(),
            "scaler": self.step.scaler.state_dict(),
        }

    def _tensors(self) -> dict[str, Mapping[str, torch.Tensor]]:
        moments = self.optimizer.state_dict()["state"]
        return {
            "model": self.model.state_dict(),
            "best": self.best.state or {},
            "mean": self.average.tensors(),
            "optimizer": {f"{place}.{name}": one for place, state in moments.items() for name, one in state.items()},
            "generator": self.generators.tensors(),
        }

    def _go_on(self, monitor: Monitor) -> None:
        """From the checkpoint, where there is one; the monitor is told of the epochs that were."""
        saved = read(self.runtime)
        if saved is None:
            return
        about = saved.about
        self.number, self.elapsed, self.over = about["number"], about["elapsed"], about["over"]
        self.model.load_state_dict(saved.part("model"))
        self.best.go_on(about["best"], saved.part("best"))
        self.average.go_on(about["steps"], saved.part("mean"))
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, one in saved.part("optimizer").items():
            place, _, moment = name.partition(".")
            moments.setdefault(int(place), {})[moment] = one
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.step.scaler.load_state_dict(about["scaler"])
        self.generators.restore(saved.part("generator"), about["generators"])
        self.history = [(number, metrics) for number, metrics in about["history"]]
        try:
            for number, metrics in self.history:
                monitor.epoch(number, self.config.epochs, metrics)
        except Enough:
            self.over = True


def validation_ndcg(model: Trainable[B], held_out: HeldOut, runtime: Runtime = PLAIN) -> float:
    """Mean ndcg@10 over the held-out users, the whole catalogue ranked, or `only` some items; each process ranks for
    its share of them.
    """
    model.train(mode=False)
    if runtime.processes > 1:
        held_out = held_out.take(np.arange(runtime.rank, len(held_out), runtime.processes))
    with torch.no_grad():
        if isinstance(model, HistoryModel):
            users, items = model.user_embeddings(held_out.histories), model.item_embeddings()
            held_out = replace(held_out, users=np.arange(len(held_out)))
        else:
            users, items = cast(TorchModel[B], model).embeddings()
        ranking = top_items(users, items, held_out)
    found = per_user(ranking, held_out.relevant, (DEPTH,))[TARGET] if len(held_out) else np.zeros(0)
    if runtime.processes == 1:
        return float(found.mean()) if len(found) else 0.0
    whole, count = summed([float(found.sum()), len(found)], runtime.processes)
    return whole / max(1.0, count)


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
    if held_out.only is not None:
        scores[:, torch.from_numpy(~held_out.only).to(scores.device)] = -torch.inf
    best, ranking = scores.topk(min(depth, scores.shape[1]), dim=1)
    ranking[best == -torch.inf] = -1
    return ranking.cpu().numpy().astype(np.int32)


def arrays(state: Mapping[str, torch.Tensor]) -> dict[str, NDArray[np.generic]]:
    """A checkpoint as NumPy arrays, for safetensors."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}
