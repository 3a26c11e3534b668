"""Embedding MLP: a user's embedding, hidden layers, a softmax over all items.

Covington, Adams, Sargin 2016, «Deep Neural Networks for YouTube Recommendations», RecSys 2016: the mean of a history's
item embeddings, plus the user's own, goes through layers of rectified linear units; what comes out meets the items'
embeddings in a softmax. With the dropout of history items and the multinomial likelihood of Liang et al. 2018,
«Variational Autoencoders for Collaborative Filtering» (Mult-DAE):

    x_u = sum_{i in u} e_i / n^0.5 + p_u,    z_u = W_L relu(... relu(W_1 x_u + b_1) ...) + b_L,
    score(u, j) = z_u . e_j / |e_j|,
    loss = mean over the j in u of -log softmax_j(cos(z_u, e_j) / temperature), x_u of a random part of u.

The negative log-likelihood is over the whole catalogue, or over `candidates` drawn items, corrected for how often each
is drawn (Bengio & Senecal 2008; Yi et al. 2019). p_u is zero for who is new, and for a part of the users in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from graph.errors import Conflict
from training import losses
from training.data import UNKNOWN, TrainingData, UserBatch
from training.loop import LoopConfig, Training, default_device
from training.recommender import SILENT, MLPForm, Monitor
from training.sampling import Candidates, ListBatch, Positives, list_batches
from training.space import Categorical, Float, Int, Space
from training.warm import Rows, WarmStarted

POWER = 0.5
"""Of the number of items that a history's sum is divided by: longer histories say more."""


@dataclass(frozen=True)
class EmbeddingMLPConfig:
    """`num_layers` hidden ones of `hidden_size`. `dropout`: the share of a history that training hides from the input,
    and of users whose own embedding it hides. `average`: see `LoopConfig`.
    """

    embedding_size: int = 128
    hidden_size: int = 256
    num_layers: int = 1
    dropout: float = 0.5
    epochs: int = 150
    learning_rate: float = 0.003
    batch_size: int = 2048
    temperature: float = 0.2
    candidates: int = 4096
    average: float = 0.99
    patience: int = 5
    evaluate_every: int = 2
    max_seconds: float | None = None
    seed: int = 42


GRID = (EmbeddingMLPConfig(), EmbeddingMLPConfig(dropout=0.3), EmbeddingMLPConfig(num_layers=2))

SPACE: Space = {
    "embedding_size": Categorical((64, 128, 256)),
    "hidden_size": Categorical((128, 256, 512)),
    "num_layers": Int(1, 3),
    "dropout": Float(0.1, 0.8),
    "learning_rate": Float(5e-4, 1e-2, log=True),
    "temperature": Float(0.05, 0.5, log=True),
}


