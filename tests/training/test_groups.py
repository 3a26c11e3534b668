"""Quality by group: members, means, gaps and their intervals."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from training.groups import by_items, by_users, item_groups, user_groups
from training.resample import BUCKETS, mean_with_interval, ratios


def test_users_fall_into_thirds_and_profile_values() -> None:
    users = np.arange(2, 38)
    profiles = pa.table(
        {
            "id": [str(n) for n in range(40)],
            "gender": ["f" if n % 2 else "m" for n in range(40)],
            "age": [str(20 + n) for n in range(40)],
            "name": [f"n{n}" for n in range(40)],
            "country": ["x"] * 40,
            "tags": [["a"]] * 40,
            "member": [None if n < 10 else n < 25 for n in range(40)],
        }
    )
    found = user_groups(users, users * 10, profiles)
    assert set(found) == {"activity", "gender", "age", "member"}
    assert np.bincount(found["activity"][0]).tolist() == [12, 12, 12]
    assert found["activity"][0][0] == 0
    assert found["gender"][1] == ("f", "m")
    assert found["gender"][0][:2].tolist() == [1, 0]
    assert found["age"][1] == ("low", "middle", "high")
    assert (found["member"][0] == -1).sum() == 8


def test_means_by_group_and_the_gap_between_best_and_worst() -> None:
    rng = np.random.default_rng(1)
    label = np.arange(600) % 3
    values = rng.normal([0.2, 0.5, 0.3], 0.1, (200, 3)).ravel()
    found = by_users("ndcg@10", values, {"kind": (label, ("a", "b", "c"))})["kind"]
    assert [one.users for one in found.groups] == [200, 200, 200]
    for place, one in enumerate(found.groups):
        assert one.value == pytest.approx(values[label == place].mean())
        assert one.low < one.value < one.high
        width = 2 * 1.96 * values[label == place].std() / np.sqrt(200)
        assert one.high - one.low == pytest.approx(width, rel=0.15), "as the normal law has it"
    assert found.gap is not None
    assert (found.gap.best, found.gap.worst) == ("b", "a")
    assert 0.25 < found.gap.low < found.gap.value < found.gap.high < 0.35


def test_a_gap_that_is_not_there_has_zero_in_reach() -> None:
    values = np.random.default_rng(2).random(400)
    gap = by_users("m", values, {"kind": (np.arange(400) % 2, ("a", "b"))})["kind"].gap
    assert gap is not None
    assert gap.low < 0.02


def test_groups_of_too_few_users_are_left_out() -> None:
    label = np.array([0] * 50 + [1] * 50 + [2] * 3)
    found = by_users("m", np.ones(103), {"kind": (label, ("a", "b", "rare"))})["kind"]
    assert [one.name for one in found.groups] == ["a", "b"]


def test_many_users_are_drawn_in_buckets_with_the_same_interval() -> None:
    values = np.random.default_rng(3).random(5 * BUCKETS)
    value, low, high = mean_with_interval(values)
    assert value == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(len(values)), rel=0.2)
    assert np.isnan(mean_with_interval(np.array([np.nan]))).all()


def test_items_fall_into_deciles_and_head_middle_tail() -> None:
    counts = np.concatenate([[0, 0], np.arange(1, 101)])
    found = item_groups(counts)
    label, names = found["popularity"]
    assert np.bincount(label).tolist() == [10] * 10 + [2]
    assert names[int(label[-1])] == "decile 10"
    assert names[int(label[0])] == "new"
    head, names = found["head"]
    assert (head[-20:] == 0).all()
    tail = counts[head == 2]
    assert tail.sum() / counts.sum() == pytest.approx(0.2, abs=0.02)
    assert (np.sort(tail) == np.arange(1, len(tail) + 1)).all()


def test_recall_by_item_group_counts_held_out_pairs() -> None:
    ranking = np.array([[0, 2, 4], [1, 3, -1]], np.int32)
    relevant = csr_matrix(np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1]]))
    label = np.array([0, 0, 0, 1, 1])
    found = by_items(ranking, relevant, {"x": (label, ("a", "b"))}, 3)["x"]
    assert [one.value for one in found.groups] == [pytest.approx(3 / 4), pytest.approx(1 / 2)]
    assert [one.users for one in found.groups] == [2, 1]


def test_no_group_at_all_is_no_fault() -> None:
    assert ratios("m", ("a",), np.zeros((3, 1)), np.zeros((3, 1))).groups == ()


def test_many_equal_groups_have_a_gap_that_chance_explains() -> None:
    rng = np.random.default_rng(7)
    values = rng.random(1000)
    ways = {"many": (np.arange(1000) % 20, tuple("abcdefghijklmnopqrst")), "two": (np.arange(1000) % 2, ("x", "y"))}
    found = by_users("m", values, ways)
    assert found["many"].gap is not None
    assert found["many"].gap.low > 0, "the best and the worst of twenty are always apart"
    assert found["many"].p_value is not None
    assert found["many"].p_value > 0.05
    uneven = by_users("m", values + 0.1 * (np.arange(1000) % 2), ways)["two"]
    assert uneven.p_value is not None
    assert uneven.p_value < 0.01
    assert by_users("m", np.ones(1000), ways)["two"].p_value == 1.0
