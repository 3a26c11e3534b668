"""The registry and its gate: versions, champion, promotion, rollback, and the pyfunc that MLflow opens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from graph.errors import Conflict, InvalidData, NotFound
from graph.snapshot import Interactions
from tests.training.planted import snapshot_of
from training import model_files
from training.data import TrainingData
from training.gate import LATENCY, Guards
from training.model_files import STATE, ModelCard, save
from training.recommender import Recommender
from training.registry import CHALLENGER, Registry, Version
from training.tracking import Tracker
from training.train import everything
from training.zoo import find

USERS = 200


@pytest.fixture
def registry(tracker: Tracker) -> Registry:
    return Registry(tracker)


@pytest.fixture(scope="module")
def data(planted: Interactions) -> TrainingData:
    return everything(snapshot_of(planted), None)


@pytest.fixture(scope="module")
def popularity(data: TrainingData) -> Recommender:
    return find("popularity").build().fit(data)


def card(snapshot: str = "a" * 64, ndcg: float = 0.2, popular: float = 0.1) -> ModelCard:
    return ModelCard(
        "popularity", {}, snapshot, "random, seed 42", metrics={"ndcg@10": ndcg}, popularity={"ndcg@10": popular}
    )


def measured(level: float, seed: int) -> model_files.Tested:
    noise = np.random.default_rng(seed).normal(0, 0.05, USERS)
    return model_files.Tested(np.arange(USERS), {"ndcg@10": np.clip(level + noise, 0, 1)})


class Shelf:
    """Registers models that measured what a test wants."""

    def __init__(self, registry: Registry, recommender: Recommender, folder: Path) -> None:
        self.registry = registry
        self.recommender = recommender
        self.folder = folder

    def add(self, level: float, *, seed: int = 0, made: ModelCard | None = None, ms: float | None = None) -> Version:
        with self.registry.tracker.run("films", "popularity") as run:
            run.metrics({} if ms is None else {LATENCY: ms})
            folder = self.folder / run.id
            names = [f"t:{n:04d}" for n in range(40)]
            save(self.recommender, folder, made or card(ndcg=level), items=names, tested=measured(level, seed))
            return self.registry.register(run, folder)


@pytest.fixture
def shelf(registry: Registry, popularity: Recommender, tmp_path: Path) -> Shelf:
    return Shelf(registry, popularity, tmp_path / "models")


def test_an_empty_registry_says_how_to_fill_it(registry: Registry) -> None:
    assert registry.list_models() == []
    assert registry.champion() is None
    with pytest.raises(NotFound, match="interlace train"):
        registry.find("champion")


def test_a_version_carries_what_it_is(shelf: Shelf) -> None:
    version = shelf.add(0.2)
    assert (version.version, version.model, version.snapshot) == ("1", "popularity", "a" * 64)
    assert version.metrics == {"ndcg@10": 0.2}
    assert version.aliases == (CHALLENGER,)
    assert not version.champion
    assert shelf.registry.find("1") == shelf.registry.find("challenger") == version


def test_the_first_model_becomes_champion_and_its_files_come_back(shelf: Shelf, data: TrainingData) -> None:
    shelf.add(0.2)
    done = shelf.registry.promote("1", snapshot="a" * 64)
    assert (done.promoted, done.before) == (True, None)
    champion = shelf.registry.champion()
    assert champion is not None
    assert champion.aliases == ("champion",)
    again = shelf.registry.load(champion)
    batch = find("popularity").build().fit(data).state()["counts"]
    np.testing.assert_array_equal(again.state()["counts"], batch)


def test_a_better_model_takes_the_place(shelf: Shelf) -> None:
    shelf.add(0.2)
    shelf.registry.promote("1")
    shelf.add(0.3, seed=1)
    done = shelf.registry.promote("2")
    assert (done.promoted, done.before) == (True, "1")
    assert "significantly better" in done.why
    assert "p = 0.0" in done.why


@pytest.mark.parametrize(("level", "seed"), [(0.2, 1), (0.1, 1), (0.2, 0)])
def test_a_model_that_is_only_lucky_or_worse_does_not(shelf: Shelf, level: float, seed: int) -> None:
    shelf.add(0.2)
    shelf.registry.promote("1")
    shelf.add(level, seed=seed)
    done = shelf.registry.promote("2")
    assert not done.promoted
    assert "not significantly better" in done.why
    champion = shelf.registry.champion()
    assert champion is not None
    assert champion.version == "1"


def test_a_reason_forces_it_and_is_kept(shelf: Shelf) -> None:
    shelf.add(0.3)
    shelf.registry.promote("1")
    shelf.add(0.1, seed=1)
    assert shelf.registry.promote("2", reason="fairer to newcomers").promoted
    kept = shelf.registry.tracker.client.get_model_version("interlace", "2")
    assert "forced: fairer to newcomers" in kept.tags["promoted"]


def test_a_better_model_that_is_worse_on_a_guard_is_refused(shelf: Shelf) -> None:
    shelf.add(0.2, made=replace(card(), guards={"coverage@10": 0.4, "gini@10": 0.8, "gap/gender": 0.02}), ms=1)
    shelf.registry.promote("1")
    noisy = {"gap/gender": 0.2, "gap_noise/gender": 0.3}
    assert list(Guards().broken(noisy, {"gap/gender": 0.02})) == [], "so small a group may differ by chance"
    worse = {"coverage@10": 0.1, "gini@10": 0.95, "gap/gender": 0.2}
    shelf.add(0.3, seed=1, made=replace(card(ndcg=0.3), guards=worse), ms=30)
    done = shelf.registry.promote("2")
    assert not done.promoted
    for named in ("coverage=0.25", "gini=0.05", "gender gap", "latency_ms=10"):
        assert named in done.why
    assert shelf.registry.promote("2", reason="we want it").promoted
    assert shelf.registry.find("2").tags["forced_reason"] == "we want it"


def test_guards_can_be_loosened_and_those_not_measured_do_not_count(shelf: Shelf) -> None:
    shelf.add(0.2, made=replace(card(), guards={"coverage@10": 0.4, "gini@10": 0.8}))
    shelf.registry.promote("1")
    shelf.add(0.3, seed=1, made=replace(card(ndcg=0.3), guards={"coverage@10": 0.25}), ms=99)
    assert not shelf.registry.promote("2").promoted
    loose = Registry(shelf.registry.tracker, guards=Guards.of({"coverage": 0.5}))
    assert loose.promote("2").promoted


@pytest.mark.parametrize("changes", [{"speed": 1}, {"gini": -1}, {"gini": "much"}])
def test_a_guard_that_does_not_exist_is_named(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidData, match="coverage, gini, gap, latency_ms"):
        Guards.of(changes)


def test_a_model_of_another_snapshot_is_refused_even_with_a_reason(shelf: Shelf) -> None:
    shelf.add(0.2)
    with pytest.raises(Conflict, match=r"aaaaaaaaaaaa.*bbbbbbbbbbbb.*interlace train"):
        shelf.registry.promote("1", snapshot="b" * 64, reason="I insist")
    assert shelf.registry.champion() is None


def test_a_champion_of_an_older_snapshot_gives_way_to_what_beats_popularity(shelf: Shelf) -> None:
    shelf.add(0.3)
    shelf.registry.promote("1")
    shelf.add(0.2, made=card("b" * 64, ndcg=0.05, popular=0.1))
    assert not shelf.registry.promote("2").promoted
    shelf.add(0.2, made=card("b" * 64, ndcg=0.2, popular=0.1))
    done = shelf.registry.promote("3")
    assert done.promoted
    assert "popularity" in done.why


def test_promoting_the_champion_again_changes_nothing(shelf: Shelf) -> None:
    shelf.add(0.2)
    shelf.registry.promote("1")
    assert "already" in shelf.registry.promote("1").why


def test_rollback_goes_back_one_promotion_at_a_time(shelf: Shelf) -> None:
    for level in (0.2, 0.3, 0.4):
        version = shelf.add(level, seed=int(level * 10))
        assert shelf.registry.promote(version.version).promoted
    assert shelf.registry.rollback().version == "2"
    assert shelf.registry.rollback(snapshot="a" * 64).version == "1"
    with pytest.raises(Conflict, match="no earlier champion"):
        shelf.registry.rollback()


def test_rollback_refuses_a_champion_of_another_snapshot(shelf: Shelf) -> None:
    shelf.add(0.2)
    shelf.registry.promote("1")
    shelf.add(0.3, made=card("b" * 64, ndcg=0.3))
    shelf.registry.promote("2")
    with pytest.raises(Conflict, match="aaaaaaaaaaaa"):
        shelf.registry.rollback(snapshot="b" * 64)


def test_an_unknown_version_is_named_with_those_that_exist(shelf: Shelf) -> None:
    shelf.add(0.2)
    with pytest.raises(NotFound, match=r"'7'.*Valid: 1"):
        shelf.registry.promote("7")


def test_mlflow_opens_the_model_without_a_pickle(shelf: Shelf) -> None:
    import mlflow

    version = shelf.add(0.2)
    folder = shelf.registry.folder(version)
    assert {path.name for path in folder.iterdir()} == {
        "MLmodel", "model.json", "model.safetensors", "items.json", "tested.safetensors", "requirements.txt",
    }  # fmt: skip
    described = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    assert described["flavors"]["python_function"]["loader_module"] == "training.pyfunc"
    assert "history" in described["signature"]["inputs"]
    opened = mlflow.pyfunc.load_model(str(folder))
    found = opened.predict(pd.DataFrame({"history": [["t:0000", "nobody"], []], "n": [3, 2]}))
    assert [len(row) for row in found["items"]] == [3, 2]
    assert "t:0000" not in found["items"][0]
    assert found["scores"][0] == sorted(found["scores"][0], reverse=True)


def test_a_damaged_model_is_named(shelf: Shelf) -> None:
    folder = shelf.registry.folder(shelf.add(0.2))
    (folder / STATE).write_bytes(b"no")
    with pytest.raises(Conflict, match="train it again"):
        shelf.registry.load(shelf.registry.find("1"))


def test_cards_of_versions_do_not_share_state(shelf: Shelf) -> None:
    first, second = shelf.add(0.2), shelf.add(0.3, made=replace(card(), chosen="other"))
    assert first.run_id != second.run_id
    assert [one.version for one in shelf.registry.list_models()] == ["2", "1"]
