"""Pairs that stand near each other, held against counting them one by one."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.snapshot import NO_TIME
from training.data import Histories
from training.near import ANY_TIME, near

ITEMS = 6


def histories(rows: list[list[int]], times: list[list[int]] | None = None) -> Histories:
    """Times are places where none are given."""
    given_times = times or [list(range(len(row))) for row in rows]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    items = np.array([item for row in rows for item in row], np.int32)
    return Histories(indptr, items, np.array([at for row in given_times for at in row], np.int64), ITEMS)


def counted(rows: list[list[int]], weights: list[float], both: bool, people: bool) -> np.ndarray:
    """(items, items), by hand."""
    found = np.zeros((ITEMS, ITEMS))
    for row in rows:
        pairs: dict[tuple[int, int], float] = defaultdict(float)
        for place, item in enumerate(row):
            for step in range(1, len(weights) + 1):
                if place + step < len(row) and row[place + step] != item:
                    pairs[item, row[place + step]] += weights[step - 1]
                    if both:
                        pairs[row[place + step], item] += weights[step - 1]
        for pair, weight in pairs.items():
            found[pair] += 1 if people else weight
    return found


ROWS = st.lists(st.lists(st.integers(0, ITEMS - 1), max_size=9), max_size=8)


@settings(deadline=None)
@given(rows=ROWS, reach=st.integers(1, 4), both=st.booleans(), fewest=st.integers(0, 3))
def test_people_are_counted_once_a_pair(rows: list[list[int]], reach: int, both: bool, fewest: int) -> None:
    found = near(histories(rows), np.ones(reach), both=both, people=True, fewest=fewest)
    expected = counted(rows, [1.0] * reach, both, people=True)
    assert np.array_equal(found.totals, expected.sum(axis=1))
    assert np.array_equal(found.counts.toarray(), np.where(expected >= fewest, expected, 0))
    assert found.counts.has_sorted_indices


@settings(deadline=None)
@given(rows=ROWS, both=st.booleans())
def test_every_time_counts_where_people_do_not(rows: list[list[int]], both: bool) -> None:
    found = near(histories(rows), [1.0, 0.5, 0.25], both=both)
    assert found.counts.toarray() == pytest.approx(counted(rows, [1.0, 0.5, 0.25], both, people=False))


def test_what_lies_long_ago_is_not_near() -> None:
    known = histories([[0, 1, 2], [3, 4, 5]], [[0, 10, 100], [NO_TIME, 5, NO_TIME]])
    found = near(known, np.ones(2), within=50).counts.toarray()
    assert found[0].tolist() == [0, 1, 0, 0, 0, 0]
    assert not found[1].any()
    assert found[3].tolist() == [0, 0, 0, 0, 1, 1], "nobody knows when: it may have been near"
    assert near(known, np.ones(2), within=ANY_TIME).counts[0].indices.tolist() == [1, 2]


def test_nothing_is_counted_of_nothing() -> None:
    found = near(histories([]), np.ones(3), both=True, people=True, fewest=5)
    assert found.counts.shape == (ITEMS, ITEMS)
    assert found.counts.nnz == 0
    assert not found.totals.any()


@settings(deadline=None)
@given(rows=ROWS, last=st.integers(1, 5))
def test_the_newest_of_each_history(rows: list[list[int]], last: int) -> None:
    found = histories(rows).newest(last)
    kept = [found.items[low:high].tolist() for low, high in zip(found.indptr, found.indptr[1:], strict=False)]
    assert kept == [row[-last:] for row in rows]
