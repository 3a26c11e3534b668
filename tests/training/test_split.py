"""Splits: shares, disjointness, time order, fixed parts, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData
from graph.schema import KINDS
from graph.snapshot import NO_TIME, Interactions
from training.split import make_split, positives


def _rows(user, item, time=None, value=None, kind="rated"):
    n = len(user)
    return Interactions(
        np.array(user, np.int32),
        np.array(item, np.int32),
        np.full(n, KINDS.index(kind), np.int8),
        np.array(value if value is not None else [5.0] * n, np.float32),
        np.array(time if time is not None else range(n), np.int64),
    )


def _pairs(part):
    return set(zip(part.user.tolist(), part.item.tolist(), strict=True))


def test_random_takes_a_tenth_of_each_user_twice_and_loses_nothing(planted):
    split = make_split(planted, how="random", seed=1)
    parts = [_pairs(getattr(split, name)) for name in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(planted)
    sizes = np.bincount(planted.user)
    expected = np.maximum(1, np.rint(sizes / 10)) * (sizes >= 5)
    assert (np.bincount(split.test.user, minlength=len(sizes)) == expected).all()
    assert (np.bincount(split.validation.user, minlength=len(sizes)) == expected).all()


def test_random_depends_on_the_seed_alone(planted):
    first, again, other = (make_split(planted, how="random", seed=seed) for seed in (1, 1, 2))
    assert _pairs(first.test) == _pairs(again.test) != _pairs(other.test)


def test_last_out_holds_out_the_last_two_by_time():
    rows = _rows([0, 0, 0, 0, 1, 1], [3, 2, 1, 0, 5, 6], [40, 30, 20, 10, 1, 2])
    split = make_split(rows, how="last-out")
    assert _pairs(split.test) == {(0, 3)}
    assert _pairs(split.validation) == {(0, 2)}
    assert _pairs(split.train) == {(0, 1), (0, 0), (1, 5), (1, 6)}


def test_equal_times_follow_the_order_of_the_file():
    rows = _rows([0, 0, 0], [7, 8, 9], [5, 5, 5])
    split = make_split(rows, how="last-out", order=np.array([2, 0, 1]))
    assert _pairs(split.test) == {(0, 7)}


def test_min_value_and_kinds_decide_what_is_liked():
    rows = _rows([0, 0, 0], [1, 2, 3], value=[5, 3, np.nan])
    assert positives(rows, 4.0).tolist() == [True, False, True]
    assert not positives(_rows([0], [1], kind="hidden"), None).any()


def test_global_time_puts_the_future_in_test(planted):
    split = make_split(planted, how="global-time")
    assert split.train.time.max() <= split.validation.time.min() <= split.test.time.min()


def test_global_time_without_times_is_refused():
    with pytest.raises(InvalidData, match="needs a time"):
        make_split(_rows([0, 0], [1, 2], [NO_TIME, 3]), how="global-time")


def test_fixed_cuts_the_latest_tenth_where_validation_is_absent():
    rows = _rows([0] * 20 + [0], list(range(21)))
    part = np.array([0] * 20 + [2], np.int8)
    split = make_split(rows, how="fixed", part=part)
    assert _pairs(split.validation) == {(0, 18), (0, 19)}
    assert "latest" in split.how
    assert _pairs(split.test) == {(0, 20)}


def test_fixed_keeps_given_parts():
    rows = _rows([0, 0, 0], [1, 2, 3])
    split = make_split(rows, how="fixed", part=np.array([0, 1, 2], np.int8))
    assert [_pairs(one) for one in (split.train, split.validation, split.test)] == [{(0, 1)}, {(0, 2)}, {(0, 3)}]


def test_a_repeated_pair_stands_once_in_a_random_split():
    rows = _rows([0] * 12, [1, 1, *range(2, 12)])
    split = make_split(rows, how="random")
    assert len(split.train) + len(split.validation) + len(split.test) == 11


@pytest.mark.parametrize(("how", "match"), [("fixed", "no train and test"), ("sideways", "unknown split")])
def test_what_cannot_be_split_is_refused(how, match):
    with pytest.raises(InvalidData, match=match):
        make_split(_rows([0] * 6, range(6)), how=how)


def test_an_empty_part_is_refused_with_the_threshold_named():
    with pytest.raises(InvalidData, match="at least 6"):
        make_split(_rows([0] * 6, range(6)), how="random", min_value=6.0)
