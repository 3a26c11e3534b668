"""A refresh does what changed and skips the rest, says why, and keeps its state where people look."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import encoders.encode
import encoders.zeroshot_labels
import serving.refresh_steps
import serving.refresh_train
from graph.errors import Conflict, InvalidData, NotFound
from graph.local_store import LocalStore
from graph.schema import Entity, Interaction
from graph.store import GraphStore
from serving.index import open_index
from serving.progress import Lines
from serving.refresh import Refresh, RefreshReport
from serving.refresh_choice import Choice, remembered
from serving.refresh_runs import find, recent
from serving.refresh_sources import Source, remember
from serving.refresh_steps import STEPS
from serving.settings import read_settings
from tests.encoders.counting import CountingEncoder
from training.tracking import open_tracker

pytestmark = pytest.mark.integration

USERS, ITEMS = 40, 24


@dataclass
class Shop:
    """A home, its store and its one source."""

    store: GraphStore
    home: Path
    folder: Path

    def refresh(self, *, full: bool = False, only: str = "", **settings: Any) -> RefreshReport:
        return self.job(**settings).run(self.store, full=full, only=only)

    def job(self, **settings: Any) -> Refresh:
        named = {"home": self.home, "store": self.store.url, "mlflow": f"sqlite:///{self.home}/mlflow.db", **settings}
        return Refresh(read_settings(named), Lines(), Choice(4.0, ("popularity", "ease")), "test")

    def write(self, *, users: range = range(USERS), items: range = range(ITEMS), title: str = "Film") -> None:
        rng = np.random.default_rng(1)
        drawn = rng.random((USERS + 20, ITEMS + 10))
        rows = [
            (f"u{user}", f"i{item}", 5, 1_600_000_000 + 100 * user + item)
            for user in users
            for item in items
            if drawn[user, item] < (0.6 if user % 2 == item % 2 else 0.08)
        ]
        table(self.folder / "interactions.csv", ("user", "item", "value", "time"), rows)
        table(self.folder / "items.csv", ("item", "title"), [(f"i{item}", f"{title} {item}") for item in items])


def table(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def ran(report: RefreshReport) -> list[str]:
    return [step.name for step in report.record.steps if step.state == "done"]


@pytest.fixture
def shop(local_store: LocalStore, fresh_mlflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return open_shop(local_store, fresh_mlflow, tmp_path, monkeypatch)


def open_shop(store: GraphStore, mlflow: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop below a folder, with encoders that count and code that does not change; `mlflow`: its empty database."""
    modality = {"minilm": "text", "efficientnet-lite0": "image"}
    for module in (encoders.encode, encoders.zeroshot_labels):
        monkeypatch.setattr(module, "open_encoder", lambda name, **_: CountingEncoder(modality.get(name, "text")))  # type: ignore[arg-type]
    for module in (serving.refresh_steps, serving.refresh_train):  # somebody may be editing while this runs
        monkeypatch.setattr(module, "code_version", lambda *_: "code")
    made = Shop(store, folder / "home", folder / "shop")
    made.folder.mkdir()
    made.home.mkdir()
    shutil.copy(mlflow, made.home)
    made.write()
    remember(made.home, Source(made.folder, "shop", sync=True))
    return made


def test_everything_once_then_only_what_changed(shop: Shop) -> None:
    first = shop.refresh()
    assert ran(first) == list(STEPS)
    assert {step.why for step in first.record.steps} == {"not done yet"}
    second = shop.refresh()
    assert ran(second) == []
    assert {step.why for step in second.record.steps} == {"nothing changed"}
    assert second.record.index == first.record.index
    shop.write(users=range(USERS + 2))
    third = shop.refresh()
    assert ran(third) == ["ingest", "encode", "tags", "snapshot", "train", "publish", "write-back"]
    why = {step.name: step.why for step in third.record.steps}
    assert why["ingest"] == f"changed: files of {shop.folder} (shop)"
    assert why["train"] == "changed: snapshot"
    assert third.results["train"]["origin"] == {"how": "carried", "interactions": first_size(first), "carried": 1}
    assert open_index(shop.home).num_users == USERS + 2
    assert ran(shop.refresh()) == []


def first_size(report: RefreshReport) -> int:
    return int(report.results["snapshot"]["counts"]["interactions"])


def test_what_is_gone_leaves_snapshot_index_and_write_back(shop: Shop) -> None:
    shop.refresh()
    shop.write(users=range(5, USERS), items=range(3, ITEMS))
    assert shop.refresh().record.state == "done"
    index = open_index(shop.home)
    assert (index.num_users, index.num_items) == (USERS - 5, ITEMS - 3)
    gone = "MATCH (n) WHERE n.id IN ['shop:u0', 'shop:u4', 'shop:i0', 'shop:i2'] RETURN n.id AS id"
    assert not shop.store.query(gone).rows
    assert shop.store.query("MATCH (:User)-[r:RECOMMENDED]->(:Item) RETURN count(r) AS n").rows[0][0]


