"""The full report, plots and card of a training, as MLflow keeps them; runs compared from what they kept."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from graph.errors import InvalidData, NotFound, StoreUnavailable
from graph.snapshot import IdMap, Interactions, Snapshot, Triples
from tests.training.planted import snapshot_of
from training import plots
from training.artifacts import PER_USER, main_category, read_per_user
from training.beyond import categories_of
from training.cards import FILE, LONGEST, description
from training.evaluate import on_test
from training.gate import LATENCY
from training.prepare import prepare
from training.registry import Registry
from training.report import flat, full_report
from training.runs import compare_runs, find_run, list_runs, quality
from training.split import split_of
from training.tracking import Tracker, open_tracker
from training.train import Plan, Watch, train
from training.zoo import find

HASH = "d" * 64


@pytest.fixture(scope="module")
def snapshot(planted: Interactions) -> Snapshot:
    """Planted groups, with genres by parity, profiles, and every film there twice."""
    plain = snapshot_of(planted)
    items, users = len(plain.items), len(plain.users)
    tail = items + np.arange(items) % 2
    titles = [f"Film {n % 20}" for n in range(items)]
    return replace(
        plain,
        entities=IdMap(("Genre:even", "Genre:odd")),
        relations=("HAS_GENRE",),
        triples=Triples(np.arange(items, dtype=np.int32), np.zeros(items, np.int16), tail.astype(np.int32)),
        item_properties=plain.item_properties.append_column("title", pa.array(titles)),
        user_properties=plain.user_properties.append_column("gender", pa.array(["f", "m", "f"] * (users // 3))),
    )


def test_the_report_has_every_part_and_finite_numbers(snapshot: Snapshot) -> None:
    prepared = prepare(snapshot, split_of(snapshot, how="random", min_value=None, seed=42))
    popular = on_test(find("popularity").build().fit(prepared.data), prepared)
    report = full_report(popular, prepared, snapshot)
    assert set(report) == {"k", "diversity", "calibration", "popularity", "users", "items", "cost"}
    assert report["calibration"]["relation"] == "HAS_GENRE"
    assert report["popularity"]["lift"] > 0, "popularity shows what is more popular than what people chose"
    assert {"activity", "gender"} == set(report["users"])
    numbers = flat(report)
    assert {"diversity/attributes", "calibration/kl", "gap/users/gender", "cost/rank_ms_a_user"} <= set(numbers)
    mine = on_test(find("ease").build().fit(prepared.data), prepared)
    better = full_report(mine, prepared, snapshot)
    assert better["calibration"]["value"] < report["calibration"]["value"], "everybody likes one genre most"
    json.dumps(report)


@pytest.fixture(scope="module")
def trained(snapshot: Snapshot, fresh_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Registry, list]:
    """Two trainings: item-knn's, then lightgcn and ease blended."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "mlflow.db").write_bytes(fresh_mlflow.read_bytes())
    registry = Registry(open_tracker(f"sqlite:///{folder}/mlflow.db"))
    said: list[str] = []
    plans = (Plan(model="popularity"), Plan(names=("ease", "lightgcn"), budget=3, plots=True, system_metrics=True))
    reports = [train(snapshot, HASH, registry, plan, dataset="films", watch=Watch(say=said.append)) for plan in plans]
    assert any("leak check, near-duplicates" in line for line in said)
    return registry, reports


def artifact(tracker: Tracker, run_id: str, path: str) -> Path:
    return Path(tracker.client.download_artifacts(run_id, path))


def test_a_training_tests_its_members_as_a_family_and_keeps_its_leaks(trained: tuple[Registry, list]) -> None:
    registry, (_, report) = trained
    assert set(report.comparisons) == {"ease", "lightgcn"}
    assert all(one["adjusted"] >= one["p_value"] for one in report.comparisons.values())
    assert [one["name"] for one in report.leaks] == ["near-duplicates"]
    assert json.loads(artifact(registry.tracker, report.run_id, "leaks.json").read_text()) == list(report.leaks)


def test_plots_are_pictures_of_a_readable_size(trained: tuple[Registry, list]) -> None:
    registry, (plain, report) = trained
    folder = artifact(registry.tracker, report.run_id, "plots")
    names = {"learning_curves.png", "recall_by_popularity.png", "calibration.png", "embedding_map.png"}
    assert {path.name for path in folder.iterdir()} == names
    for path in folder.iterdir():
        with Image.open(path) as picture:
            assert min(picture.size) > 250
            assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 10, "something is drawn"
    assert not registry.tracker.client.list_artifacts(plain.run_id, "plots"), "only where they are asked for"


def test_the_card_says_what_for_whom_and_how_good(trained: tuple[Registry, list]) -> None:
    registry, (_, report) = trained
    text = artifact(registry.tracker, report.run_id, FILE).read_text(encoding="utf-8")
    for part in (
        "# films: auto",
        "## Data",
        "Holm-corrected",
        "users: gender",
        "leak check",
        "## Intended use",
        "lightgcn",
    ):
        assert part in text
    assert f"| auto | {report.metrics['ndcg@10']:.4f} [" in text
    version = registry.tracker.client.get_model_version("interlace", report.version)
    assert version.description == text
    long = description("x" * 50 + "\n" + "y" * LONGEST)
    assert len(long) <= LONGEST
    assert long.endswith(f"{FILE} of the run")


