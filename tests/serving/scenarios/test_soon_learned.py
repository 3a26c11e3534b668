"""The shelf of events where a publish learned weights: better than the rule, true to the moment, and bounded by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph.consent import Defaults
from graph.snapshot import Snapshot
from graph.snapshot_read import read_folder
from serving.foldin import nobody, viewer
from serving.index import ModelInfo, read_manifest
from serving.live import Live
from serving.live_holder import open_live
from serving.publish import publish
from serving.scenarios.columns import ColumnsHolder
from serving.scenarios.soon import soon_scores
from serving.scenarios.visitor import Visitor
from tests.training.events.planted import FIRST, write_events
from training.train import everything
from training.zoo import find

DAY = 86_400
NOW = FIRST.timestamp() + 110 * DAY
WIDE = {"within": 30.0 * DAY, "km": 1000.0}
RULE = {**WIDE, "days": 7.0}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return read_folder(write_events(tmp_path_factory.mktemp("planted"))).snapshot


@pytest.fixture(scope="module")
def live(whole: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Live:
    return published(until(whole, NOW), tmp_path_factory.mktemp("home"))


def until(snapshot: Snapshot, at: float) -> Snapshot:
    return replace(snapshot, interactions=snapshot.interactions.take(snapshot.interactions.time < at))


def published(snapshot: Snapshot, home: Path, **options: Any) -> Live:
    model = find("ease").build().fit(everything(snapshot, None))
    publish(snapshot, model, home=home, model=ModelInfo("ease", "1"), **options)
    return open_live(home, Defaults())


def visitor(live: Live, user: str, now: float = NOW) -> Visitor:
    return Visitor(live, ColumnsHolder().get(live), viewer(live, user), now)


def test_who_goes_stands_higher_than_by_the_rule(whole: Snapshot, live: Live) -> None:
    rows, places = whole.interactions, {"weights": [], "rule": []}
    for user, name in enumerate(whole.users.ids):
        later = rows.item[(rows.user == user) & (rows.time >= NOW)]
        one = visitor(live, name)
        for how, options in (("weights", WIDE), ("rule", RULE)):
            scores = soon_scores(one, options)
            assert scores is not None
            going = later[np.isfinite(scores[later])]
            places[how] += [int((scores > scores[item]).sum()) for item in going.tolist()]
    assert len(places["weights"]) > 100
    assert np.mean(places["weights"]) < 0.8 * np.mean(places["rule"])


def test_the_manifest_says_what_was_learned(live: Live) -> None:
    entry = read_manifest(live.index.folder)["events"]
    assert entry["lists"] >= 20
    assert entry["over_the_rule"]["difference"] > 0
    assert entry["over_the_rule"]["p_value"] < 0.05
    assert entry["weights"]["attributes"] > 0


def test_what_is_past_or_far_never_comes(live: Live) -> None:
    one = visitor(live, "data:p0", NOW + 20 * DAY)  # nothing was published since
    scores = soon_scores(one, {"within": 5.0 * DAY, "km": 20.0})
    assert scores is not None
    shown = np.flatnonzero(np.isfinite(scores))
    assert len(shown)
    wait = one.columns.number("starts")[shown] - one.now
    assert ((wait >= 0) & (wait <= 5 * DAY)).all()
    cities = one.columns.words["city"]
    assert {cities.names[cities.of(item)[0]] for item in shown.tolist()} == {"Delft"}
    assert soon_scores(visitor(live, "data:p0", NOW + 100 * DAY), WIDE) is None


def test_a_preset_with_weights_of_its_own_and_a_newcomer_get_the_rule(live: Live) -> None:
    one = visitor(live, "data:p3")
    ruled, weighed = soon_scores(one, {**RULE, "taste": 0.0, "friends": 0.0}), soon_scores(one, WIDE)
    assert ruled is not None
    assert weighed is not None
    shown = np.isfinite(ruled)
    assert not np.allclose(ruled[shown], weighed[shown], atol=0.1)
    new = Visitor(live, one.columns, nobody(), NOW)
    np.testing.assert_array_equal(soon_scores(new, WIDE), soon_scores(new, RULE))  # type: ignore[arg-type]


def test_friends_count_as_they_are_now(live: Live) -> None:
    one, alone = visitor(live, "data:p7"), visitor(live, "data:p7")
    alone.__dict__["friends"] = []
    assert one.friends
    coming = live.index.coming
    assert coming is not None
    assert coming.friends > 0
    by, without = soon_scores(one, WIDE), soon_scores(alone, WIDE)
    assert by is not None
    assert without is not None
    going = [item for friend in one.friends for item in live.index.known[friend].tolist() if np.isfinite(by[item])]
    assert going
    assert by[going].mean() > without[going].mean()


def test_without_past_answers_nothing_is_learned(whole: Snapshot, tmp_path: Path) -> None:
    fewer = until(whole, FIRST.timestamp() - 15 * DAY)
    assert published(fewer, tmp_path / "few").index.coming is None
    assert published(until(whole, NOW), tmp_path / "private", learn_events=False).index.coming is None


def test_places_that_are_no_numbers_leave_the_rule(whole: Snapshot, tmp_path: Path) -> None:
    """As where they are kept encrypted."""
    table, told = whole.user_properties, []
    names = [str(name) for name in table.column("city").to_pylist()]
    bad = table.set_column(table.column_names.index("latitude"), "latitude", [names])
    snapshot = until(replace(whole, user_properties=bad), NOW)
    assert published(snapshot, tmp_path, progress=told.append).index.coming is None
    assert any("a latitude that is no number" in line for line in told)
