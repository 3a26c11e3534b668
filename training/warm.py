"""Starting a network from the weights of an older one: rows found again by id, all else as it was where it fits.

Between `training.retrain`, which has the older weights and ids, and the networks, which say what their parameters' rows
mean (`rows_of`). Weights of a fit on a train part start only fits on train parts of the same `stable` split: they have
seen nothing that is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.scale.runtime import PLAIN, Runtime

if TYPE_CHECKING:
    from training.data import TrainingData
    from training.loop import LoopConfig, Trainable, Training
    from training.recommender import Monitor

Rows: TypeAlias = Literal["users", "items", "users and items"]
Weights: TypeAlias = Mapping[str, NDArray[np.generic]]

EPOCHS = "epochs"
"""Among the weights: the epochs that their first fit, from nothing, took to its best."""
BASIS = "basis of "
"""Among the weights: the directions in which a projection's input is written, which change with the catalogue."""
SHARE = 0.2
"""Epochs of a warm start, as a share of those from nothing."""
LEAST = 4


class Network(Protocol):
    """A torch module that says what the rows of its parameters are, and the bases of its projections' inputs."""

    @property
    def rows_of(self) -> Mapping[str, Rows]: ...
    @property
    def bases(self) -> Mapping[str, NDArray[np.float32]]: ...
    def named_parameters(self) -> Any: ...


if TYPE_CHECKING:

    class TrainableNetwork(Network, Trainable[Any], Protocol):
        """One that the loop trains."""


@dataclass(frozen=True)
class Start:
    """Older weights. `users`, `items`: the older position of each of ours, -1 for one that is new."""

    weights: Weights
    users: NDArray[np.int64]
    items: NDArray[np.int64]
    old_users: int

    @property
    def epochs(self) -> int:
        """How many epochs the first fit took; 0 where it is not known."""
        return int(self.weights[EPOCHS][0]) if EPOCHS in self.weights else 0

    @property
    def enough(self) -> int:
        """Epochs that a fit from here gets."""
        return max(LEAST, round(SHARE * self.epochs))

    def apply(self, network: Network) -> None:
        """Writes what is known into the network's parameters."""
        for name, parameter in network.named_parameters():
            old = self.weights.get(name)
            if old is not None:
                ours = parameter.detach().cpu().numpy()
                parameter.data.copy_(parameter.new_tensor(self._merged(network, name, ours, old)))

    def _merged(self, network: Network, name: str, ours: NDArray[Any], old: NDArray[Any]) -> NDArray[Any]:
        rows = network.rows_of.get(name)
        if rows is not None and old.shape[1:] == ours.shape[1:]:
            places = self._places(rows)
            known = places >= 0
            merged: NDArray[Any] = ours.copy()
            merged[known] = old[places[known]]
            return merged
        basis, before = network.bases.get(name), self.weights.get(BASIS + name)
        if basis is not None and before is not None and len(basis) == len(before):
            found: NDArray[Any] = np.linalg.lstsq(basis, before @ old, rcond=None)[0]
            return found
        return old if rows is None and basis is None and old.shape == ours.shape else ours

    def _places(self, rows: Rows) -> NDArray[np.int64]:
        if rows == "users":
            return self.users
        if rows == "items":
            return self.items
        return np.concatenate([self.users, np.where(self.items < 0, -1, self.items + self.old_users)])


class WarmStarted:
    """What every network's model has. Set before `fit`: `start`, older weights to begin from; `runtime`, how to train.

    `weights`, after it: what a later network may begin from; no part of `state`, since nothing is served from them.
    """

    start: Start | None = None
    runtime: Runtime = PLAIN
    weights: Weights | None = None

    def train_network(
        self,
        network: TrainableNetwork,
        epoch_batches: Callable[[], Iterable[Any]],
        settings: LoopConfig,
        *,
        data: TrainingData,
        monitor: Monitor,
        rng: np.random.Generator,
    ) -> Training:
        """Trains in place from `start` as `runtime` says, and keeps the weights. `rng`: what the batches draw from."""
        from training.loop import train

        if self.start is not None:
            self.start.apply(network)
        found = train(
            network,
            epoch_batches,
            settings,
            validation=data.validation,
            monitor=monitor,
            runtime=self.runtime,
            rng=rng,
        )
        self.keep(network, found.best_epoch)
        return found

    def keep(self, network: Network, best_epoch: int) -> None:
        """Keeps what a later network may start from."""
        self.weights = weights_of(network, best_epoch if self.start is None else self.start.epochs)


def places(old: Sequence[str], new: Sequence[str]) -> NDArray[np.int64]:
    """The position among `old` of each of `new`, -1 where it is not."""
    before = {name: place for place, name in enumerate(old)}
    return np.array([before.get(name, -1) for name in new], np.int64)


def weights_of(network: Network, epochs: int) -> dict[str, NDArray[np.generic]]:
    """A fitted network's weights, for a later start."""
    found: dict[str, NDArray[np.generic]] = {
        name: parameter.detach().cpu().numpy().copy() for name, parameter in network.named_parameters()
    }
    bases = {BASIS + name: basis for name, basis in network.bases.items()}
    return {**found, **bases, EPOCHS: np.array([epochs], np.int64)}