class EmbeddingMLPModule(nn.Module):
    """Embeddings, layers and the loss."""

    rows_of: Mapping[str, Rows] = MappingProxyType({"item": "items", "user": "users"})
    bases: Mapping[str, NDArray[np.float32]] = MappingProxyType({})
    log_expected: torch.Tensor | None

    def __init__(
        self,
        positives: Positives,
        config: EmbeddingMLPConfig,
        *,
        log_expected: NDArray[np.float32] | None,
        device: torch.device,
    ) -> None:
        super().__init__()
        self.config = config
        self.generator = torch.Generator().manual_seed(config.seed)
        size, hidden = config.embedding_size, [config.hidden_size] * config.num_layers
        self.item = nn.Parameter(self._normal(positives.num_items, size, scale=0.1).to(device))
        self.user = nn.Parameter(torch.zeros(positives.num_users, size, device=device))
        widths = [size, *hidden, size]
        scales = [(2 / width) ** 0.5 for width in widths[:-2]] + [widths[-2] ** -0.5]
        self.weights = nn.ParameterList(
            self._normal(after, before, scale=scale).to(device)
            for before, after, scale in zip(widths, widths[1:], scales, strict=False)
        )
        self.biases = nn.ParameterList(torch.zeros(width, device=device) for width in widths[1:])
        self.log_expected = None if log_expected is None else torch.from_numpy(log_expected).to(device)
        self.rows, self.liked = (torch.from_numpy(part).to(device) for part in (positives.users, positives.items))

    def _normal(self, *shape: int, scale: float) -> torch.Tensor:
        return scale * torch.randn(*shape, generator=self.generator)

    def tower(self, pooled: torch.Tensor) -> torch.Tensor:
        """(n, d) sums to (n, d) of unit length."""
        x = pooled
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = functional.linear(functional.relu(x) if place else x, weight, bias)
        return functional.normalize(x, dim=1)

    def pooled(self, rows: torch.Tensor, items: torch.Tensor, count: int) -> torch.Tensor:
        """(count, d): the embeddings of each row's items, summed and scaled."""
        sums = torch.zeros(count, self.item.shape[1], device=self.item.device).index_add(0, rows, self.item[items])
        return sums / torch.bincount(rows, minlength=count).clamp(min=1)[:, None] ** POWER

    def embeddings(self) -> tuple[torch.Tensor, torch.Tensor]:
        users = self.tower(self.pooled(self.rows, self.liked, len(self.user)) + self.user)
        return users, functional.normalize(self.item, dim=1)

    def loss(self, batch: ListBatch) -> torch.Tensor:
        count = len(batch.users)
        shown, known = self._kept(len(batch.rows)), self._kept(count)
        pooled = self.pooled(batch.rows[shown], batch.items[shown], count)
        users = self.tower(pooled + self.user[batch.users] * known[:, None])
        return losses.softmax(
            users,
            functional.normalize(self.item, dim=1),
            replace(batch, users=torch.arange(count, device=users.device)),
            temperature=self.config.temperature,
            log_expected=self.log_expected,
        )

    def _kept(self, count: int) -> torch.Tensor:
        """(count,) bool; drawn on the CPU, so that a seed gives the same on every device."""
        return (torch.rand(count, generator=self.generator) >= self.config.dropout).to(self.item.device)

    def form(self) -> MLPForm:
        with torch.no_grad():
            item, user = self.item.cpu().numpy(), self.user.cpu().numpy()
            items = functional.normalize(self.item, dim=1).cpu().numpy()
            weights, biases = ([one.cpu().numpy() for one in part] for part in (self.weights, self.biases))
        return MLPForm(item, items, tuple(weights), tuple(biases), user, POWER)


class EmbeddingMLP(WarmStarted):
    """See the module's docstring. After `fit`, `training` says how it went."""

    name = "embedding-mlp"

    def __init__(self, config: EmbeddingMLPConfig | None = None) -> None:
        self.config = config or EmbeddingMLPConfig()
        self.training: Training | None = None
        self._form: MLPForm | None = None

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        device, config = default_device(), self.config
        positives = Positives.of(data.matrix)
        candidates = Candidates(positives.item_counts, config.candidates)
        module = EmbeddingMLPModule(positives, config, log_expected=candidates.log_expected, device=device)
        rng = np.random.default_rng([config.seed, data.seed])

        def epoch() -> Iterator[ListBatch]:
            return list_batches(positives, candidates, batch_size=config.batch_size, rng=rng, device=device)

        self.training = self.train_network(module, epoch, self._loop(), data=data, monitor=monitor, rng=rng)
        self._form = module.form()
        return self

    def _loop(self) -> LoopConfig:
        config = self.config
        return LoopConfig.of(config, average=config.average)

    @property
    def fitted(self) -> MLPForm:
        """What the fit made; `Conflict` before it."""
        if self._form is None:
            raise Conflict(
                f"model {self.name!r} has not been fitted",
                valid="a model after fit or load_state",
                remedy="call fit(data) or load_state(state) first",
            )
        return self._form

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        form, history = self.fitted, users.matrix
        counts = np.maximum(1, np.diff(history.indptr)).astype(np.float32)
        x = np.asarray(history @ form.inputs, np.float32) / counts[:, None] ** np.float32(form.power)
        known = users.index != UNKNOWN
        x[known] += form.users[users.index[known]]
        for place, (weight, bias) in enumerate(zip(form.weights, form.biases, strict=True)):
            x = (np.maximum(x, 0) if place else x) @ weight.T + bias
        return np.asarray(x @ form.items.T, np.float32)

    def forms(self) -> Sequence[MLPForm]:
        return (self.fitted,)

    def state(self) -> dict[str, NDArray[np.generic]]:
        form = self.fitted
        layers = {f"weights.{place}": one for place, one in enumerate(form.weights)}
        biases = {f"biases.{place}": one for place, one in enumerate(form.biases)}
        return {"inputs": form.inputs, "items": form.items, "users": form.users, **layers, **biases}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        arrays = {name: np.asarray(one, np.float32) for name, one in state.items()}
        layers = range(sum(name.startswith("biases.") for name in arrays))
        weights, biases = (tuple(arrays[f"{part}.{place}"] for place in layers) for part in ("weights", "biases"))
        self._form = MLPForm(arrays["inputs"], arrays["items"], weights, biases, arrays["users"], POWER)
        return self
