"""A model that forgot users is the model that never saw them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array

from graph.snapshot import Triples
from training.data import Histories, SideInformation, TrainingData
from training.models.ease import EASE, EASEConfig
from training.models.item_knn import ItemKNN, ItemKNNConfig
from training.unlearn import without
from training.zoo import ZOO

USERS, ITEMS = 400, 120
MODELS = {
    "ease": [EASE(EASEConfig(50.0)), EASE(EASEConfig(300.0, user_power=0.5)), EASE(EASEConfig(100.0, dropout=0.3))],
    "item-knn": [ItemKNN(ItemKNNConfig(20)), ItemKNN(ItemKNNConfig(20, shrinkage=5.0, weighting="bm25"))],
}


def data_of(rows: csr_matrix) -> TrainingData:
    empty = Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32))
    side = SideInformation(rows.shape[1], (), empty, np.empty((0, 2), np.int32))
    times = np.zeros(rows.nnz, np.int64)
    return TrainingData(Histories(rows.indptr.astype(np.int64), rows.indices, times, rows.shape[1]), side)


def drawn(seed: int = 0) -> csr_matrix:
    rng = np.random.default_rng(seed)
    rows = csr_matrix(random_array((USERS, ITEMS), density=0.1, rng=rng, dtype=np.float32))
    rows.data[:] = 1
    rows.sort_indices()
    return rows


@pytest.mark.parametrize("gone", [[7], [0, 3, 399], list(range(0, 400, 3)), []], ids=["one", "some", "many", "nobody"])
@pytest.mark.parametrize(
    ("name", "place"), [(name, at) for name, models in MODELS.items() for at in range(len(models))]
)
def test_unlearning_equals_a_fit_without(name: str, place: int, gone: list[int]) -> None:
    rows, positions = drawn(), np.array(gone, np.int64)
    model = MODELS[name][place].fit(data_of(rows)).unlearn(rows, positions)
    found = _dense(model.weights)
    expected = _dense(MODELS[name][place].fit(data_of(without(rows, positions))).weights)
    assert np.abs(found - expected).max() < 1e-4


def _dense(weights: csr_matrix | np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return weights if isinstance(weights, np.ndarray) else weights.toarray()


def test_every_model_that_forgets_is_tested() -> None:
    forgetting = {name for name, model in ZOO.items() if hasattr(model.build(), "unlearn")}
    assert forgetting == MODELS.keys()
