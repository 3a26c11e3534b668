"""Attribution and the business's numbers, by hand and against slow, obvious versions of themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import InvalidData
from tests.training.online.worlds import act, log, shown
from training.online.attribution import latest
from training.online.business import Row, numbers, table
from training.online.log import Acts, Shown, impressions_of
from training.online.ratios import bootstrap, ratio
from training.online.tallies import DAY

NONE = np.empty(0)


def by_name(rows: list[Row]) -> dict[tuple[str, str], Row]:
    return {(row.group, row.measure): row for row in rows}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 30), st.booleans()), max_size=40),
       st.integers(0, 12))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_attribution_is_the_latest_impression_before(rows: list[tuple[int, int, int, bool]], window: int) -> None:
    impressions = [row for row in rows if row[3]]
    deeds = [row for row in rows if not row[3]]

    def columns(some: list[tuple[int, int, int, bool]]) -> list[np.ndarray]:
        return [np.array([row[place] for row in some], np.int64) for place in range(3)]

    (user, item, at), zero = columns(impressions), np.zeros(len(impressions), np.int64)
    seen = Shown(zero, user, item, at, zero, zero, zero, zero.astype(float), zero)
    user, item, at = columns(deeds)
    found = latest(Acts(user, item, np.zeros_like(user), np.zeros(len(user)), at), seen, window)
    for place, (who, what, when, _) in zip(found.tolist(), deeds, strict=True):
        times = [one[2] for one in impressions if one[:2] == (who, what) and when - window <= one[2] <= when]
        assert (place >= 0) == bool(times)
        if times:
            assert impressions[place][:3] == (who, what, max(times))


def test_the_numbers_of_a_small_shop() -> None:
    day = 20_000 * DAY
    acts = [
        act("a", "x", "clicked", day + 20), act("a", "x", "clicked", day + 21),
        act("a", "x", "purchased", day + 30, 12.0),
        act("b", "y", "purchased", day + 40, 8.0),  # bought without a click: reached, and bought
        act("b", "z", "purchased", day + 50),  # of nothing that was shown, and without a value
        act("c", "x", "clicked", day + 10 + 2 * DAY),  # too late for its impression
        act("a", "w", "listened", day + 60, 180.0), act("a", "w", "viewed", day + 70, 30.0),
        act("a", "w", "viewed", day + DAY + 15, 10.0),
    ]  # fmt: skip
    impressions = [
        shown("a", "x", day + 10),
        shown("a", "y", day + 10),
        shown("b", "y", day + 10),
        shown("c", "x", day + 10),
    ]
    found = {row.measure: row.ratio for row in numbers(log(acts, impressions, day + 20 * DAY))}
    assert (found["ctr"].numerator, found["ctr"].denominator) == (1, 4)
    assert (found["conversion"].numerator, found["conversion"].denominator) == (2, 2)
    assert found["buyers"].value == pytest.approx(2 / 3)
    assert found["orders"].value == pytest.approx(1)
    assert found["order_value"].value == pytest.approx(10), "the purchase without a value is no purchase of nothing"
    assert found["revenue"].value == pytest.approx(20 / 3)
    assert found["listen_time"].value == pytest.approx(60)
    assert found["watch_time"].value == pytest.approx(40 / 3)
    assert found["returning_d1"].value == pytest.approx(1 / 3), "a came back 24 to 48 hours later, c two days later"
    assert found["returning_d7"].value == 0


def test_returning_is_not_asked_before_the_day_is_over() -> None:
    acts = [act("a", "x", "viewed", 10 * DAY), act("b", "x", "viewed", 11 * DAY), act("a", "x", "viewed", 11 * DAY + 5)]
    found = {row.measure: row.ratio for row in numbers(log(acts, [], 12 * DAY))}
    assert (found["returning_d1"].numerator, found["returning_d1"].denominator) == (1, 1)
    assert "returning_d7" not in found


def test_by_day_model_and_arm() -> None:
    impressions = [
        shown("a", "x", 10 * DAY, model="m1", arms={"e": "one"}), shown("a", "y", 11 * DAY, model="m2"),
        shown("b", "x", 10 * DAY, model="m2", arms={"e": "two", "f": "new"}),
        shown("c", "x", 11 * DAY, model="m2", arms={"e": "two"}),
    ]  # fmt: skip
    acts = [act("a", "x", "clicked", 10 * DAY + 5), act("b", "x", "purchased", 11 * DAY, 3.0),
            act("a", "x", "purchased", 11 * DAY, 5.0)]  # fmt: skip
    data = log(acts, impressions, 40 * DAY)
    days = by_name(numbers(data, by="day"))
    assert days["1970-01-11", "ctr"].ratio.value == 0.5
    assert days["1970-01-12", "revenue"].ratio.value == pytest.approx(8 / 3)
    assert days["1970-01-11", "returning_d1"].ratio.value == 1, "both who were there are there the next day"
    models = by_name(numbers(data, by="model"))
    assert models["m1", "ctr"].ratio.value == 1
    assert models["m2", "revenue"].ratio.value == pytest.approx(1.0), "b's 3 among a, b, c; a saw two models"
    arms = by_name(numbers(data, by="arm"))
    assert {group for group, _ in arms} == {"e/one", "e/two", "f/new"}
    assert arms["e/two", "impressions"].ratio.numerator == 2
    assert arms["f/new", "revenue"].ratio.value == 3
    assert table(numbers(data, by="arm")).column_names[:3] == ["group", "measure", "value"]
    with pytest.raises(InvalidData, match="by 'week'"):
        numbers(data, by="week")


def test_nothing_logged_is_no_number() -> None:
    assert numbers(log([], [])) == []
    for by in ("day", "model", "arm"):
        assert numbers(log([], []), by=by) == []


def test_impressions_that_clients_report_take_their_answer_along() -> None:
    data = log([act("a", "x", "impressed", 100), act("b", "x", "impressed", 100)],
               [shown("a", "x", 50, model="m1"), shown("a", "x", 90, model="m2", arms={"e": "one"}),
                shown("a", "never-looked-at", 90)])  # fmt: skip
    found = impressions_of(data)
    assert len(found.shown) == 2
    assert found.models[found.shown.model[0]] == "m2"
    assert found.shown.model[1] == -1
    assert by_name(numbers(found, by="arm"))["e/one", "impressions"].ratio.numerator == 1
    assert len(impressions_of(log([act("a", "x", "impressed", 100)], [])).shown) == 1


def test_the_delta_method_agrees_with_the_bootstrap_and_covers_the_truth() -> None:
    """Users bring many impressions each, more of them click more: rows are not independent, users are."""
    rng = np.random.default_rng(3)
    covered = naive = 0
    rounds, users = 400, 300
    for number in range(rounds):
        rate = rng.beta(1, 9, users)
        below = rng.poisson(10, users) + 1.0
        above = rng.binomial(below.astype(int), rate).astype(float)
        found = ratio(above, below)
        covered += found.low <= 0.1 <= found.high
        spread = np.sqrt(found.value * (1 - found.value) / below.sum())
        naive += abs(found.value - 0.1) <= 1.96 * spread
        if number < 3:
            low, high = bootstrap(above, below)
            assert low == pytest.approx(found.low, abs=0.12 * (found.high - found.low))
            assert high == pytest.approx(found.high, abs=0.12 * (found.high - found.low))
    assert 0.92 <= covered / rounds <= 0.975
    assert naive / rounds < 0.9, "what it would be to take impressions for independent"


def test_a_ratio_of_nothing_is_not_a_number() -> None:
    assert np.isnan(ratio(NONE, NONE).value)
    assert np.isnan(ratio(np.zeros(3), np.zeros(3)).low)
    assert np.isnan(bootstrap(np.zeros(3), np.zeros(3))[0])
