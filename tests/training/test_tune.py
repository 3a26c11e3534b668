"""Tuning: better than the defaults, pruned early, logged as child runs, and whole after a real kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graph.errors import Conflict, InvalidData, NotFound, Unsupported
from graph.snapshot import Interactions
from tests.training.planted import snapshot_of
from training import tune as tuning
from training.data import TrainingData
from training.prepare import prepare
from training.split import split_of
from training.study import JOURNAL, Pruner, Studies, counted, read_best
from training.tracking import Tracker
from training.tune import Budget, Seen, TuneReport, tune

ABOUT = {"snapshot": "a" * 64, "split": "random"}
DEFAULT = {"regularization": 300.0, "user_power": 0.0, "dropout": 0.0}


@pytest.fixture(scope="module")
def data(planted: Interactions) -> TrainingData:
    snapshot = snapshot_of(planted)
    return prepare(snapshot, split_of(snapshot, how="random", min_value=None, seed=42)).data


def search(data: TrainingData, tracker: Tracker, home: Path, model: str = "ease", **kept: object) -> TuneReport:
    about = kept.pop("about", ABOUT)
    studies = Studies.of(home, str(kept.pop("study", "films")))
    return tune(model, data, about, studies=studies, tracker=tracker, experiment="films", **kept)


def test_the_best_trial_is_no_worse_than_the_defaults_and_is_saved(
    data: TrainingData, tracker: Tracker, tmp_path: Path
) -> None:
    seen: list[Seen] = []
    report = search(data, tracker, tmp_path, budget=Budget(trials=6), watch=seen.append)
    (tuned,) = report.models
    assert (tuned.trials, tuned.failed, report.interrupted) == (6, 0, False)
    study = Studies.of(tmp_path, "films").open("ease")
    first = study.get_trials()[0]
    assert first.params == DEFAULT, "the model's own default is tried first"
    assert tuned.validation is not None
    assert tuned.validation >= first.value
    assert tuned.validation == max(trial.value for trial in study.get_trials())
    assert read_best("films", "ease", tmp_path) == tuned.settings
    assert [one.done for one in seen][-1] == 6


def test_every_trial_is_a_child_run(data: TrainingData, tracker: Tracker, tmp_path: Path) -> None:
    report = search(data, tracker, tmp_path, "lightgcn", budget=Budget(trials=2), overrides={"epochs": 3})
    experiment = tracker.client.get_experiment_by_name("films").experiment_id
    children = tracker.client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{report.models[0].run_id}'")
    assert sorted(run.data.tags["trial"] for run in children) == ["0", "1"]
    assert {run.info.status for run in children} == {"FINISHED"}
    assert all("temperature" in run.data.params for run in children)
    curve = tracker.client.get_metric_history(children[0].info.run_id, "epoch/loss")
    assert [point.step for point in curve] == [1, 2, 3]
    assert tracker.client.get_run(report.models[0].run_id).info.status == "FINISHED"
    assert read_best("films", "lightgcn", tmp_path)["epochs"] == 3, "what was fixed is part of the settings"


def test_the_same_study_goes_on_and_other_data_is_refused(data: TrainingData, tracker: Tracker, tmp_path: Path) -> None:
    first = search(data, tracker, tmp_path, budget=Budget(trials=3))
    before = [trial.params for trial in Studies.of(tmp_path, "films").open("ease").get_trials()]
    second = search(data, tracker, tmp_path, budget=Budget(trials=5))
    after = [trial.params for trial in Studies.of(tmp_path, "films").open("ease").get_trials()]
    assert after[:3] == before
    assert len({tuple(one.items()) for one in after}) == 5, "going on does not draw the first numbers again"
    assert second.models[0].run_id == first.models[0].run_id
    with pytest.raises(Conflict, match="split 'random', not 'last-out'"):
        search(data, tracker, tmp_path, about={**ABOUT, "split": "last-out"})


def test_all_models_get_the_same_trials(
    data: TrainingData, tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {name: one for name, one in tuning.ZOO.items() if name in {"ease", "item-knn", "content-image"}}
    monkeypatch.setattr(tuning, "ZOO", few)
    report = search(data, tracker, tmp_path, "all", budget=Budget(trials=2))
    assert {one.model: one.trials for one in report.models} == {"ease": 2, "item-knn": 2}
    assert set(report.skipped) == {"content-image"}
    assert report.models[0].validation >= report.models[1].validation  # type: ignore[operator]


def test_a_budget_of_time_ends_it(data: TrainingData, tracker: Tracker, tmp_path: Path) -> None:
    began = time.perf_counter()
    report = search(data, tracker, tmp_path, budget=Budget(trials=100_000, seconds=0.5))
    assert time.perf_counter() - began < 10
    assert 0 < report.models[0].trials < 100_000


@pytest.mark.parametrize("pruner", ["halving", "hyperband"])
def test_bad_trials_of_a_network_are_pruned(
    data: TrainingData, tracker: Tracker, tmp_path: Path, pruner: Pruner
) -> None:
    budget = Budget(trials=10, pruner=pruner)
    report = search(data, tracker, tmp_path, "lightgcn", budget=budget, overrides={"epochs": 30})
    study = Studies.of(tmp_path, "films").open("lightgcn")
    pruned = [trial for trial in study.get_trials() if trial.state.name == "PRUNED"]
    assert report.models[0].pruned == len(pruned) > 0
    assert max(max(trial.intermediate_values) for trial in pruned) < 30


def test_settings_that_fail_end_their_trial_alone(
    data: TrainingData, tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, calls = tuning.evaluate, []

    def sometimes(*args: object, **kept: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise InvalidData("model 'ease' gave NaN scores")
        return measure(*args, **kept)  # type: ignore[arg-type]

    monkeypatch.setattr(tuning, "evaluate", sometimes)
    report = search(data, tracker, tmp_path, budget=Budget(trials=3))
    assert (report.models[0].trials, report.models[0].failed) == (3, 1)


def test_ctrl_c_ends_with_what_there_is_and_the_trial_comes_back(
    data: TrainingData, tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, calls = tuning.evaluate, []

    def interrupted(*args: object, **kept: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measure(*args, **kept)  # type: ignore[arg-type]

    monkeypatch.setattr(tuning, "evaluate", interrupted)
    report = search(data, tracker, tmp_path, budget=Budget(trials=4))
    assert report.interrupted
    assert report.models[0].trials == 2
    lost = Studies.of(tmp_path, "films").open("ease").get_trials()[2].params
    done = search(data, tracker, tmp_path, budget=Budget(trials=4))
    trials = Studies.of(tmp_path, "films").open("ease").get_trials()
    assert done.models[0].trials == 4
    assert [one.params for one in trials if one.state.name == "COMPLETE"][2] == lost


@pytest.mark.parametrize(
    ("model", "error", "named"),
    [("nope", NotFound, "'nope'"), ("content-image", Unsupported, "image")],
)
def test_a_model_that_cannot_be_tuned_is_named(
    data: TrainingData, tracker: Tracker, tmp_path: Path, model: str, error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named):
        search(data, tracker, tmp_path, model)


def test_settings_are_found_by_study_or_file_and_nothing_else(
    data: TrainingData, tracker: Tracker, tmp_path: Path
) -> None:
    search(data, tracker, tmp_path, budget=Budget(trials=1))
    file = Studies.of(tmp_path, "films").best_file("ease")
    assert read_best(str(file), "ease", tmp_path) == DEFAULT
    with pytest.raises(NotFound, match="a study: films"):
        read_best("other", "ease", tmp_path)
    with pytest.raises(InvalidData, match="'ease', not of 'ials'"):
        read_best(str(file), "ials", tmp_path)
    for name in ("../up", "", "a/b", "it's"):
        with pytest.raises(InvalidData, match="study"):
            Studies.of(tmp_path, name)
    assert Studies.of(tmp_path, "books+films 2").folder.name == "books+films 2", "as data sets are called"


def test_a_line_that_a_kill_left_unfinished_is_cut_off(data: TrainingData, tracker: Tracker, tmp_path: Path) -> None:
    search(data, tracker, tmp_path, budget=Budget(trials=2))
    with (tmp_path / "tuning" / "films" / JOURNAL).open("ab") as journal:
        journal.write(b'{"op_code":4,"wor')
    assert search(data, tracker, tmp_path, budget=Budget(trials=3)).models[0].trials == 3


KILLED = """
import sys
from pathlib import Path
from tests.training.planted import planted_interactions, snapshot_of
from training.prepare import prepare
from training.split import split_of
from training.study import Studies
from training.tracking import open_tracker
from training.tune import Budget, tune

