"""EASE that new items inherit from, against its formula by hand, and on an item that nobody met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.models.small import everybody, histories_of, newcomers, small_data
from training.models import ease_inherit
from training.models.content_ridge import ContentRidgeConfig, contents
from training.models.ease import EASE, EASEConfig
from training.models.ease_inherit import EASEInherit, EASEInheritConfig, strongest
from training.zoo import find

NEW = (4, 9, 16)


def with_new_items():
    """Item 7 nobody ever met; with `NEW` some of either group."""
    data = small_data(num_users=60, num_items=30)
    bounds = zip(data.histories.indptr, data.histories.indptr[1:], strict=False)
    rows = [[item for item in data.histories.items[start:end].tolist() if item not in NEW] for start, end in bounds]
    return replace(data, histories=histories_of(rows, 30))


def test_a_new_item_has_the_scores_of_the_closed_form():
    data = with_new_items()
    config = EASEInheritConfig(regularization=2.0, ease_regularization=20.0, self_weight=0.4, embedding_share=0.5)
    X = contents(data.side, ContentRidgeConfig(embedding_share=0.5), 30).astype(np.float64)
    K = X @ X.T
    met = np.asarray(data.matrix.sum(0)).ravel() > 0
    R = data.matrix.toarray().astype(np.float64)[:, met]
    P = np.linalg.inv(R.T @ R + 20.0 * np.eye(met.sum()))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0.4)
    expected = R @ B @ np.linalg.solve(K[np.ix_(met, met)] + 2.0 * np.eye(met.sum()), K[np.ix_(met, ~met)])
    scores = EASEInherit(config).fit(data).score(everybody(data))
    assert set(np.flatnonzero(~met)) == {7, *NEW}
    assert np.allclose(scores[:, ~met], expected, atol=1e-4)


def test_what_somebody_met_keeps_the_scores_of_ease():
    data = with_new_items()
    met = np.asarray(data.matrix.sum(0)).ravel() > 0
    ease = EASE(EASEConfig(100.0)).fit(data).score(everybody(data))
    found = EASEInherit().fit(data).score(everybody(data))
    assert np.allclose(found[:, met], ease[:, met], atol=1e-6)
    assert np.allclose(ease[:, ~met], 0, atol=1e-6)
    assert found[:, ~met].std() > 0.01


def test_new_items_are_liked_by_those_who_like_their_kind():
    data = with_new_items()
    scores = EASEInherit(EASEInheritConfig("graph")).fit(data).score(everybody(data))
    some = np.diff(data.matrix.indptr) > 4
    for item in NEW:
        same, other = (scores[(np.arange(60) % 2 == side) & some, item].mean() for side in (item % 2, 1 - item % 2))
        assert same > 1.5 * other


def test_a_newcomer_counts_as_a_known_user_with_the_same_history():
    data = with_new_items()
    model = EASEInherit().fit(data)
    assert np.allclose(model.score(newcomers(data, [1, 4])), model.score(everybody(data))[[1, 4]], atol=1e-6)


def test_blocks_of_new_items_make_no_difference(monkeypatch):
    data = with_new_items()
    whole = EASEInherit().fit(data).weights
    monkeypatch.setattr(ease_inherit, "BLOCK", 3)
    assert np.allclose(EASEInherit().fit(data).weights, whole, atol=1e-6)


def test_only_the_strongest_weights_are_kept():
    weights = np.array([[3, -1], [-4, 0.5], [1, 2]], np.float32)
    assert np.array_equal(strongest(weights, 2), [[3, -1], [-4, 0], [0, 2]])
    assert np.array_equal(strongest(weights, 0), weights)
    assert np.array_equal(strongest(weights, 5), weights)
    few, all_ = (EASEInherit(EASEInheritConfig(kept=kept)).fit(with_new_items()).weights for kept in (2, 0))
    assert not np.allclose(few[:, NEW], all_[:, NEW], atol=1e-3)


def test_without_content_there_is_nothing_to_inherit_by():
    data = small_data()
    bare = replace(data, side=replace(data.side, embeddings={}))
    assert not find("inherit-fused").fits(bare)
    assert find("inherit-graph").fits(bare)
    with pytest.raises(InvalidData, match="'text'"):
        EASEInherit(EASEInheritConfig("text")).fit(bare)


@pytest.mark.parametrize("wrong", [{"regularization": 0.0}, {"ease_regularization": -1.0}, {"self_weight": -0.1}])
def test_settings_that_cannot_be(wrong):
    with pytest.raises(InvalidData, match=next(iter(wrong))):
        EASEInheritConfig(**wrong)
