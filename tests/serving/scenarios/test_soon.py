"""The shelf of events to come: what is ahead and near, by how soon, how far, taste and friends, each by its weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from serving.scenarios.columns import Columns, make_columns, number_of
from serving.scenarios.soon import distance, friends_who_like, soon_scores
from serving.scenarios.visitor import Visitor
from serving.standardised import standardised
from tests.serving.scenarios.conftest import Visit
from tests.serving.scenarios.market import NOW

OPTIONS = {"within": 30 * 86_400.0, "km": 300.0}


def _with(visitor: Visitor, scores: np.ndarray) -> Visitor:
    """The same visitor, of whom the model says this."""
    found = replace(visitor)
    found.__dict__["scores"] = scores.astype(np.float32)
    return found


def test_without_weights_it_is_days_and_kilometres(visit: Visit, columns: Columns) -> None:
    visitor = visit("m:u03")
    found = soon_scores(visitor, {**OPTIONS, "taste": 0.0, "friends": 0.0, "days": 2.0})
    assert found is not None
    shown = np.flatnonzero(np.isfinite(found))
    wait = columns.number("starts")[shown] - NOW.timestamp()
    away = distance(columns, visitor.properties)[shown]
    assert len(shown) > 3
    assert ((wait >= 0) & (wait <= OPTIONS["within"]) & (away <= 300)).all()
    np.testing.assert_allclose(found[shown], -(wait / 86_400 / 2 + away / 300), rtol=1e-5)


def test_taste_moves_an_event_up_and_weighs_as_it_is_told(visit: Visit) -> None:
    visitor = visit("m:u03")
    plain = soon_scores(visitor, {**OPTIONS, "taste": 0.0})
    assert plain is not None
    shown = np.flatnonzero(np.isfinite(plain))
    last = shown[plain[shown].argmin()]
    scores = np.zeros(len(plain))
    scores[last] = 1.0
    found = soon_scores(_with(visitor, scores), {**OPTIONS, "taste": 100.0})
    assert found is not None
    assert found.argmax() == last
    gain = soon_scores(_with(visitor, scores), {**OPTIONS, "taste": 1.0})[last] - plain[last]  # type: ignore[index]
    assert gain == pytest.approx(standardised(scores[shown]).max(), abs=1e-4)


def test_each_doubling_of_friends_who_go_weighs_one(visit: Visit) -> None:
    told = 0
    for number in range(60):
        visitor = visit(f"m:u{number:02d}")
        alone = soon_scores(visitor, {**OPTIONS, "taste": 0.0, "friends": 0.0})
        found = soon_scores(visitor, {**OPTIONS, "taste": 0.0, "friends": 1.0})
        if alone is None or found is None:
            continue
        counts = np.zeros(visitor.live.num_items)
        for friend in visitor.friends:
            counts[visitor.live.index.known[friend]] += 1
        np.testing.assert_array_equal(counts, friends_who_like(visitor))
        shown = np.isfinite(alone)
        np.testing.assert_allclose(found[shown] - alone[shown], np.log2(1 + counts[shown]), atol=1e-5)
        told += int(counts[shown].sum())
    assert told


def test_what_the_model_does_not_know_stands_with_the_lowest() -> None:
    found = standardised(np.array([-np.inf, 1.0, 3.0]))
    assert found[0] == found[1] < found[2]
    assert not standardised(np.full(3, -np.inf)).any()
    assert not standardised(np.ones(3)).any()


def test_numbers_that_a_csv_file_gives_as_text_are_numbers() -> None:
    assert number_of("52.37") == 52.37
    assert number_of("-4") == -4
    assert number_of("1e3") == 1000
    assert [number_of(text) for text in ("", "nan", "inf", "1_000", "12 inch", "1e999")] == [None] * 6
    pages = [{"properties": {"latitude": "52.01", "zip": "2611"}, "attributes": {}},
             {"properties": {"latitude": 51.5, "zip": "x"}, "attributes": {}}]  # fmt: skip
    columns = make_columns(pages)
    assert columns.number("latitude").tolist() == [52.01, 51.5]
    assert columns.with_one_of("zip", ("2611",)).tolist() == [True, False]  # and still words to filter by
    assert distance(columns, {"latitude": "52.01", "longitude": "4"}).shape == (2,)
