"""Which items are asked about until some are liked: those that tell most, each beside what the ones before it told."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from training.covariance import covariance


def people(num_users=200, num_items=24, seed=0):
    """Three tastes of eight items each; popular items first within a taste; the last item is nobody's."""
    rng = np.random.default_rng(seed)
    likes = np.equal.outer(np.arange(num_users) % 3, np.arange(num_items) % 3)
    liked = rng.random(likes.shape) < np.where(likes, 0.8, 0.05) * np.linspace(1, 0.3, num_items)
    liked[:, -1] = False
    return csr_matrix(liked.astype(np.float32))


def left_over(matrix, asked):
    """Variance of all items that is left when these are known, in the model that the list is made by."""
    found = covariance(matrix)
    inner = found.vectors[asked] @ found.vectors[asked].T + np.diag(found.own[asked])
    whole = found.vectors @ found.vectors.T
    known = found.vectors @ found.vectors[asked].T
    return np.trace(whole - known @ np.linalg.solve(inner, known.T))


def test_each_item_is_the_one_that_leaves_least_unknown():
    matrix = people()
    order = covariance(matrix).order(6).tolist()
    for place in range(6):
        others = [item for item in range(matrix.shape[1] - 1) if item not in order[:place]]
        left = {item: left_over(matrix, [*order[:place], item]) for item in others}
        assert left[order[place]] <= min(left.values()) + 1e-9
    assert {item % 3 for item in order[:3]} == {0, 1, 2}, "one of each taste before a second of any"


def test_what_nobody_met_is_never_asked_about_and_empty_rows_change_nothing():
    matrix = people()
    order = covariance(matrix).order(100)
    assert sorted(order.tolist()) == list(range(23))
    more = csr_matrix((matrix.data, matrix.indices, np.append(matrix.indptr, [matrix.nnz] * 50)), shape=(250, 24))
    assert np.array_equal(covariance(more).order(100), order)


def test_a_handful_of_people_or_none_is_no_error():
    assert covariance(csr_matrix((3, 4), dtype=np.float32)).order(5).tolist() == []
    one = csr_matrix(np.array([[1, 0, 1]], np.float32))
    assert set(covariance(one).order(5).tolist()) <= {0, 2}
    assert covariance(csr_matrix((0, 0), dtype=np.float32)).order(5).tolist() == []