if __name__ == "__main__":
    home = Path(sys.argv[1])
    snapshot = snapshot_of(planted_interactions())
    data = prepare(snapshot, split_of(snapshot, how="random", min_value=None, seed=42)).data
    tune("ials", data, {about}, studies=Studies.of(home, "films"), experiment="films",
         tracker=open_tracker(f"sqlite:///{home}/mlflow.db"),
         budget=Budget(trials=200, processes=2), overrides={"epochs": 200, "embedding_size": 32})
"""


@pytest.mark.slow
def test_a_killed_tune_loses_no_trial(data: TrainingData, tracker: Tracker, tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED.replace("{about}", repr(ABOUT)), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, str(script), str(tmp_path)], env=environment, start_new_session=True) as job:
        kept = _wait_for_trials(job, tmp_path, 4)
        os.kill(job.pid, signal.SIGKILL)  # the watcher alone: its workers must notice
    _wait_for_end(job.pid)
    study = Studies.of(tmp_path, "films").open("ials")
    finished = {one.number: one.values for one in study.get_trials() if one.state.name in ("COMPLETE", "PRUNED")}
    interrupted = [one.params for one in study.get_trials() if one.state.name == "RUNNING" and one.params]
    assert len(finished) >= kept
    report = search(
        data,
        tracker,
        tmp_path,
        "ials",
        budget=Budget(trials=len(finished) + len(interrupted) + 1),
        overrides={"epochs": 200, "embedding_size": 32},
    )
    trials = study.get_trials()
    assert {number: trials[number].values for number in finished} == finished
    assert counted(study) == report.models[0].trials == len(finished) + len(interrupted) + 1
    ended = [one.params for one in trials if one.number not in finished and one.state.name in ("COMPLETE", "PRUNED")]
    for params in interrupted:  # some, where the kill came while they were being drawn
        assert any(params.items() <= again.items() for again in ended), "what was interrupted was tried again"
    assert not [one for one in trials if one.state.name == "RUNNING" and one.params]
    logged = tracker.client.search_runs(
        [tracker.experiment("films")], f"tags.`mlflow.parentRunId` = '{report.models[0].run_id}'"
    )
    numbers = [int(run.data.tags["trial"]) for run in logged]
    assert sorted(numbers) == sorted(one.number for one in trials if one.state.is_finished()), "each trial once"
    assert json.loads(Studies.of(tmp_path, "films").best_file("ials").read_text())["trials"] == counted(study)


def _wait_for_trials(job: subprocess.Popen[bytes], home: Path, count: int) -> int:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert job.poll() is None, "it ended by itself"
        if (home / "tuning" / "films" / JOURNAL).is_file():
            done = counted(Studies.of(home, "films").open("ials"))
            if done >= count:
                return done
        time.sleep(0.5)
    raise AssertionError("no trials in 90 s")


def _wait_for_end(session: int) -> None:
    """Until no process of that session is left."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(session, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("a worker outlived the process that started it")
