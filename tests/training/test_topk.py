"""Top-k against a full sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from training.topk import top_k


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 5), items=st.integers(1, 40), k=st.integers(0, 45))
def test_equals_a_full_sort_with_ties_by_index(seed, rows, items, k):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-2, 3, (rows, items)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    excluded = csr_matrix((rng.random(scores.shape) < 0.3).astype(np.float32))
    found, values = top_k(scores, excluded, k)
    allowed = np.where(excluded.toarray() > 0, -np.inf, scores)
    for row in range(rows):
        order = np.argsort(-allowed[row], kind="stable")
        expected = [item for item in order if allowed[row, item] > -np.inf][:k]
        assert found[row, : len(expected)].tolist() == expected
        assert (found[row, len(expected) :] == -1).all()
        assert values[row, : len(expected)].tolist() == scores[row, expected].tolist()


def test_nan_is_refused():
    with pytest.raises(InvalidData, match="NaN"):
        top_k(np.array([[1.0, np.nan]], np.float32), None, 1)


def test_everything_excluded_gives_an_empty_ranking():
    found, values = top_k(np.ones((1, 3), np.float32), csr_matrix(np.ones((1, 3), np.float32)), 2)
    assert found.tolist() == [[-1, -1]]
    assert np.isneginf(values).all()
