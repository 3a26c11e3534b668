"""`bench`: one object by the rules of the dataset folder, for both tasks, and what it refuses."""

from __future__ import annotations

import csv
import json

import pytest

from graph.errors import InvalidData, NotFound, Unsupported
from tests.training.planted import planted_interactions
from training.bench import bench


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop")
    rows = planted_interactions()
    with (path / "interactions.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("user", "item", "time"))
        out.writerows(zip(rows.user.tolist(), rows.item.tolist(), rows.time.tolist(), strict=True))
    return path


@pytest.mark.parametrize(("task", "split"), [("top-n", "random"), ("next-item", "last-out")])
def test_one_object_with_popularity_beside(folder, task, split):
    found = json.loads(json.dumps(bench(task, folder, model="ease").as_dict()))
    assert found["task"] == task
    assert split in found["split"]
    assert (found["users"], found["items"]) == (60, 40)
    assert found["metrics"]["ndcg@10"] > found["baselines"]["popularity"]["ndcg@10"]
    assert {f"{name}@{k}" for name in ("recall", "hr", "mrr", "map", "coverage", "gini") for k in (5, 10, 20)} <= set(
        found["metrics"]
    )
    assert found["peak_mb"] > 0
    assert {"diversity", "calibration", "popularity", "users", "items", "cost"} < set(found["report"])
    assert {"fit_cpu_s", "rank_cpu_s", "rank_ms_a_user"} == set(found["report"]["cost"])
    assert found["comparisons"]["popularity"]["adjusted"] == found["beats_popularity"]["p_value"]
    assert found["leaks"] == []
    assert len(found["tried"]) > 1


def test_a_fixed_setting_and_a_refit(folder):
    found = bench("top-n", folder, model="ease", overrides={"regularization": 20.0}, refit=True)
    assert found.refit
    assert "20.0" in found.chosen
    again = bench("top-n", folder, model="ease", overrides={"regularization": 20.0}, refit=True)
    assert again.metrics == found.metrics


def test_given_parts_are_kept(folder, tmp_path):
    lines = (folder / "interactions.csv").read_text().splitlines()
    for name, rows in {"train": lines[1:-60], "valid": lines[-60:-30], "test": lines[-30:]}.items():
        (tmp_path / f"{name}.csv").write_text("\n".join([lines[0], *rows]))
    assert bench("top-n", tmp_path, model="popularity").split == "fixed train/validation/test"


def test_parts_in_the_wrong_order_are_a_leak_of_time(folder, tmp_path):
    lines = (folder / "interactions.csv").read_text().splitlines()
    for name, rows in {"train": lines[61:], "valid": lines[31:61], "test": lines[1:31]}.items():
        (tmp_path / f"{name}.csv").write_text("\n".join([lines[0], *rows]))
    said = []
    found = bench("next-item", tmp_path, model="popularity", progress=said.append)
    assert [leak["name"] for leak in found.leaks] == ["time"]
    assert any("leak check, time" in line for line in said)


@pytest.mark.parametrize(
    ("task", "model", "error", "match"),
    [
        ("cross-platform", "ease", Unsupported, "is not a task"),
        ("bottom-n", "ease", Unsupported, "not a task"),
        ("top-n", "svd++", NotFound, "no model"),
    ],
)
def test_unknown_tasks_and_models_say_what_exists(folder, task, model, error, match):
    with pytest.raises(error, match=match):
        bench(task, folder, model=model)


def test_a_threshold_that_leaves_nothing_is_named(tmp_path):
    rows = "\n".join(f"u{user},i{item},1,{item}" for user in range(4) for item in range(6))
    (tmp_path / "interactions.csv").write_text(f"user,item,value,time\n{rows}\n")
    with pytest.raises(InvalidData, match="at least 4"):
        bench("top-n", tmp_path, model="popularity", min_value=4.0)
