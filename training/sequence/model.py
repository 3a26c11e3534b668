"""What the neural sequence models are: a config, one fit, and a fitted encoder that scores, serves and is saved.

No user has a vector of their own: whoever has a history is scored from it, known or not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from graph.errors import Conflict, InvalidData
from training.data import Histories, TrainingData, UserBatch
from training.loop import LoopConfig, Training, arrays, default_device
from training.recommender import SILENT, Monitor, SequenceForm
from training.sequence.batches import SequenceBatch, Steps
from training.sequence.encoder import Encoder, SequenceNetwork, Shape
from training.sequence.features import GRAPH
from training.sequence.losses import Loss
from training.sequence.negatives import POWER, NegativeSampler
from training.warm import Network, WarmStarted

INPUTS = "inputs"
"""Among the state: the items' vectors, (num_items, d)."""
UNIFORM = 0.0


@dataclass(frozen=True)
class SequenceConfig:
    """`last`: how many of the newest items are read. `batch_size`: places a step, about. `candidates`: negatives drawn
    a step; with fewer items all are. `temperature` divides cosines in the loss. `id_dropout`: share of the items, of
    those with text, image or attributes, that a step sees without their own id. `average`: see `training.loop`.
    """

    embedding_size: int = 128
    num_layers: int = 1
    num_heads: int = 2
    last: int = 50
    epochs: int = 60
    learning_rate: float = 0.004
    regularization: float = 0.0
    batch_size: int = 2048
    candidates: int = 1024
    temperature: float = 0.06
    dropout: float = 0.4
    id_dropout: float = 0.05
    loss: Loss = "softmax"
    average: float = 0.99
    patience: int = 3
    evaluate_every: int = 2
    max_seconds: float | None = None
    seed: int = 42

    def __post_init__(self) -> None:
        if self.embedding_size % self.num_heads:
            raise InvalidData(
                f"embedding_size {self.embedding_size} cannot be shared by {self.num_heads} heads",
                valid="a multiple of num_heads",
                remedy="set num_heads to a divisor of embedding_size",
            )


C = TypeVar("C", bound=SequenceConfig)


class SequenceModel(WarmStarted, ABC, Generic[C]):
    """After `fit`, `training` says how it went."""

    name: str
    causal: ClassVar[bool]

    def __init__(self, config: C) -> None:
        self.config = config
        self.training: Training | None = None
        self._encoder: Encoder | None = None
        self._items = torch.empty(0)

    @abstractmethod
    def batches(self, histories: Histories, steps: Steps) -> Iterator[SequenceBatch]:
        """One epoch."""

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        config, device = self.config, default_device()
        counts = np.bincount(data.histories.items, minlength=data.num_items)
        sampler = NegativeSampler(counts, config.candidates, power=POWER if config.loss == "softmax" else UNIFORM)
        steps = Steps(sampler, np.random.default_rng([config.seed, data.seed]), device)
        with torch.random.fork_rng():  # weights and attention's dropout are drawn from the global generator
            torch.manual_seed(config.seed)
            network = self._network(data).to(device)
            self.training = self.train_network(
                network,
                lambda: self.batches(data.histories, steps),
                self._loop(),
                data=data,
                monitor=monitor,
                rng=steps.rng,
            )
        network.eval()
        with torch.no_grad():
            self._encoder, self._items = network.encoder, network.items()
        return self

    def keep(self, network: Network, best_epoch: int) -> None:
        """As `WarmStarted.keep`; the graph's directions are of other entities next time, so theirs start anew."""
        super().keep(network, best_epoch)
        self.weights = {name: one for name, one in (self.weights or {}).items() if not name.endswith(f".{GRAPH}")}

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        """Cosines, (len(users), num_items)."""
        encoder = self._fitted()
        with torch.no_grad():
            vectors = encoder.users(self._items, users.histories)
            return (vectors @ torch.nn.functional.normalize(self._items, dim=1).T).cpu().numpy()

    def forms(self) -> Sequence[SequenceForm]:
        encoder = self._fitted()
        weights = {name: np.asarray(one, np.float32) for name, one in arrays(encoder.state_dict()).items()}
        query = weights.pop("query", None)
        return (SequenceForm(self._items.cpu().numpy(), weights, encoder.shape.last, encoder.shape.num_layers, query),)

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {INPUTS: self._items.cpu().numpy(), **arrays(self._fitted().state_dict())}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        tensors = {name: torch.from_numpy(np.array(one, np.float32)) for name, one in state.items()}
        self._items = tensors.pop(INPUTS)
        self._encoder = Encoder(self._shape())
        self._encoder.load_state_dict(tensors)
        self._encoder.eval()
        return self

    def _fitted(self) -> Encoder:
        if self._encoder is None:
            raise Conflict(
                f"model {self.name!r} has not been fitted",
                valid="a model after fit or load_state",
                remedy="call fit(data) or load_state(state) first",
            )
        return self._encoder

    def _shape(self) -> Shape:
        config = self.config
        return Shape(
            config.embedding_size, config.num_layers, config.num_heads, config.last, config.dropout, self.causal
        )  # fmt: skip

    def _network(self, data: TrainingData) -> SequenceNetwork:
        config = self.config
        return SequenceNetwork(
            data,
            self._shape(),
            id_dropout=config.id_dropout,
            temperature=config.temperature,
            loss=config.loss,
            seed=config.seed,
        )

    def _loop(self) -> LoopConfig:
        config = self.config
        return LoopConfig.of(config, weight_decay=config.regularization, average=config.average)