def test_guards_and_code_version_are_kept(trained: tuple[Registry, list]) -> None:
    registry, (_, report) = trained
    folder = registry.folder(registry.find(report.version))
    guards = json.loads((folder / "model.json").read_text())["guards"]
    assert {"coverage@10", "gini@10", "gap/gender"} <= set(guards)
    kept = registry.tracker.client.get_run(report.run_id).data
    assert kept.metrics[LATENCY] > 0
    tags = kept.tags
    assert tags["snapshot"] == HASH
    assert tags["git_dirty"] in {"true", "false"}


def test_runs_are_listed_newest_first(trained: tuple[Registry, list]) -> None:
    registry, reports = trained
    rows = list_runs(registry.tracker, experiment="films")
    assert [row.id for row in rows] == [reports[1].run_id, reports[0].run_id]
    assert quality(rows[0]) == pytest.approx(reports[1].metrics["ndcg@10"])
    assert len(list_runs(registry.tracker, nested=True)) == 5
    assert len(list_runs(registry.tracker, most=1)) == 1
    with pytest.raises(NotFound, match="films"):
        list_runs(registry.tracker, experiment="songs")


def test_runs_are_compared_user_by_user(trained: tuple[Registry, list]) -> None:
    registry, (first, second) = trained
    members = [row for row in list_runs(registry.tracker, nested=True) if row.parent == second.run_id]
    found = compare_runs(registry, [first.run_id[:12], "version:2", *(row.id for row in members)])
    assert found.untested == {}
    test = found.tests[second.run_id]
    assert test.difference == pytest.approx(second.metrics["ndcg@10"] - first.metrics["ndcg@10"])
    assert test.better
    assert test.adjusted >= test.p_value
    assert len(found.tests) == 3
    assert found.params["model"] == ("popularity", "auto", *(row.model for row in members))
    assert "seed" not in compare_runs(registry, [first.run_id, second.run_id]).params, "only what differs"
    assert found.metrics["test/ndcg_at_10"][1] == pytest.approx(second.metrics["ndcg@10"])
    json.dumps(found.as_dict())


def test_runs_on_other_data_are_not_tested(trained: tuple[Registry, list], snapshot: Snapshot) -> None:
    registry, (first, _) = trained
    other = train(snapshot, "e" * 64, registry, Plan(model="popularity"), dataset="others")
    found = compare_runs(registry, [first.run_id, other.run_id])
    assert found.tests == {}
    assert "other snapshot" in found.untested[other.run_id]
    with registry.tracker.run("others", "nothing") as run:
        pass
    assert "kept no ndcg@10" in compare_runs(registry, [first.run_id, run.id]).untested[run.id]


@pytest.mark.parametrize(
    ("names", "error"),
    [(("champion",), InvalidData), (("champion", "version:99"), NotFound), (("zzzz", "champion"), NotFound),
     (("ab", "champion"), InvalidData), (("champion", "champion"), InvalidData)],
)  # fmt: skip
def test_what_cannot_be_compared_is_named(
    trained: tuple[Registry, list], names: tuple[str, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        compare_runs(trained[0], names)


def test_the_map_colours_an_item_by_what_says_most(snapshot: Snapshot) -> None:
    categories = categories_of(snapshot)
    assert main_category(categories, len(snapshot.items)).tolist() == [n % 2 for n in range(len(snapshot.items))]
    assert (main_category(None, 3) == -1).all()


def test_principal_components_hold_the_variance_in_order() -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(300, 5)) * [5, 2, 1, 0.5, 0.1]).astype(np.float32)
    points, share = plots.principal(vectors)
    assert points.shape == (300, 2)
    assert share[0] > share[1] > 0.05
    assert abs(np.corrcoef(points[:, 0], vectors[:, 0])[0, 1]) > 0.99
    assert plots.learning_curves({}, "nothing") is None


@pytest.fixture
def server(fresh_mlflow: Path, tmp_path: Path) -> Iterator[str]:
    """A real tracking server with artifacts of its own, without the processes for jobs of language models."""
    shutil.copy(fresh_mlflow, tmp_path / "server.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--backend-store-uri", f"sqlite:///{tmp_path}/server.db",
               "--artifacts-destination", str(tmp_path / "server-artifacts")]  # fmt: skip
    without = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "server.log").open("wb") as log:
        job = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | without, cwd=tmp_path, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, job, tmp_path / "server.log")
        yield address
    finally:
        os.killpg(job.pid, 15)
        job.wait(20)


def _wait(address: str, job: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert job.poll() is None, log.read_text(encoding="utf-8")
        try:
            open_tracker(address)
        except StoreUnavailable:
            time.sleep(0.3)
        else:
            return
    raise AssertionError(log.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_remote_server_does_all_of_it(server: str, snapshot: Snapshot) -> None:
    registry = Registry(open_tracker(server))
    first = train(snapshot, HASH, registry, Plan(model="popularity"), dataset="films")
    second = train(snapshot, HASH, registry, Plan(model="ease", plots=True), dataset="films")
    assert (first.promoted, second.promoted) == (True, True)
    kept = read_per_user(registry.tracker, second.run_id)
    assert kept is not None
    assert kept[0].measures["ndcg@10"].mean() == pytest.approx(second.metrics["ndcg@10"])
    assert kept[1]["snapshot"] == HASH
    assert compare_runs(registry, ["version:1", "champion"]).tests[second.run_id].better
    assert registry.rollback().version == "1"
    batch = registry.load(registry.find("champion")).forms()
    assert len(batch) == 1
    assert find_run(registry, "champion").id == first.run_id
    assert any(one.path == PER_USER for one in registry.tracker.client.list_artifacts(second.run_id))
