"""People you may know: each measure as its definition says, and planted circles found again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from graph.errors import InvalidData, Unsupported
from training.bench_friends import _auc, bench_friends
from training.friends import BASELINES, MEASURES, Measures, adjacency, fit_friends

USERS, CIRCLES = 120, 6


@pytest.fixture(scope="module")
def circles() -> tuple[np.ndarray, csr_matrix]:
    """Friends within six circles, a few across; each circle likes items of its own."""
    rng = np.random.default_rng(0)
    circle = np.arange(USERS) % CIRCLES
    pairs = np.array([(a, b) for a in range(USERS) for b in range(a)])
    same = circle[pairs[:, 0]] == circle[pairs[:, 1]]
    links = pairs[rng.random(len(pairs)) < np.where(same, 0.3, 0.01)]
    likes = rng.random((USERS, 60)) < np.where(circle[:, None] == np.arange(60) % CIRCLES, 0.3, 0.05)
    return links, csr_matrix(likes.astype(float))


def test_measures_are_what_they_are_called() -> None:
    links = np.array([(0, 1), (1, 2), (0, 3), (3, 2), (2, 4)])
    measures = Measures(adjacency(links, 5), None)
    users = np.arange(5)
    common = measures.common_friends(users)
    assert common[0, 2] == 2
    assert common[0, 4] == 0
    assert measures.adamic_adar(users)[0, 2] == pytest.approx(2 / np.log(2))
    assert measures.allocation(users)[0, 2] == pytest.approx(2 / 2)
    walk = adjacency(links, 5).toarray()
    walk /= walk.sum(axis=1, keepdims=True)
    expected = sum(0.85**step * np.linalg.matrix_power(walk, step) for step in range(1, 16))
    np.testing.assert_allclose(measures.pagerank(users), expected, atol=1e-12)
    np.testing.assert_array_equal(measures.popularity(users[:1])[0], [2, 2, 3, 2, 1])
    assert "taste" not in measures.names()


def test_rows_do_not_depend_on_the_batch(circles) -> None:
    measures = Measures(adjacency(circles[0], USERS), circles[1])
    some = np.array([7, 3, 90])
    for name in MEASURES:
        np.testing.assert_allclose(measures.rows(name, some), measures.rows(name, np.arange(USERS))[some], atol=1e-12)


def test_what_joins_people_is_learned_and_beats_each_measure(circles) -> None:
    links, taste = circles
    order = np.random.default_rng(1).permutation(len(links))
    hidden, known = links[order[:60]], links[order[60:]]
    model = fit_friends(known, USERS, taste)
    rows = model.score(np.arange(USERS))
    stranger = adjacency(links, USERS).toarray() == 0
    np.fill_diagonal(stranger, False)
    auc = _auc(rows[hidden[:, 0], hidden[:, 1]], rows[stranger])
    assert auc > 0.8
    for measure in BASELINES.values():
        other = np.asarray(measure(model.measures, np.arange(USERS)), float)
        assert auc > _auc(other[hidden[:, 0], hidden[:, 1]], other[stranger])
    again = fit_friends(known, USERS, taste).score(np.arange(3))
    np.testing.assert_array_equal(again, rows[:3])


def test_without_taste_the_graph_is_enough_and_too_little_is_refused(circles) -> None:
    model = fit_friends(circles[0], USERS)
    assert "taste" not in model.names
    assert np.isfinite(model.score(np.array([0]))).all()
    with pytest.raises(InvalidData, match="5 friendships"):
        fit_friends(circles[0][:5], USERS)


def test_auc_counts_ties_half() -> None:
    assert _auc(np.array([1.0, 2.0]), np.array([0.0, 1.0])) == pytest.approx((0.75 + 1) / 2)


def test_bench_hides_a_fifth_and_compares(circles, tmp_path: Path) -> None:
    links, taste = circles
    pd.DataFrame(links, columns=["user", "friend"]).to_csv(tmp_path / "friends.csv", index=False)
    user, item = taste.nonzero()
    pd.DataFrame({"user": user, "item": item}).to_csv(tmp_path / "interactions.csv", index=False)
    found = json.loads(json.dumps(bench_friends(tmp_path, seed=3).as_dict()))
    assert found["hidden"] == int(0.2 * len(links))
    assert set(found["metrics"]) == {"friends", *BASELINES}
    for name in BASELINES:
        assert found["metrics"]["friends"]["auc"] > found["metrics"][name]["auc"]
    (tmp_path / "friends.csv").unlink()
    with pytest.raises(Unsupported, match="no friends"):
        bench_friends(tmp_path)
