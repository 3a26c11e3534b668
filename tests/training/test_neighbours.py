"""Nearest items against a full sort, ties by index."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.neighbours import nearest


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), items=st.integers(1, 30), k=st.integers(0, 35))
def test_keeps_the_k_most_similar_of_each_candidate(seed, items, k):
    rng = np.random.default_rng(seed)
    similarity = rng.integers(-1, 4, (items, items)).astype(np.float32)
    found = nearest(lambda rows: similarity[rows], items, k).toarray()
    for candidate in range(items):
        others = [item for item in np.argsort(-similarity[candidate], kind="stable") if item != candidate]
        kept = [item for item in others if similarity[candidate, item] > 0][:k]
        expected = np.zeros(items, np.float32)
        expected[kept] = similarity[candidate, kept]
        assert np.array_equal(found[:, candidate], expected)


def test_the_input_is_left_alone():
    similarity = np.arange(9, dtype=np.float32).reshape(3, 3)
    nearest(lambda rows: similarity[rows], 3, 1)
    assert np.array_equal(similarity, np.arange(9, dtype=np.float32).reshape(3, 3))
