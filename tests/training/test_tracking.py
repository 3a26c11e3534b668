"""MLflow runs: names, batches, nesting, failures, addresses that are refused, and silence."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graph.errors import InvalidData, StoreUnavailable, Unsupported
from tests.training.planted import snapshot_of
from training.environment import environment, environment_tags, git_commit, sizes
from training.tracking import Tracker, metric_name, open_tracker


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ndcg@10", "ndcg_at_10"),
        ("epoch/loss", "epoch/loss"),
        ("brings/content-text", "brings/content-text"),
        ("a%b", "a_b"),
    ],
)
def test_metric_names_are_what_mlflow_takes(name: str, expected: str) -> None:
    assert metric_name(name) == expected


def test_a_run_keeps_parameters_metrics_tags_and_documents(tracker: Tracker) -> None:
    with tracker.run("films", "ease", {"model": "ease"}) as run:
        run.params({"regularization": 300.0, "long": "x" * 10_000})
        run.metrics({"ndcg@10": 0.25}, prefix="test/")
        run.document({"a": 1}, "environment.json")
    experiment = tracker.client.get_experiment_by_name("films")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    found = tracker.client.get_run(run.id)
    assert found.info.status == "FINISHED"
    assert found.data.params["regularization"] == "300.0"
    assert len(found.data.params["long"]) == 6000
    assert found.data.metrics == {"test/ndcg_at_10": 0.25}
    assert found.data.tags["model"] == "ease"
    assert found.data.tags["python"].count(".") == 2
    text = Path(tracker.client.download_artifacts(run.id, "environment.json")).read_text(encoding="utf-8")
    assert json.loads(text) == {"a": 1}


def test_epochs_become_a_curve(tracker: Tracker) -> None:
    with tracker.run("films", "lightgcn") as run:
        for number in (1, 2, 3):
            run.epoch(number, 3, {"loss": 1 / number})
    history = tracker.client.get_metric_history(run.id, "epoch/loss")
    assert [(point.step, round(point.value, 3)) for point in history] == [(1, 1.0), (2, 0.5), (3, 0.333)]


def test_many_epochs_are_written_in_few_batches(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    write = tracker.client.log_batch
    with tracker.run("films", "lightgcn") as run:
        monkeypatch.setattr(
            tracker.client, "log_batch", lambda run_id, **kept: (calls.append(1), write(run_id, **kept))
        )
        for number in range(1, 1501):
            run.epoch(number, 1500, {"loss": 1.0, "ndcg@10": 0.1})
        run.flush()
    assert len(calls) <= 6
    assert len(tracker.client.get_metric_history(run.id, "epoch/loss")) == 1500


def test_members_are_nested_runs(tracker: Tracker) -> None:
    with tracker.run("films", "auto") as parent, parent.child("ease") as child:
        child.metrics({"ndcg@10": 0.2})
    assert tracker.client.get_run(child.id).data.tags["mlflow.parentRunId"] == parent.id
    assert tracker.client.get_run(child.id).info.experiment_id == parent.experiment_id


def test_a_run_that_fails_says_so_and_keeps_what_it_had(tracker: Tracker) -> None:
    with pytest.raises(ZeroDivisionError), tracker.run("films", "broken") as run:  # noqa: PT012 - the block is the run
        run.metrics({"loss": 1.0})
        _ = 1 / 0
    found = tracker.client.get_run(run.id)
    assert found.info.status == "FAILED"
    assert found.data.metrics == {"loss": 1.0}


def test_the_data_set_is_logged_with_its_hash(tracker: Tracker, planted) -> None:
    snapshot = snapshot_of(planted)
    with tracker.run("films", "ease") as run:
        run.dataset(snapshot, "f" * 64, name="films")
    found = tracker.client.get_run(run.id)
    recorded = found.inputs.dataset_inputs[0].dataset
    assert (recorded.name, recorded.digest) == ("films", "f" * 36)
    assert json.loads(recorded.profile)["interactions"] == len(planted)
    assert found.data.tags["snapshot"] == "f" * 64


def test_a_deleted_experiment_is_brought_back(tracker: Tracker) -> None:
    number = tracker.experiment("once")
    tracker.client.delete_experiment(number)
    assert tracker.experiment("once") == number
    with tracker.run("once", "again"):
        pass


def test_artifacts_lie_beside_the_database(tracker: Tracker) -> None:
    assert tracker.folder is not None
    with tracker.run("films", "ease") as run:
        run.document({}, "empty.json")
    kept = tracker.folder / "artifacts" / "films" / run.id / "artifacts" / "empty.json"
    assert kept.is_file()


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns", "./mlruns", "/tmp/mlruns", ""])
def test_a_file_store_is_refused_with_what_to_write_instead(uri: str) -> None:
    with pytest.raises(Unsupported, match="sqlite:///"):
        open_tracker(uri)


def test_a_server_that_is_down_is_named() -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9"):
        open_tracker("http://127.0.0.1:9")


def test_a_database_in_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidData, match="file"):
        open_tracker(f"sqlite:///{tmp_path}/file/mlflow.db")


def test_something_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is not SQLite, and long enough to be looked at" * 40)
    with pytest.raises(StoreUnavailable, match=r"mlflow\.db"):
        open_tracker(f"sqlite:///{tmp_path}/mlflow.db")


def test_mlflow_is_quiet_and_sends_nothing(tracker: Tracker) -> None:
    from mlflow.telemetry.utils import is_telemetry_disabled

    assert is_telemetry_disabled()
    assert logging.getLogger("mlflow").level >= logging.WARNING
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert tracker.uri.startswith("sqlite:////")


def test_the_environment_names_what_is_installed() -> None:
    found = environment()
    assert {"interlace", "mlflow", "torch"} <= set(found["packages"])
    assert environment_tags()["python"] == sys.version.split()[0]


def test_the_commit_is_the_checkouts_own(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], cwd=tmp_path, check=True)
    assert len(git_commit(tmp_path) or "") == 40


def test_sizes_count_vectors_that_are_there(planted) -> None:
    assert sizes(snapshot_of(planted))["embeddings"] == {}
    assert sizes(snapshot_of(planted))["users"] == 60
