"""Mapped embeddings: people's factors on the other platforms, mapped to the target's by those who are on both.

Man et al. 2017, «Cross-Domain Recommendation: An Embedding and Mapping Approach» (EMCDR), its map a ridge regression:
P_target ~ [F, 1] W, score(u) = [F_u, 1] W Q^T. `personal`: each person has a map of their own, a sum of a few weighed
by what they like elsewhere, after Zhu et al. 2022, «Personalized Transfer of User Preferences» (PTUPCDR):
P_target ~ sum_k c_uk F_u W_k, c_u the first `bridges` principal components of the mean of the items' factors, beside a
constant. One ridge regression of the products, in closed form, in which people count by how likely it is that both
accounts are theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.data import Histories, SideInformation, TrainingData, UserBatch
from training.models.ials import IALS, IALSConfig


@dataclass(frozen=True)
class MappedConfig:
    """`regularization` in units of the mean squared feature; `personal`: a map for each person."""

    regularization: float = 0.3
    personal: bool = False
    bridges: int = 6
    embedding_size: int = 64


@dataclass(frozen=True)
class Factors:
    """`elsewhere` (people, d) and `liked` (people, d), the mean of their items' factors there; `people`, `items` here.

    `there`, `here`: who has something.
    """

    elsewhere: NDArray[np.float32]
    liked: NDArray[np.float32]
    people: NDArray[np.float32]
    items: NDArray[np.float32]
    there: NDArray[np.bool_]
    here: NDArray[np.bool_]


def factors_of(data: TrainingData, source: Histories, embedding_size: int) -> Factors:
    """Both platforms' factors by iALS, each on its own."""
    config = IALSConfig(embedding_size=embedding_size)
    nothing = SideInformation(source.num_items, (), data.side.triples, data.side.friendships)
    there = IALS(config).fit(TrainingData(source, nothing, None, data.seed))
    here = IALS(config).fit(data)
    counts = np.diff(source.indptr)
    liked = source.matrix @ there.items / np.maximum(counts, 1)[:, None].astype(np.float32)
    return Factors(there.users, liked, here.users, here.items, counts > 0, np.diff(data.histories.indptr) > 0)


class Mapped:
    """See the module's docstring."""

    name = "mapped"

    def __init__(self, config: MappedConfig, source: Histories) -> None:
        self.config, self.source = config, source
        if config.personal:
            self.name = "mapped personally"

    def fit(self, data: TrainingData, factors: Factors | None = None) -> Self:
        """`factors`: those of `data`, where they are made already."""
        found = factors or factors_of(data, self.source, self.config.embedding_size)
        features = self._features(found)
        both = found.there & found.here
        x = features[both].astype(np.float64)
        ridge = self.config.regularization * float((x * x).mean()) * max(1, len(x))
        by = x * self._sure()[both, None]
        weights = np.linalg.solve(by.T @ x + max(ridge, 1e-9) * np.eye(x.shape[1]), by.T @ found.people[both])
        self._users = np.where(found.there[:, None], features @ weights, 0).astype(np.float32)
        self._items = found.items
        return self

    def _sure(self) -> NDArray[np.float64]:
        """(people,) the mean certainty of what each did elsewhere."""
        counts = np.diff(self.source.indptr)
        if self.source.sure is None:
            return np.ones(len(counts))
        return np.bincount(np.repeat(np.arange(len(counts)), counts), self.source.sure, len(counts)) / np.maximum(
            counts, 1
        )

    def _features(self, found: Factors) -> NDArray[np.float64]:
        one = np.ones((len(found.elsewhere), 1))
        own = np.concatenate([_scaled(found.elsewhere, found.there), one], axis=1)
        if not self.config.personal:
            return own
        centred = _scaled(found.liked, found.there)
        axes = np.linalg.eigh(centred[found.there].T @ centred[found.there])[1][:, ::-1][:, : self.config.bridges]
        bridges = np.concatenate([_scaled(centred @ axes, found.there), one], axis=1)
        return np.asarray(np.einsum("uk,ud->ukd", bridges, own).reshape(len(own), -1))

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        """(len(users), num_items), from what each did elsewhere alone; zeros for who did nothing there."""
        rows = np.where(users.index[:, None] >= 0, self._users[np.maximum(users.index, 0)], 0)
        return np.asarray(rows @ self._items.T, np.float32)


def _scaled(values: NDArray[np.floating], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Columns with mean 0 and deviation 1 over those who are known."""
    values = values.astype(np.float64)
    mean, spread = values[known].mean(0), values[known].std(0)
    return np.asarray((values - mean) / np.where(spread < 1e-9, 1, spread))
