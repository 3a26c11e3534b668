"""A small factor model taught by a large ranker: a file several times smaller, and one short product a request.

Ranking distillation (Tang, Wang 2018, «Ranking Distillation», KDD; the listwise loss of Cao et al. 2007, «Learning to
Rank», ICML). With t_u the teacher's scores of user u, standardised, and J_u their `depth` best items that u did not
meet,

    loss = mean over u of - sum_{j in J_u} softmax_j(t_u / temperature) log softmax_j(p_u . q_j),

the right softmax over all items that u did not meet, or over J_u and `candidates` drawn ones. p and q begin as the best
approximation of t of their width (truncated singular value decomposition over at most `SAMPLE` users), which the loss
then bends towards the top. A newcomer's p is a linear map of the mean of the items' q, as in `bpr`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from training.blend import Blend, BlendConfig, MemberConfig, standardise
from training.data import TrainingData, UserBatch
from training.factors import Factors, FittedFactors, mean_fold_in
from training.loop import default_device
from training.recommender import SILENT, Enough, Monitor, Recommender
from training.sampling import Candidates
from training.space import Categorical, Float, Int, Space
from training.topk import top_k

SAMPLE = 4096
AT_ONCE = 1024
"""Users scored by the teacher at once."""


@dataclass(frozen=True)
class DistilledConfig:
    """`teacher`: a model of the zoo, or several joined by `+`, whose standardised scores are added."""

    teacher: str = "ease"
    embedding_size: int = 32
    epochs: int = 30
    learning_rate: float = 0.01
    temperature: float = 0.3
    depth: int = 100
    candidates: int = 4096
    batch_size: int = 128
    seed: int = 42


GRID = (DistilledConfig(), DistilledConfig(embedding_size=64))

SPACE: Space = {
    "embedding_size": Categorical((16, 32, 64)),
    "epochs": Int(5, 60),
    "learning_rate": Float(1e-3, 3e-2, log=True),
    "temperature": Float(0.1, 1.0, log=True),
}


@dataclass(frozen=True)
class _Lesson:
    """What the teacher says: `users`, `items` to begin from, and each user's best `top` (n, depth) with its scores."""

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    top: NDArray[np.int32]
    scores: NDArray[np.float32]


