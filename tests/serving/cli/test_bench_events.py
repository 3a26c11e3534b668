"""`interlace bench events`: the object, the table, MLflow, and options that say nothing to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving.cli.conftest import Interlace
from tests.training.events.planted import write_events


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_events(tmp_path_factory.mktemp("events"))


def test_it_answers_with_one_object_and_logs_it(interlace: Interlace, folder: Path, tmp_path: Path) -> None:
    found = interlace("bench", "events", folder, "--horizon", "20", "--no-embed", "--track", "--json").json
    assert (found["task"], found["horizon_days"], found["events"]) == ("events", 20, 150)
    assert found["metrics"]["ndcg@10"] > max(one["ndcg@10"] for one in found["baselines"].values())
    assert {"at", "candidates", "people", "targets"} <= set(found["cuts"]["test"])
    (run,) = interlace("runs", "list", "--json").json["runs"]
    assert run["name"] == "events"


def test_people_read_a_table_and_what_is_missing(interlace: Interlace, tmp_path: Path) -> None:
    bare = write_events(tmp_path / "bare", bare=True)
    shown = interlace("bench", "events", bare, "--horizon", "20", "--test-share", "0.3", "--no-embed")
    assert shown.code == 0
    assert all(words in shown.out for words in ("soonest", "content", "note: no friends", "weights: "))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("events", "--model", "ease"), "in the task 'events'"),
        (("events", "--horizon", "0"), "a horizon of 0"),
        (("top-n", "--horizon", "9"), "--horizon or --test-share in the task 'top-n'"),
        (("friends", "--test-share", "0.5"), "--horizon or --test-share in the task 'friends'"),
    ],
)
def test_what_says_nothing_is_refused(
    interlace: Interlace, folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    task, *rest = arguments
    refused = interlace("bench", task, folder, *rest)
    assert refused.code == 2
    assert message in refused.err
