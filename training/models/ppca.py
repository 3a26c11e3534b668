"""Probabilistic PCA of who met what: what somebody was shown and did not choose says something, too.

Tipping & Bishop 1999, «Probabilistic Principal Component Analysis», with a variance of its own for each item (factor
analysis). A row of interactions is r = p + V x + e, x ~ N(0, I), e_i ~ N(0, regularization s_i), with p, V and s of
`training.covariance.covariance`. With O the items of which it is known whether they were met,

    x = (I + sum_(i in O) w_i v_i v_i^T)^-1 sum_(i in O) w_i v_i (r_i - p_i),  w_i = 1 / (regularization s_i),

    score(j) = p_j + v_j^T x.

Of a newcomer who answered questions, O is what they chose and what they were shown beside it (`impressed`); an item of
O itself is scored by the other answers, for it may be met yet. Of everybody else O is the whole catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from graph.answers import Answers
from graph.errors import InvalidData
from training.covariance import covariance
from training.data import IMPRESSED, UNKNOWN, TrainingData, UserBatch
from training.recommender import SILENT, FactorForm, Form, Monitor, StaticForm
from training.space import Float, Int, Space


@dataclass(frozen=True)
class PPCAConfig:
    """`regularization` (above 0): how much of an item's own variance stands between an answer and taste."""

    embedding_size: int = 32
    regularization: float = 1.0

    def __post_init__(self) -> None:
        if self.regularization <= 0:
            raise InvalidData(f"regularization {self.regularization:g} in a ppca model", valid="above 0",
                              remedy="see docs/reference/models.md")  # fmt: skip


GRID = tuple(PPCAConfig(size, value) for size in (32, 64) for value in (1.0, 2.0))

SPACE: Space = {"embedding_size": Int(16, 256, log=True), "regularization": Float(0.1, 10.0, log=True)}


class PPCA:
    """`answers`: shares, vectors and weights of the items."""

    name = "ppca"
    answers: Answers

    def __init__(self, config: PPCAConfig | None = None) -> None:
        self.config = config or PPCAConfig()

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # a closed form has no epochs
        found = covariance(data.matrix, self.config.embedding_size)
        self.answers = found.answers(self.config.regularization)
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        fixed, fold_in = self._fold_in()
        scores = np.asarray(fixed + (users.matrix @ fold_in) @ self.answers.vectors.T, np.float32)
        said = users.histories.said
        if said is None:
            return scores
        for row in np.flatnonzero(users.index == UNKNOWN).tolist():
            span = slice(said.indptr[row], said.indptr[row + 1])
            shown = said.items[span][said.kind[span] == IMPRESSED]
            if len(shown):
                history = users.matrix[row].indices
                scores[row] = self.answers.scores(history, np.setdiff1d(shown, history))
        return scores

    def _fold_in(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(num_items,) what everybody gets, and (num_items, d): what an item of the history moves the vector."""
        share, vectors, weight = (one.astype(np.float64) for one in self.answers.arrays)
        weighed = vectors * weight[:, None]
        moves = np.linalg.solve(np.eye(vectors.shape[1]) + weighed.T @ vectors, weighed.T).T
        return (share - vectors @ (moves.T @ share)).astype(np.float32), moves.astype(np.float32)

    def forms(self) -> Sequence[Form]:
        fixed, fold_in = self._fold_in()
        return [StaticForm(fixed), FactorForm(None, self.answers.vectors, fold_in, 0.0)]

    def state(self) -> dict[str, NDArray[np.generic]]:
        return dict(zip(("share", "vectors", "weight"), self.answers.arrays, strict=True))

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.answers = Answers(*(np.asarray(state[name], np.float32) for name in ("share", "vectors", "weight")))
        return self
