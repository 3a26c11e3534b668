"""MMR and DPP beside plain transcriptions of their definitions."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from graph.errors import InvalidData
from training.rerank.diversity import dpp, mmr, unit_range

USERS, N, ITEMS, D, K = 12, 15, 40, 8, 6


@pytest.fixture(scope="module")
def given():
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(ITEMS, D)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    items = np.array([rng.choice(ITEMS, N, replace=False) for _ in range(USERS)], np.int32)
    scores = -np.sort(-rng.normal(size=(USERS, N)), axis=1).astype(np.float32)
    return scores, items, vectors


def greedy(relevance, size, worth):
    """The plainest form: the best next place by `worth(chosen places)`."""
    chosen: list[int] = []
    for _ in range(size):
        left = [place for place in range(len(relevance)) if place not in chosen]
        chosen.append(max(left, key=lambda place: worth([*chosen, place])))
    return chosen


@pytest.mark.parametrize("weight", [0.0, 0.2, 0.5, 0.9])
def test_mmr_is_carbonell_and_goldsteins(given, weight):
    scores, items, vectors = given
    relevance = unit_range(scores, items)
    found = mmr(scores, items, vectors, weight=weight, k=K)
    for user in range(USERS):
        like = vectors[items[user]] @ vectors[items[user]].T

        def worth(chosen, like=like, user=user):
            *before, last = chosen
            return (1 - weight) * relevance[user, last] - weight * (like[last, before].max() if before else 0.0)

        assert found[user].tolist() == items[user, greedy(relevance[user], K, worth)].tolist()


@pytest.mark.parametrize("weight", [0.0, 0.2, 0.5, 0.9])
def test_dpp_raises_the_determinant_most_at_every_step(given, weight):
    scores, items, vectors = given
    relevance = unit_range(scores, items)
    found = dpp(scores, items, vectors, weight=weight, k=K)
    for user in range(USERS):
        kernel = (vectors[items[user]] @ vectors[items[user]].T).astype(np.float64)
        np.fill_diagonal(kernel, 1.0)

        def worth(chosen, kernel=kernel, user=user):
            return (1 - weight) * relevance[user, chosen].sum() + weight * np.linalg.slogdet(
                kernel[np.ix_(chosen, chosen)]
            )[1]

        assert found[user].tolist() == items[user, greedy(relevance[user], K, worth)].tolist()


def mean_cosine(kernel):
    return kernel[np.triu_indices(K, 1)].mean()


def lost_volume(kernel):
    return -np.linalg.slogdet(kernel)[1]


@pytest.mark.parametrize(("way", "alike"), [(mmr, mean_cosine), (dpp, lost_volume)])
def test_more_weight_makes_lists_less_alike(given, way, alike):
    scores, items, vectors = given
    likes = []
    for weight in (0.0, 0.4, 0.9):
        lists = way(scores, items, vectors, weight=weight, k=K)
        likes.append(np.mean([alike(vectors[row] @ vectors[row].T) for row in lists]))
    assert likes[0] > likes[1] > likes[2]


@pytest.mark.parametrize("way", [mmr, dpp])
def test_missing_candidates_are_never_listed_and_nobody_twice(given, way):
    scores, items, vectors = given
    items = items.copy()
    items[0, 4:] = -1
    items[1] = -1
    found = way(scores, items, vectors, weight=0.5, k=K)
    assert sorted(found[0][:4].tolist()) == sorted(items[0, :4].tolist())
    assert (found[0][4:] == -1).all()
    assert (found[1] == -1).all()
    assert all(len(set(row.tolist())) == K for row in found[2:])


def test_copies_come_last_in_the_first_stages_order_in_a_dpp():
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    items, scores = np.array([[0, 1, 2, 3]], np.int32), np.array([[4, 3, 2, 1]], np.float32)
    assert dpp(scores, items, vectors, weight=0.1, k=4).tolist() == [[0, 2, 1, 3]]


@pytest.mark.parametrize("way", [mmr, dpp])
def test_an_unknown_item_is_like_none(way):
    vectors = np.array([[1, 0], [0.9, np.sqrt(1 - 0.81)], [0, 0]], np.float32)
    items, scores = np.array([[0, 1, 2]], np.int32), np.array([[3, 2, 1]], np.float32)
    assert way(scores, items, vectors, weight=0.6, k=3).tolist() == [[0, 2, 1]]


def test_the_scale_of_scores_does_not_matter(given):
    scores, items, vectors = given
    again = mmr(scores * 100 - 7, items, vectors, weight=0.5, k=K)
    assert (again == mmr(scores, items, vectors, weight=0.5, k=K)).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weight": 1.5}, "weight of 1.5"),
        ({"scores": np.zeros((USERS, 2), np.float32)}, "scores of shape"),
        ({"vectors": np.zeros((3, D), np.float32)}, "with 3 rows"),
        ({"scores": np.full((USERS, N), np.nan, np.float32)}, "finite score"),
    ],
)
def test_what_cannot_be_re_ranked_is_refused(given, change, said):
    arguments = dict(zip(("scores", "items", "vectors"), given, strict=True)) | {"weight": 0.5} | change
    with pytest.raises(InvalidData, match=said):
        mmr(**arguments)


def test_torch_is_not_imported():
    program = "import sys, training.rerank.diversity, training.rerank.calibration; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
