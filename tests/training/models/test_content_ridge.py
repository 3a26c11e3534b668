"""Content ridge against its formula, on newcomers among items, and where there is nothing to read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from tests.training.models.small import everybody, histories_of, newcomers, small_data
from training.models import content_ridge
from training.models.content_knn import attributes_of_items
from training.models.content_ridge import ContentRidge, ContentRidgeConfig, contents
from training.zoo import find


@pytest.mark.parametrize("modality", ["text", "graph", "counts", "fused"])
def test_equals_the_formula_on_what_somebody_met(modality):
    data = small_data(num_users=60, num_items=30)
    config = ContentRidgeConfig(modality, regularization=2.0)
    X = contents(data.side, config, data.num_items).astype(np.float64)
    R = data.matrix.toarray().astype(np.float64)
    met = R.sum(0) > 0
    W = np.linalg.inv(X[met].T @ X[met] + 2.0 * np.eye(X.shape[1])) @ X[met].T @ R[:, met].T
    model = ContentRidge(config).fit(data)
    assert np.allclose(model.score(everybody(data)), (X @ W).T, atol=1e-4)


def test_the_graphs_directions_keep_what_two_items_have_in_common():
    data = small_data(num_users=20, num_items=30)
    X = contents(data.side, ContentRidgeConfig("graph"), 30)[:, :-1]
    full = attributes_of_items(data.side, 30).toarray()
    scale = np.mean([row @ row for row in full if row.any()])
    assert np.allclose(X @ X.T, full @ full.T / scale, atol=1e-4)


def test_many_items_give_the_same_directions(monkeypatch):
    data = small_data(num_users=20, num_items=30)
    exact = contents(data.side, ContentRidgeConfig("graph", size=4), 30)
    monkeypatch.setattr(content_ridge, "EXACT", 10)
    by_vectors = contents(data.side, ContentRidgeConfig("graph", size=4), 30)
    assert np.allclose(exact @ exact.T, by_vectors @ by_vectors.T, atol=1e-3)


def test_an_item_that_nobody_met_is_ranked_by_what_it_is():
    """Items are even or odd, as are users' tastes; item 4 was never met and says what it is in its attributes."""
    data = small_data(num_users=60, num_items=30)
    rows = [[item for item in data.histories.items[start:end].tolist() if item != 4]
            for start, end in zip(data.histories.indptr, data.histories.indptr[1:], strict=False)]  # fmt: skip
    model = ContentRidge(ContentRidgeConfig("graph")).fit(replace(data, histories=histories_of(rows, 30)))
    scores = model.score(everybody(replace(data, histories=histories_of(rows, 30))))[:, 4]
    long = np.array([len(row) > 4 for row in rows])
    lengths = np.array([max(1, len(row)) for row in rows])
    even, odd = ((scores / lengths)[(np.arange(60) % 2 == side) & long] for side in (0, 1))
    assert even.mean() > 1.5 * odd.mean()


def test_a_newcomer_counts_as_a_known_user_with_the_same_history():
    data = small_data()
    model = ContentRidge(ContentRidgeConfig("fused")).fit(data)
    known = model.score(everybody(data))[[1, 4]]
    assert np.allclose(model.score(newcomers(data, [1, 4])), known, atol=1e-5)


def test_without_content_it_says_what_there_is():
    data = small_data()
    bare = replace(data, side=replace(data.side, embeddings={}))
    with pytest.raises(InvalidData, match="'text'"):
        ContentRidge(ContentRidgeConfig("text")).fit(bare)
    assert not find("ridge-text").fits(bare)
    assert find("ridge-graph").fits(bare)
    with pytest.raises(InvalidData, match="regularization"):
        ContentRidgeConfig(regularization=0.0)


def test_a_profile_says_nothing_of_a_new_item():
    names = {name for name in ("profile", "ridge-graph", "gnn", "ease", "content-text") if find(name).reads_content}
    assert names == {"ridge-graph", "gnn", "content-text"}
    assert csr_matrix(small_data().side.profiles).shape == (40, 3)
