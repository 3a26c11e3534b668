"""What a large graph needs: neighbours without an item by item matrix, lists for some, scores at once for the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from graph.snapshot import Snapshot
from serving import publish_approximate, publish_lists
from serving.candidates import model_scores
from serving.foldin import personal
from serving.index import Index, open_index
from serving.index_files import MISSING
from serving.live import Live
from serving.neighbours import crowd
from serving.publish import publish
from serving.recommend import Wish, recommend
from tests.serving.conftest import INFO
from training.data import TrainingData
from training.models.ials import IALS
from training.recommender import Recommender


@settings(deadline=None)  # The first call compiles.
@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_the_crowd_s_neighbours_are_the_nearest_by_cosine(users, items, k, fewest, seed):
    dense = (np.random.default_rng(seed).random((users, items)) < 0.4).astype(np.float32)
    found, scores = crowd(csr_matrix(dense), k, fewest)
    k = min(k, max(1, items - 1))
    lengths = np.sqrt(np.maximum(fewest, dense.sum(axis=0) // fewest * fewest))
    cosine = (dense.T @ dense) // fewest * fewest / np.outer(lengths, lengths)
    np.fill_diagonal(cosine, 0)
    assert found.shape == scores.shape == (items, k)
    for item in range(items):
        best = -np.sort(-cosine[item])[:k]
        np.testing.assert_allclose(scores[item], np.pad(best, (0, k - len(best))), rtol=1e-5)
        length = int((scores[item] > 0).sum())
        assert (found[item, length:] == MISSING).all()
        np.testing.assert_allclose(cosine[item, found[item, :length]], scores[item, :length], rtol=1e-5)
        assert len(set(found[item, :length].tolist())) == length


@pytest.fixture
def bounded(
    snapshot: Snapshot, ease: Recommender, training: TrainingData, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> Index:
    """An index in which five users got a list."""
    monkeypatch.setattr(publish_lists, "LIST_CELLS", 5 * len(snapshot.items))
    publish(snapshot, ease, home=tmp_path, model=INFO, histories=training.histories)
    return open_index(tmp_path)


def test_those_who_were_here_last_get_lists(bounded: Index, training: TrainingData) -> None:
    listed = np.flatnonzero((bounded.list_items != MISSING).any(axis=1))
    histories = training.histories
    some = np.flatnonzero(np.diff(histories.indptr) > 0)
    latest = histories.times[histories.indptr[some + 1] - 1]
    assert set(listed.tolist()) == set(some[np.argsort(-latest)[:5]].tolist())


def test_the_others_get_the_same_answers_at_once(bounded: Index, index: Index) -> None:
    for user in range(index.num_users):
        name = index.user_ids[user].decode()
        for wish in (Wish(name, 5), Wish(name, 3, kind="movie"), Wish(name, 4, exclude=("p:i05", "p:i06"))):
            full, at_once = recommend(Live(index), wish), recommend(Live(bounded), wish)
            assert at_once.items == full.items
            np.testing.assert_allclose(at_once.scores, full.scores, rtol=1e-4, atol=1e-5)


def test_a_large_catalogue_gives_everybody_a_list_of_what_they_would_be_answered(
    snapshot: Snapshot, ease: Recommender, training: TrainingData, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most by what the index retrieves: for factors and item weights, not for a dense matrix such as EASE's."""
    monkeypatch.setattr(publish_lists, "LIST_CELLS", 5 * len(snapshot.items))
    monkeypatch.setattr(publish_approximate, "SCORES_FROM", 1)
    said: list[str] = []
    model = IALS().fit(training)
    publish(snapshot, model, home=tmp_path, model=INFO, histories=training.histories, progress=said.append)
    index = open_index(tmp_path)
    some = np.flatnonzero(np.diff(training.histories.indptr) > 0)
    assert len(some) > 5
    assert ((index.list_items[:, 0] != MISSING) == np.isin(np.arange(index.num_users), some)).all()
    assert f"lists of every user: {len(some) - 5} of {len(some) - 5}" in said
    for user in some.tolist():
        exact = model_scores(Live(index), personal(Live(index), index.user_ids[user].decode()))
        listed = index.list_items[user][index.list_items[user] != MISSING]
        assert len(listed) == np.isfinite(exact).sum()
        np.testing.assert_allclose(index.list_scores[user, : len(listed)], exact[listed], rtol=1e-4, atol=1e-5)
        assert (np.diff(exact[listed]) <= 1e-5).all()
