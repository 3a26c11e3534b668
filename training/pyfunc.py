"""A saved model as MLflow's generic `pyfunc`: `mlflow.pyfunc.load_model("models:/interlace@champion").predict(frame)`.

MLflow imports this module by the name that `MLmodel` holds and calls `_load_pyfunc`. A row in is a history of item ids,
oldest first (`history`), and how many items are wanted (`n`, default 10); a row out is `items`, `scores`, best first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.data import UNKNOWN, Histories, UserBatch
from training.model_files import load, read_items
from training.recommender import Recommender
from training.topk import top_k

DEFAULT_N = 10


class HistoryModel:
    """Recommends for histories of people the model need not know."""

    def __init__(self, recommender: Recommender, items: Sequence[str]) -> None:
        self.recommender = recommender
        self.items = np.array(items, dtype=object)
        self.positions = {name: position for position, name in enumerate(items)}

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002 - MLflow's signature
        """The best items not in each history; ids that the model does not know are ignored."""
        histories = self._histories([list(row) for row in model_input["history"]])
        wanted = model_input["n"] if "n" in model_input else pd.Series(DEFAULT_N, index=model_input.index)
        depth = min(int(wanted.max()) if len(wanted) else DEFAULT_N, len(self.items))
        batch = UserBatch(np.full(len(histories), UNKNOWN, np.int64), histories)
        scores = np.array(self.recommender.score(batch), dtype=np.float32)
        ranked, values = top_k(scores, batch.matrix, depth)
        rows = [self._row(*one) for one in zip(ranked, values, wanted, strict=True)]
        return pd.DataFrame(rows, columns=["items", "scores"], index=model_input.index)

    def _row(self, ranked: np.ndarray, values: np.ndarray, wanted: int) -> tuple[list[str], list[float]]:
        kept = ranked[: int(wanted)] >= 0
        return list(self.items[ranked[: int(wanted)][kept]]), [float(v) for v in values[: int(wanted)][kept]]

    def _histories(self, rows: Sequence[Sequence[str]]) -> Histories:
        known = [[self.positions[name] for name in row if name in self.positions] for row in rows]
        indptr = np.concatenate([[0], np.cumsum([len(row) for row in known])]).astype(np.int64)
        items = np.array([position for row in known for position in row], dtype=np.int32)
        return Histories(indptr, items, np.zeros(len(items), np.int64), len(self.items))


def _load_pyfunc(path: str) -> HistoryModel:
    """MLflow's entry point."""
    folder = Path(path)
    return HistoryModel(load(folder), read_items(folder))