class Distilled(FittedFactors):
    """See the module's docstring. `fit` fits the teacher first; `learn` takes a fitted one."""

    name = "distilled"

    def __init__(self, config: DistilledConfig | None = None) -> None:
        self.config = config or DistilledConfig()

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        return self.learn(build_teacher(self.config.teacher).fit(data), data, monitor)

    def learn(self, teacher: Recommender, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        """Reads the teacher's scores of the users of `data`; `data.validation` is not read."""
        rng = np.random.default_rng([self.config.seed, data.seed])
        lesson = _lesson(teacher, data, self.config, rng)
        users, items = self._taught(lesson, data, rng, monitor)
        known = np.diff(data.matrix.indptr) > 0
        users[~known] = users[known].mean(0) if known.any() else 0.0  # who met nothing has no taste of their own
        self._factors = Factors(users, items, mean_fold_in(data.matrix, users, items), power=1.0)
        return self

    def _taught(
        self, lesson: _Lesson, data: TrainingData, rng: np.random.Generator, monitor: Monitor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        config, device = self.config, default_device()
        users, items = (torch.nn.Parameter(torch.from_numpy(one).to(device)) for one in (lesson.users, lesson.items))
        optimizer = torch.optim.Adam([users, items], lr=config.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 - epoch / config.epochs)
        loss, pupils = _Loss(lesson, data, config, rng), np.flatnonzero(lesson.top[:, 0] >= 0)
        for epoch in range(config.epochs):
            total = 0.0
            for rows in _batches(rng, pupils, config.batch_size):
                found = loss(users, items, rows)
                optimizer.zero_grad()
                found.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += float(found.detach()) * len(rows)
            schedule.step()
            try:
                monitor.epoch(epoch + 1, config.epochs, {"loss": total / max(1, len(pupils))})
            except Enough:
                break
        return users.detach().cpu().numpy().copy(), items.detach().cpu().numpy().copy()


class _Loss:
    """The module docstring's loss of some users."""

    def __init__(self, lesson: _Lesson, data: TrainingData, config: DistilledConfig, rng: np.random.Generator) -> None:
        self._met, self._rng = data.matrix, rng
        self._candidates = Candidates(np.bincount(data.matrix.indices, minlength=data.num_items), config.candidates)
        self._top = torch.from_numpy(np.maximum(lesson.top, 0).astype(np.int64))
        self._wanted = torch.softmax(torch.from_numpy(lesson.scores) / config.temperature, 1)

    def __call__(self, users: torch.Tensor, items: torch.Tensor, rows: NDArray[np.int64]) -> torch.Tensor:
        asking = users[torch.from_numpy(rows).to(users.device)]
        top, wanted = (one[torch.from_numpy(rows)].to(users.device) for one in (self._top, self._wanted))
        best = torch.einsum("ud,ukd->uk", asking, items[top])
        return (self._total(asking, items, best, rows) - (wanted * best).sum(1)).mean()

    def _total(
        self, asking: torch.Tensor, items: torch.Tensor, best: torch.Tensor, rows: NDArray[np.int64]
    ) -> torch.Tensor:
        """The log of the softmax's denominator, by user."""
        drawn = self._candidates.draw(self._rng)
        if drawn is None:
            met = torch.from_numpy(self._met[rows].toarray() > 0).to(asking.device)
            return (asking @ items.T).masked_fill(met, -torch.inf).logsumexp(1)
        assert self._candidates.log_expected is not None
        often = torch.from_numpy(self._candidates.log_expected[drawn]).to(asking.device)
        rest = asking @ items[torch.from_numpy(drawn).to(asking.device)].T - often
        return torch.logaddexp(rest.logsumexp(1), best.logsumexp(1))


def build_teacher(name: str) -> Recommender:
    """Not fitted; raises `NotFound` for a name that the zoo has not."""
    from training.zoo import find

    names = name.split("+")
    if len(names) == 1:
        return find(name).build()
    return Blend(BlendConfig(tuple(MemberConfig(find(one).name, 1 / len(names)) for one in names)))


def _lesson(teacher: Recommender, data: TrainingData, config: DistilledConfig, rng: np.random.Generator) -> _Lesson:
    directions = _directions(teacher, data, config, rng)
    users = np.empty((data.num_users, directions.shape[1]), np.float32)
    depth = min(config.depth, data.num_items)
    top = np.empty((data.num_users, depth), np.int32)
    scores = np.empty((data.num_users, depth), np.float32)
    for rows in _blocks(data.num_users):
        said = _scores(teacher, data, np.arange(data.num_users)[rows])
        users[rows] = said @ directions
        top[rows], scores[rows] = top_k(said, data.matrix[rows], depth)
    if len(users):
        scale = max(float(np.abs(users).mean()), 1e-12) ** 0.5 / max(float(np.abs(directions).mean()), 1e-12) ** 0.5
        users, directions = users / (config.temperature * scale), directions * scale  # logits of the right size, shared
    return _Lesson(users, np.ascontiguousarray(directions, np.float32), top, scores)


def _directions(
    teacher: Recommender, data: TrainingData, config: DistilledConfig, rng: np.random.Generator
) -> NDArray[np.float32]:
    """(num_items, embedding_size): the directions in which the scores of some users differ most."""
    some = np.sort(rng.permutation(data.num_users)[:SAMPLE])
    said = _scores(teacher, data, some)
    values, vectors = np.linalg.eigh(said.astype(np.float64) @ said.T)
    size = min(config.embedding_size, len(values))
    strongest = slice(-1, -size - 1, -1)
    spread = np.sqrt(np.maximum(values[strongest], 1e-9))
    found = np.zeros((data.num_items, config.embedding_size), np.float32)
    found[:, :size] = said.T @ (vectors[:, strongest] / spread)
    return found


def _scores(teacher: Recommender, data: TrainingData, users: NDArray[np.int64]) -> NDArray[np.float32]:
    parts = [users[rows] for rows in _blocks(len(users))]
    said = [standardise(np.array(teacher.score(UserBatch(one, data.histories.take(one))), np.float32)) for one in parts]
    return np.concatenate(said) if said else np.zeros((0, data.num_items), np.float32)


def _blocks(count: int) -> Iterator[slice]:
    for begin in range(0, count, AT_ONCE):
        yield slice(begin, min(begin + AT_ONCE, count))


def _batches(rng: np.random.Generator, users: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    order = rng.permutation(users)
    return [order[begin : begin + size] for begin in range(0, len(order), size)]
