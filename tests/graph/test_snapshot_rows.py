"""Merging into sorted arrays gives what sorting everything anew would give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import Unsupported
from graph.snapshot import IdMap, Interactions
from graph.snapshot_ids import move
from graph.snapshot_rows import Packing, Places, in_order, joined, merged, moved, together, without

USERS, ITEMS = 4, 3
rows = st.lists(
    st.tuples(
        st.integers(0, USERS - 1), st.integers(0, ITEMS - 1), st.integers(0, 1),
        st.sampled_from([1.0, 2.0, float("nan")]), st.integers(-1, 2),
    ),
    max_size=30,
)  # fmt: skip


def columns(found: list[tuple[int, int, int, float, int]]) -> Interactions:
    user, item, kind, value, time = zip(*found, strict=True) if found else ((),) * 5
    return Interactions(
        np.array(user, np.int32), np.array(item, np.int32), np.array(kind, np.int8), np.array(value, np.float32),
        np.array(time, np.int64),
    )  # fmt: skip


def as_dict(found: Interactions) -> dict[tuple[int, ...], str]:
    keys = zip(*(getattr(found, name).tolist() for name in ("user", "time", "item", "kind")), strict=True)
    return dict(zip(keys, map(str, found.value.tolist()), strict=True))


@given(rows, rows, st.lists(st.booleans(), min_size=30, max_size=30))
def test_changes_are_merged_as_if_all_were_sorted_anew(before, after, present):
    old, new = in_order(columns(before)), in_order(columns(after))
    there = np.array(present[: len(new)], np.bool_)
    found = merged(old, new, there, USERS)
    expected = as_dict(old) | as_dict(new)
    for key, stays in zip(as_dict(new), there.tolist(), strict=True):
        if not stays:
            expected.pop(key)
    assert as_dict(found) == expected
    assert list(as_dict(found)) == sorted(expected)
    assert len(found) == len(expected)


@given(rows)
def test_of_rows_with_one_key_the_greatest_value_stays(found):
    best: dict[tuple[int, ...], float] = {}
    for user, item, kind, value, time in found:
        key = (user, time, item, kind)
        if key not in best or np.isnan(value) or value > best[key]:
            best[key] = best[key] if key in best and np.isnan(best[key]) else value
    assert as_dict(in_order(columns(found))) == {key: str(value) for key, value in best.items()}


@given(
    st.sets(st.text("abcé😀", min_size=1, max_size=3)), st.sets(st.text("abcé😀", min_size=1, max_size=3)), st.data()
)
def test_everybody_finds_their_new_place(old, touched, data):
    there = {name for name in sorted(touched) if data.draw(st.booleans())}
    names = tuple(sorted(old))
    found = move(IdMap(names), touched, there, {})
    expected = sorted((old - touched) | there)
    assert list(found.ids.ids) == expected
    assert found.places.size == len(expected)
    for place, name in enumerate(names):
        assert found.places.new[place] == (expected.index(name) if name in expected else -1)
    assert [names[place] for place in found.touched] == sorted(old & touched)


def test_rows_of_who_is_gone_go():
    old = in_order(columns([(0, 0, 0, 1.0, 0), (1, 1, 0, 1.0, 0), (2, 2, 0, 1.0, 0)]))
    users, items = Places(np.array([0, -1, 1], np.int32), 2), Places(np.array([1, 2, 3], np.int32), 4)
    found = moved(old, users, items)
    assert (found.user.tolist(), found.item.tolist()) == ([0, 1], [1, 3])
    same = Places(np.arange(3, dtype=np.int32), 3)
    assert moved(old, same, same) is old


def test_nothing_joined_is_empty_and_typed():
    empty = joined([])
    assert len(empty) == 0
    assert (empty.kind.dtype, empty.time.dtype) == (np.int8, np.int64)


@given(st.sets(st.integers(0, 50)), st.sets(st.integers(0, 50)), st.sets(st.integers(0, 50)))
def test_keys_come_and_go(keys, gone, come):
    arrays = [np.array(sorted(one), np.int64) for one in (keys, gone, come)]
    assert together(without(arrays[0], arrays[1]), arrays[2]).tolist() == sorted((keys - gone) | come)


def test_triples_as_numbers_and_back_and_never_too_many():
    packing = Packing(nodes=7, relations=3)
    head, relation, tail = np.array([0, 6, 6]), np.array([2, 0, 2]), np.array([6, 0, 6])
    keys = packing.pack(head, relation, tail)
    back = packing.unpack(keys)
    assert (back.head.tolist(), back.relation.tolist(), back.tail.tolist()) == ([0, 6, 6], [2, 0, 2], [6, 0, 6])
    assert (np.diff(keys) > 0).all()
    with pytest.raises(Unsupported, match="too many for a snapshot"):
        Packing(nodes=2**31, relations=20)
