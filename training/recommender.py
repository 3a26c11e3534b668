"""The contract every model keeps, and the numeric forms in which a fitted model goes to the serving index.

The request path may not import torch: so a model that is to be served hands over arrays (`forms`) from which NumPy
alone computes the same scores as `score`. `tests/contract` holds every model of the zoo to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.feedback import Weighing
from training.data import TrainingData, UserBatch


class Monitor(Protocol):
    """Where a fit reports to: MLflow, a progress bar, or nowhere."""

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:
        """Is told after each epoch; raises `Enough` to end the fit there."""
        ...


class Enough(Exception):
    """A monitor's word that a fit shall end; the fit keeps the best of its epochs and returns as usual."""


class Silent:
    """The monitor that reports nowhere."""

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:
        """Ignores it."""


SILENT = Silent()


@dataclass(frozen=True)
class StaticForm:
    """The same score for everybody: `scores` is (num_items,)."""

    scores: NDArray[np.float32]


@dataclass(frozen=True)
class ItemForm:
    """score = history @ weights, history binary (1, num_items), weights (num_items, num_items), dense or CSR.

    With `normalise`, the history is divided by its number of items first. With `decay`, an item weighs decay ** age
    instead of one, age 0 being the newest, and only the `last` newest are read (a repeat counts once, as its newest).
    With `said`, an item counts what feedback about it does, where that is known, whether it was liked or not.
    """

    weights: NDArray[np.float32] | csr_matrix
    normalise: bool = False
    decay: float = 1.0
    last: int = 0
    said: Weighing | None = None


@dataclass(frozen=True)
class FactorForm:
    """score = user @ items.T. Known users: `users` (num_users, d). Newcomers, of n distinct items, by one of two ways;
    known users too where `users` is None: a model that keeps nothing of a person.

    With `gram` (d, d), x solves (gram + ridge (n + ridge_offset)^ridge_power I + sum_i y_i y_i^T) x = sum_i y_i over
    the history's items, y = `items` (implicit ALS). Else with `fold_in` (num_items, d),
    x = history @ fold_in / max(1, n) ** fold_in_power.

    Where a known user's history is another by now, x is `users` moved by the difference that fold-in makes of both
    histories; with `gram` x is what fold-in makes of the new one, but for `moves`: users learned from more than that.
    """

    users: NDArray[np.float32] | None
    items: NDArray[np.float32]
    fold_in: NDArray[np.float32] | None = None
    fold_in_power: float = 1.0
    gram: NDArray[np.float32] | None = None
    ridge: float = 0.0
    ridge_offset: float = 0.0
    ridge_power: float = 1.0
    moves: bool = False


@dataclass(frozen=True)
class SequenceForm:
    """score(j) = cos(h, items_j), h what a transformer gives at the newest place of a history; zeros for an empty one.

    x_0 = `items` (num_items, d) of the `last` newest items, oldest first, repeats kept. With `query` (d,), last - 1 of
    them and it after them. Then, with W of `weights` and norm(x) = (x - mean) / sqrt(variance + 1e-5) * weight + bias,
    for each of `num_layers` blocks (`blocks.0.…`): q, k, v = qkv norm_attention(x), split into heads;
    a = softmax(q k^T / sqrt(d / heads) + B); x = x + sigmoid(gate_attention x) * out(a v);
    x = x + sigmoid(gate_forward x) * down gelu(up norm_forward(x)), gelu by its tanh formula; last norm(x). B is
    `bias.table` (heads, distances): place i reads place j by column i - j, older places alone; with `query` all places,
    by column i - j + last - 1.
    """

    items: NDArray[np.float32]
    weights: Mapping[str, NDArray[np.float32]]
    last: int
    num_layers: int
    query: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class MLPForm:
    """score = f(x) @ items.T, x = history @ inputs / max(1, n) ** power of n distinct items, + users[u] for a known u.

    `inputs`, `items` (num_items, d), `users` (num_users, d). f is a layer x @ W.T + b for each W of `weights` and b of
    `biases`, with max(0, x) between them.
    """

    inputs: NDArray[np.float32]
    items: NDArray[np.float32]
    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]
    users: NDArray[np.float32]
    power: float


Form: TypeAlias = StaticForm | ItemForm | FactorForm | SequenceForm | MLPForm


class Scorer(Protocol):
    """What can be measured: anything that scores users; see `Recommender`."""

    @property
    def name(self) -> str: ...

    def score(self, users: UserBatch) -> NDArray[np.float32]: ...


class Recommender(Protocol):
    """A model: configured by a frozen dataclass, fitted once, scored in batches.

    `name` is its key in `training.zoo.ZOO`. `fit` returns self, reads `data.validation` for early stopping alone and
    is deterministic for a seed. `score` gives (len(users), num_items) float32, higher is better, seen items included
    (the evaluator excludes them). `state`/`load_state`: all that a fit made, as arrays, so that a model is saved as
    safetensors and never unpickled.
    """

    name: str

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self: ...

    def score(self, users: UserBatch) -> NDArray[np.float32]: ...

    def forms(self) -> Sequence[Form]: ...

    def state(self) -> dict[str, NDArray[np.generic]]: ...

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self: ...
