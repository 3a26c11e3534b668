"""The new order: bounded, pinned ones in their places, and nobody's judgement moves two others past each other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.language.reorder import reorder
from graph.errors import InvalidData

JUDGEMENTS = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=40)
REACH = st.integers(0, 12)


@settings(deadline=None)
@given(JUDGEMENTS, REACH)
def test_nobody_moves_further_than_the_reach_and_the_pinned_not_at_all(judged: list[float | None], reach: int) -> None:
    places = reorder(judged, reach=reach)
    assert sorted(places) == list(range(len(judged)))
    for now, before in enumerate(places):
        assert abs(now - before) <= reach
        assert judged[before] is not None or now == before


@settings(deadline=None)
@given(JUDGEMENTS.filter(bool), REACH, st.data())
def test_the_order_of_all_others_does_not_depend_on_one(
    judged: list[float | None], reach: int, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(judged) - 1))
    changed = list(judged)
    changed[place] = data.draw(st.one_of(st.none(), st.floats(0, 1)))
    free = [one for one in range(len(judged)) if judged[one] is not None and one != place]
    orders = [[one for one in reorder(given_, reach=reach) if one in free] for given_ in (judged, changed)]
    assert orders[0] == orders[1]


def test_the_better_judged_moves_up_by_all_of_its_reach() -> None:
    assert reorder([0.0, 0.0, 0.0, 0.0, 1.0, 0.5], reach=4) == [0, 4, 1, 2, 3, 5]
    assert reorder([0.5] * 6, reach=4) == list(range(6))
    assert reorder([0.0, 1.0, 0.0, 1.0], reach=0) == [0, 1, 2, 3]
    assert reorder([0.0, None, 1.0, 1.0], reach=6) == [2, 1, 3, 0]


def test_what_is_no_judgement_is_refused() -> None:
    for judged, reach in ([float("nan")], 3), ([1.5], 3), ([0.5], -1):
        with pytest.raises(InvalidData):
            reorder(judged, reach=reach)