def test_a_touched_file_is_read_and_nothing_else_is_done(shop: Shop) -> None:
    shop.refresh()
    shop.write()
    assert ran(shop.refresh()) == ["ingest"]


def test_a_write_from_elsewhere_is_seen(shop: Shop) -> None:
    shop.refresh()
    shop.store.write(entities=[Entity("Item", "shop:new", {"title": "Brand new"})])
    assert ran(shop.refresh())[:3] == ["encode", "tags", "snapshot"]
    assert open_index(shop.home).num_items == ITEMS + 1


def test_a_dry_run_says_what_would_run_and_does_nothing(shop: Shop) -> None:
    planned = shop.job().plan(shop.store)
    assert [(step.name, step.why) for step in planned][:2] == [
        ("ingest", "not done yet"),
        ("retain", "if ingest brings something new"),
    ]
    assert not recent(shop.store)
    shop.refresh()
    assert {step.state for step in shop.job().plan(shop.store)} == {"skipped"}
    assert {step.why for step in shop.job().plan(shop.store, full=True)} == {"asked for: --full"}
    (only,) = shop.job().plan(shop.store, only="publish")
    assert (only.name, only.why) == ("publish", "asked for: --only publish")


def test_one_step_alone_needs_those_before_it(shop: Shop) -> None:
    with pytest.raises(Conflict, match="'ingest' must come before 'encode': not done yet"):
        shop.refresh(only="encode")
    assert ran(shop.refresh(only="ingest")) == ["ingest"]
    assert ran(shop.refresh(only="encode")) == ["encode"]
    with pytest.raises(InvalidData, match="no step 'cook'"):
        shop.refresh(only="cook")
    failed = recent(shop.store)[-1]
    assert (failed.state, failed.error) == ("failed", "step 'ingest' must come before 'encode': not done yet")


def test_full_chooses_anew_and_the_better_recipe_serves(shop: Shop) -> None:
    first = shop.refresh()
    full = shop.refresh(full=True)
    assert ran(full) == list(STEPS)
    assert full.results["train"]["version"] == "2"
    assert full.results["train"]["origin"]["because"] == "asked for: --full"
    assert "not significantly better" in full.results["train"]["why"]
    assert full.results["snapshot"]["snapshot"] == first.results["snapshot"]["snapshot"]


@pytest.mark.parametrize(("settings", "why"), [
    ({"choose_every": 1}, "1 refreshes since models were chosen"),
    ({"choose_growth": 0.01}, "interactions where there were"),
])  # fmt: skip
def test_models_are_chosen_anew_when_it_is_time(shop: Shop, settings: dict[str, Any], why: str) -> None:
    shop.refresh()
    shop.write(users=range(USERS + 2))
    assert why in shop.refresh(**settings).results["train"]["origin"]["because"]


def test_the_run_is_recorded_in_the_graph_and_in_mlflow(shop: Shop) -> None:
    report = shop.refresh()
    assert find(shop.store, report.record.id) == report.record
    assert report.record.model_version == "1"
    client = open_tracker(f"sqlite:///{shop.home}/mlflow.db").client
    run = client.get_run(report.record.mlflow_run)
    assert run.info.status == "FINISHED"
    assert run.data.tags["training_run"] == report.results["train"]["run_id"]
    assert run.data.metrics["ingest/nodes"] >= USERS + ITEMS
    assert run.data.metrics["train/seconds"] > 0


def test_a_vanished_source_and_an_empty_home_are_errors_with_a_remedy(shop: Shop) -> None:
    shop.folder.rename(shop.folder.with_name("elsewhere"))
    with pytest.raises(NotFound, match=r"of platform 'shop' has vanished.*--forget"):
        shop.refresh()
    (shop.home / "sources.json").unlink()
    with pytest.raises(InvalidData, match="nothing to refresh"):
        shop.refresh()


def test_how_models_are_trained_is_remembered(shop: Shop) -> None:
    shop.refresh()
    plain = Refresh(shop.job().settings, Lines())
    assert ran(plain.run(shop.store)) == []
    found = remembered(shop.home)
    assert found is not None
    assert (found.min_value, found.names) == (4.0, ("popularity", "ease"))


def test_what_is_too_old_leaves_graph_snapshot_and_index(shop: Shop) -> None:
    first = shop.refresh()
    assert {step.name: step.state for step in first.record.steps}["retain"] == "done"
    assert ran(shop.refresh()) == []
    shop.store.write((), [Interaction("shop:u0", f"shop:i{number}", "viewed", at=1_000_000_000) for number in range(9)])
    (shop.home / "retention.yaml").write_text("retention:\n  interactions:\n    viewed: 30d\n")
    second = shop.refresh()
    assert ran(second)[:2] == ["retain", "encode"]
    assert second.results["retain"]["counts"] == {"viewed": 9}
    assert second.results["snapshot"]["counts"]["interactions"] == first_size(first)
    assert second.record.index == first.record.index
    assert ran(shop.refresh()) == []
