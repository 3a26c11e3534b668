"""One training from snapshot to registered champion, on planted data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graph.errors import InvalidData, NotFound, Unsupported
from graph.snapshot import Interactions, Snapshot
from tests.training.planted import snapshot_of
from training.blend import Blend
from training.model_files import load, read_card, read_tested
from training.privacy.spent import spent
from training.registry import Registry
from training.tracking import Tracker
from training.train import Plan, Watch, everything, train

HASH = "c" * 64
FEW = ("popularity", "item-knn", "ease")


@pytest.fixture
def snapshot(planted: Interactions) -> Snapshot:
    return snapshot_of(planted)


@pytest.fixture
def registry(tracker: Tracker) -> Registry:
    return Registry(tracker)


def test_auto_ends_as_the_measured_and_reloadable_champion(snapshot: Snapshot, registry: Registry) -> None:
    said: list[str] = []
    report = train(snapshot, HASH, registry, Plan(names=FEW), dataset="planted", watch=Watch(say=said.append))
    assert report.promoted
    assert report.model == "auto"
    assert set(report.models) == set(FEW)
    assert report.metrics["ndcg@10"] > 1.5 * report.popularity["ndcg@10"]
    assert report.beats_popularity["p_value"] < 0.05
    assert {"split", "fit", "evaluate", "refit", "register"} == set(report.seconds)
    assert any("ease" in line for line in said)
    champion = registry.champion()
    assert champion is not None
    assert (champion.version, champion.snapshot) == (report.version, HASH)
    folder = registry.folder(champion)
    assert isinstance(load(folder), Blend)
    assert read_card(folder).refitted
    tested = read_tested(folder)
    assert tested is not None
    assert tested.measures["ndcg@10"].mean() == pytest.approx(report.metrics["ndcg@10"])


def test_mlflow_has_the_members_the_data_and_the_measures(snapshot: Snapshot, registry: Registry) -> None:
    report = train(snapshot, HASH, registry, Plan(names=FEW), dataset="planted")
    client = registry.tracker.client
    run = client.get_run(report.run_id)
    assert run.data.metrics["test/ndcg_at_10"] == pytest.approx(report.metrics["ndcg@10"])
    assert run.data.metrics["popularity/ndcg_at_10"] == pytest.approx(report.popularity["ndcg@10"])
    assert run.data.params["split"] == "random"
    assert run.data.tags["promoted"] == "true"
    assert run.inputs.dataset_inputs[0].dataset.digest == HASH[:36]
    children = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    assert {child.data.tags["model"] for child in children} == set(FEW)
    assert all(child.info.status == "FINISHED" for child in children)
    assert all("test/ndcg_at_10" in child.data.metrics for child in children)
    names = [item.path for item in client.list_artifacts(run.info.run_id)]
    assert "environment.json" in names


def test_the_saved_model_was_refitted_on_everything(snapshot: Snapshot, registry: Registry) -> None:
    train(snapshot, HASH, registry, Plan(model="popularity", overrides={"half_life": 0.0}), dataset="planted")
    saved = registry.load(registry.find("champion"))
    whole = everything(snapshot, None)
    np.testing.assert_array_equal(saved.state()["counts"], np.bincount(whole.matrix.indices, minlength=40))


def test_the_same_plan_twice_gives_the_same_numbers_and_is_not_promoted_twice(
    snapshot: Snapshot, registry: Registry
) -> None:
    first = train(snapshot, HASH, registry, Plan(model="ease"), dataset="planted")
    second = train(snapshot, HASH, registry, Plan(model="ease"), dataset="planted")
    assert first.metrics == second.metrics
    assert (first.promoted, second.promoted) == (True, False)
    assert "not significantly better" in second.why


def test_epochs_of_a_network_are_a_curve_in_its_own_run(snapshot: Snapshot, registry: Registry) -> None:
    plan = Plan(model="lightgcn", overrides={"epochs": 4, "embedding_size": 8, "num_layers": 1, "temperature": 0.2})
    report = train(snapshot, HASH, registry, plan, dataset="planted")
    client = registry.tracker.client
    run = client.get_run(report.run_id)
    child = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{report.run_id}'")[0]
    curve = client.get_metric_history(child.info.run_id, "epoch/loss")
    assert [point.step for point in curve] == [1, 2, 3, 4]


def test_a_fit_that_fails_leaves_a_failed_run_and_no_model(
    snapshot: Snapshot, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kept: object) -> None:
        raise InvalidData("NaN")

    monkeypatch.setattr("training.train.choose", broken)
    with pytest.raises(InvalidData):
        train(snapshot, HASH, registry, Plan(model="ease"), dataset="planted")
    experiment = registry.tracker.experiment("planted")
    runs = registry.tracker.client.search_runs([experiment])
    assert {run.info.status for run in runs} == {"FAILED"}
    assert registry.list_models() == []


@pytest.mark.parametrize(
    ("plan", "error", "named"),
    [
        (Plan(model="nope"), NotFound, "'nope'"),
        (Plan(model="ease", overrides={"depth": 3}), InvalidData, "'depth'"),
        (Plan(overrides={"regularization": 3}), InvalidData, "regularization"),
        (Plan(names=("nope",)), NotFound, "'nope'"),
        (Plan(model="content-image"), Unsupported, "image"),
        (Plan(min_value=9.0), InvalidData, "at least 9"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused_before_a_run_is_made(
    snapshot: Snapshot, registry: Registry, plan: Plan, error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named):
        train(snapshot, HASH, registry, plan, dataset="planted")
    assert registry.tracker.client.get_experiment_by_name("planted") is None


def test_nothing_is_pickled(snapshot: Snapshot, registry: Registry) -> None:
    train(snapshot, HASH, registry, Plan(model="ease"), dataset="planted")
    assert registry.tracker.folder is not None
    files = [path for path in Path(registry.tracker.folder / "artifacts").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".md", ".safetensors", ".txt", ""}
    assert {path.name for path in files if not path.suffix} == {"MLmodel"}


def test_a_private_model_carries_its_promise_to_mlflow_and_onto_its_card(
    snapshot: Snapshot, registry: Registry
) -> None:
    plan = Plan(model="dp-ease", overrides={"epsilon": 8.0, "delta": 1e-6})
    report = train(snapshot, HASH, registry, plan, dataset="planted")
    client = registry.tracker.client
    run = client.get_run(report.run_id)
    assert (run.data.metrics["privacy/epsilon"], run.data.metrics["privacy/delta"]) == (8.0, 1e-6)
    assert run.data.tags["privacy"] == "(8, 1e-06)-differentially private by user"
    assert {"privacy.json", "model_card.md"} <= {item.path for item in client.list_artifacts(report.run_id)}
    folder = registry.folder(registry.find(report.version))
    assert read_card(folder).privacy["epsilon"] == 8.0
    assert "(8, 1e-06)-differentially private" in client.get_model_version(registry.name, report.version).description
    assert run.data.metrics["privacy/epsilon_total"] == 8.0


def test_what_private_versions_spent_together_is_counted(snapshot: Snapshot, registry: Registry) -> None:
    train(snapshot, HASH, registry, Plan(model="popularity"), dataset="planted")
    for epsilon in (8.0, 2.0):
        report = train(
            snapshot, HASH, registry, Plan(model="dp-ease", overrides={"epsilon": epsilon}), dataset="planted"
        )
    data = registry.tracker.client.get_run(report.run_id).data
    assert (data.metrics["privacy/epsilon"], data.metrics["privacy/epsilon_total"]) == (2.0, 10.0)
    assert data.metrics["privacy/delta_total"] == pytest.approx(2 * data.metrics["privacy/delta"])
    assert data.tags["privacy_spent"].endswith("by 2 versions together; 1 beside them promise nothing")
    assert str(spent(registry.list_models())) == data.tags["privacy_spent"]
