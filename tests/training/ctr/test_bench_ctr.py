"""`bench ctr`: one object by the rules of the dataset folder, parts given or cut, and what it refuses."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from graph.errors import Conflict, InvalidData, NotFound, Unsupported
from tests.training.ctr.planted_clicks import planted_clicks
from training.bench_ctr import bench_ctr, log_clicks
from training.ctr.auto import Parts, fit_clicks
from training.ctr.features import make_features
from training.split import TEST, TRAIN, VALIDATION
from training.tracking import open_tracker


def write(path, clicks, *, parts=True, values=None, time=True):
    rows, snapshot = clicks.rows, clicks.snapshot
    values = rows.value if values is None else values
    for number, name in enumerate(("train", "valid", "test") if parts else ("interactions",)):
        with (path / f"{name}.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(("user", "item", "value", "time")[: 4 if time else 3])
            for row in np.flatnonzero(clicks.part == number) if parts else range(len(rows)):
                line = (rows.user[row], rows.item[row], int(values[row]), rows.time[row])
                out.writerow(line[: 4 if time else 3])
    with (path / "items.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("item", "title", "Genre[]"))
        out.writerows((n, f"No. {n} ({1980 + n})", "odd" if n % 2 else "even") for n in range(len(snapshot.items)))
    return path


@pytest.fixture(scope="module")
def clicks():
    return planted_clicks(rows=4000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clicks):
    return write(tmp_path_factory.mktemp("clicks"), clicks)


def test_auto_blends_and_says_why(folder):
    said = []
    found = json.loads(json.dumps(bench_ctr(folder, budget=60, progress=said.append).as_dict()))
    assert (found["task"], found["model"], found["split"]) == ("ctr", "auto", "fixed parts")
    assert {"auc", "logloss", "gauc", "calibration_error"} == set(found["metrics"])
    assert found["metrics"]["auc"] > found["baselines"]["popularity"]["auc"] + 0.1
    assert found["metrics"]["logloss"] < found["baselines"]["popularity"]["logloss"]
    assert found["beats_popularity"]["auc"]["low"] > 0
    assert {"lr", "deepfm", "dcn-v2"} == {one["model"] for one in found["tried"]}
    assert set(found["brings"]) >= {"lr", "deepfm", "dcn-v2"}
    assert "calibration" in found["chosen"]
    assert "fitting dcn-v2" in said
    assert found["rows"]["train"] + found["rows"]["valid"] + found["rows"]["test"] == 4000
    assert found["features"]["bags"]


def test_test_labels_choose_nothing(clicks):
    """The same model comes out whatever test says."""
    features = make_features(clicks)
    validation = clicks.positions(VALIDATION)
    parts = Parts(clicks.positions(TRAIN), validation, clicks.rows.user[validation])
    test = clicks.positions(TEST)
    given = fit_clicks("lr", features, parts).probabilities(features, test)
    features.label[test] = 0.0
    np.testing.assert_array_equal(fit_clicks("lr", features, parts).probabilities(features, test), given)


def test_little_time_leaves_models_out_and_says_so(clicks):
    features = make_features(clicks)
    validation = clicks.positions(VALIDATION)
    parts = Parts(clicks.positions(TRAIN), validation, clicks.rows.user[validation])
    found = fit_clicks("auto", features, parts, budget=0.0)
    assert [one.model for one in found.tried] == ["lr"]
    assert "no time left for deepfm, dcn-v2" in found.text


def test_one_model_with_a_setting_is_repeatable(folder):
    one, two = (bench_ctr(folder, model="dcn-v2", overrides={"epochs": 2}, budget=None) for _ in range(2))
    assert one.metrics == two.metrics
    assert one.tried[0]["epochs"] <= 2
    assert not one.brings


@pytest.mark.parametrize(("time", "said"), [(True, "by time"), (False, "by chance")])
def test_absent_parts_are_cut_from_train(tmp_path, clicks, time, said):
    write(tmp_path, clicks, parts=False, time=time)
    found = bench_ctr(tmp_path, model="lr", overrides={"epochs": 1})
    assert said in found.split
    assert "test cut from train" in found.split
    assert found.rows["test"] > 0


def test_what_it_refuses(folder, tmp_path, clicks):
    with pytest.raises(NotFound, match="no click model 'ease'"):
        bench_ctr(folder, model="ease")
    with pytest.raises(Unsupported, match="--refit"):
        bench_ctr(folder, refit=True)
    with pytest.raises(Unsupported, match="settings for auto"):
        bench_ctr(folder, overrides={"epochs": 2})
    write(tmp_path, clicks, values=clicks.rows.value * 4 + 1)
    with pytest.raises(InvalidData, match="a value of 5 among the labels"):
        bench_ctr(tmp_path)


def test_a_part_of_one_label_is_refused(tmp_path, clicks):
    write(tmp_path, clicks, values=np.where(clicks.part == TEST, 1, clicks.rows.value))
    with pytest.raises(InvalidData, match="the test part has"):
        bench_ctr(tmp_path)


def test_the_blend_is_better_than_the_item_rate_within_users(folder):
    found = bench_ctr(folder, model="lr", overrides={"epochs": 5})
    assert found.metrics["gauc"] > found.baselines["popularity"]["gauc"] + 0.1


def test_without_ids_nothing_tells_two_of_one_profile_apart(clicks):
    features = make_features(clicks, ids=False)
    assert not {"user", "item"} & set(features.field_names)
    assert features.dense_names == (), "no rates, scores or pasts of a user or an item"
    assert "user plan" in features.field_names
    assert features.bag_names


def test_what_was_measured_is_kept_and_logged(folder, tmp_path):
    tracker = open_tracker(f"sqlite:///{tmp_path}/mlflow.db")
    keep = tmp_path / "kept"
    result = bench_ctr(folder, model="lr", budget=20, ids=False, keep=keep)
    with tracker.run("clicks", "ctr lr") as run:
        log_clicks(run, result, keep=keep, ids=False)
    logged = tracker.client.get_run(run.id)
    assert logged.data.metrics["test/auc"] == pytest.approx(result.metrics["auc"])
    assert logged.data.params["ids"] == "False"
    (child,) = tracker.client.search_runs([run.experiment_id], f"tags.`mlflow.parentRunId` = '{run.id}'")
    assert child.data.metrics["validation/auc"] == pytest.approx(result.tried[0]["validation"]["auc"])
    assert {one.path for one in tracker.client.list_artifacts(run.id, "model")} >= {"model/blend.json"}
    with pytest.raises(Conflict, match="kept"):
        bench_ctr(folder, model="lr", keep=keep)
