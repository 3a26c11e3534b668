"""EASE on everything that people did, each kind and value of it counting as much as was learned that it says.

Steck 2019 (`training.models.ease`) on W in place of the binary X: W_ui is what u's interactions with i count by
`training.feedback` (below 0: it speaks against items like i), from dislikes and skips to what was rated, bought or
listened to for long. With G = W^T W and P = (G + regularization I)^-1,

    B_ij = -P_ij / P_jj, B_jj = 0,    score(u) = w_u B.

Where nothing but likings is known it is EASE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.feedback import Weighing
from training.data import Histories, TrainingData, UserBatch
from training.dense_items import DenseItemModel
from training.feedback import Learned, learn_weighing, weighed
from training.models.ease import EASE, EASEConfig
from training.recommender import SILENT, Form, ItemForm, Monitor
from training.space import Float, Space
from training.sparse import times_dense


@dataclass(frozen=True)
class FeedbackEASEConfig:
    """`regularization` (above 0): how strongly weights are drawn to zero; grows with the data."""

    regularization: float = 300.0
    seed: int = 42


GRID = tuple(FeedbackEASEConfig(value) for value in (300.0, 100.0, 1000.0))

SPACE: Space = {"regularization": Float(1.0, 20_000.0, log=True)}


class FeedbackEASE(DenseItemModel):
    """See the module's docstring. `learned`: what each class counts, None where only likings are known."""

    name = "ease-feedback"

    def __init__(self, config: FeedbackEASEConfig | None = None) -> None:
        self.config = config or FeedbackEASEConfig()
        self.learned: Learned | None = None

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        del monitor  # a closed form has no epochs
        ease = EASE(EASEConfig(self.config.regularization))
        self.learned = None
        if data.histories.said is not None:
            self.learned = learn_weighing(data.histories, ease.solved, seed=self.config.seed)
        self.weights = ease.solved(self._read(data.histories))
        return self

    @property
    def told(self) -> Mapping[str, Any]:
        """What was learned, for the model card."""
        return {} if self.learned is None else self.learned.json()

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        read = self._read(users.histories)
        if (read.data == 1).all():
            return times_dense(read, self.weights)
        return np.asarray(read @ self.weights, np.float32)

    def _read(self, known: Histories) -> csr_matrix:
        """(rows, items): what their feedback counts; where it is not known, 1 a liking."""
        if self.learned is None or known.said is None:
            return known.matrix
        return weighed(known.said, self.learned.weighing, known.num_items)

    def forms(self) -> Sequence[Form]:
        return [ItemForm(self.weights, said=None if self.learned is None else self.learned.weighing)]

    def state(self) -> dict[str, NDArray[np.generic]]:
        if self.learned is None:
            return {"weights": self.weights}
        found = self.learned.weighing
        columns = {name: getattr(found, name) for name in ("kind", "low", "high", "weight")}
        learned = np.array([self.learned.learned])
        return {"weights": self.weights, "learned": learned, **{f"class.{name}": one for name, one in columns.items()}}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.weights = np.asarray(state["weights"], np.float32)
        self.learned = None
        if "learned" in state:
            columns = (np.asarray(state[f"class.{name}"]) for name in ("kind", "low", "high", "weight"))
            self.learned = Learned(Weighing(*columns), bool(state["learned"][0]))
        return self
