"""Films of MovieLens 100K that came out while people rated, as events: real people, no places, no friends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.convert_100k import events_ml_100k
from training.bench_events import bench_events, read_log
from training.events.log import EventLog


@pytest.fixture(scope="module")
def folder(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("films")
    events_ml_100k(data_root, out)
    return out


@pytest.fixture(scope="module")
def log(folder: Path) -> EventLog:
    return read_log(folder)


def test_a_film_starts_on_the_day_of_its_first_rating(log: EventLog) -> None:
    assert log.is_event.sum() == 171
    first = np.full(log.shape[1], np.iinfo(np.int64).max)
    np.minimum.at(first, log.item, log.time)
    late = first[log.is_event] - log.starts[log.is_event]
    assert ((late >= 0) & (late < 86_400)).all()


def test_signals_of_place_and_friends_fall_away(folder: Path) -> None:
    found = bench_events(folder, horizon_days=60, test_share=0.4)
    assert {"soon", "attributes", "ridge", "expected popularity"} <= set(found.weights)
    assert not {"near home", "friends going", "popularity so far"} & set(found.weights)
    assert any("no friends" in note for note in found.notes)
    assert found.cuts["test"]["people"] == 65
    assert found.validation["events"]["ndcg@10"] > max(
        one["ndcg@10"] for name, one in found.validation.items() if name != "events"
    )
