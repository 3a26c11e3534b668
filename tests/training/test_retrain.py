"""A recipe carried over to new data, or chosen anew: what is compared, what serves, and where networks start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph.snapshot import IdMap, Interactions, Snapshot
from tests.training.planted import planted_interactions, snapshot_of
from training.data import TrainingData
from training.factors import FactorModel
from training.model_files import read_card, save
from training.prepare import prepare
from training.registry import Registry, Version
from training.retrain import Carried, resume, retrain, why_choose
from training.split import split_of, stable_parts
from training.tracking import Tracker, end_interrupted
from training.train import Job, Plan, TrainReport, Watch
from training.warm import Start, places
from training.warm_files import FINAL, MEASURED, load_weights
from training.zoo import find

FEW = ("popularity", "item-knn", "ease")
FIRST, SECOND = "a" * 64, "b" * 64


@pytest.fixture
def registry(tracker: Tracker) -> Registry:
    return Registry(tracker)


def snapshot(users: int = 60, *, seed: int = 0) -> Snapshot:
    return snapshot_of(planted_interactions(users, seed=seed))


def job(data: Snapshot, registry: Registry, content: str = FIRST, **plan: Any) -> Job:
    chosen = Plan(**{"names": FEW, "how": "stable", "tags": {"refresh_step": content[:8]}, **plan})
    return Job(data, content, registry, chosen, "planted", Watch())


def champion(registry: Registry, data: Snapshot) -> Carried:
    found = registry.champion()
    assert found is not None
    return Carried(found.version, registry.folder(found), data.users.ids)


def begun(registry: Registry, data: Snapshot) -> tuple[TrainReport, Carried]:
    report = retrain(job(data, registry), None, choose="there is no champion yet")
    return report, champion(registry, data)


def test_a_pair_keeps_its_part_whatever_comes_and_goes_beside_it() -> None:
    data = snapshot()
    parts = dict(zip(_pairs(data), stable_parts(data, 42).tolist(), strict=True))
    fewer = _without(data, users={3, 5}, items={7})
    assert all(parts[pair] == part for pair, part in zip(_pairs(fewer), stable_parts(fewer, 42).tolist(), strict=True))
    shares = np.bincount(stable_parts(snapshot(400), 1), minlength=3) / len(snapshot(400).interactions)
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.02)
    assert (stable_parts(data, 42) != stable_parts(data, 43)).any()


def _pairs(data: Snapshot) -> list[tuple[str, str]]:
    rows = data.interactions
    return [(data.users.ids[user], data.items.ids[item]) for user, item in zip(rows.user, rows.item, strict=True)]


def _without(data: Snapshot, users: set[int], items: set[int]) -> Snapshot:
    """The same less some users and items, so that everybody else's position moves."""
    keep_users = [place for place in range(len(data.users)) if place not in users]
    keep_items = [place for place in range(len(data.items)) if place not in items]
    new_user, new_item = np.full(len(data.users), -1), np.full(len(data.items), -1)
    new_user[keep_users], new_item[keep_items] = np.arange(len(keep_users)), np.arange(len(keep_items))
    rows = data.interactions
    kept = rows.take((new_user[rows.user] >= 0) & (new_item[rows.item] >= 0))
    moved = replace(kept, user=new_user[kept.user].astype(np.int32), item=new_item[kept.item].astype(np.int32))
    return replace(
        data,
        interactions=moved,
        users=IdMap(tuple(data.users.ids[place] for place in keep_users)),
        items=IdMap(tuple(data.items.ids[place] for place in keep_items)),
    )


def test_a_carried_recipe_keeps_settings_and_weights_and_is_promoted(registry: Registry) -> None:
    first, carried = begun(registry, snapshot())
    assert first.origin == {"how": "chosen", "interactions": len(snapshot().interactions), "carried": 0,
                            "because": "there is no champion yet"}  # fmt: skip
    grown = snapshot(66)
    report = retrain(job(grown, registry, SECOND), carried)
    assert report.promoted
    assert report.why.startswith("carried over: better than popularity")
    assert read_card(registry.folder(registry.find(report.version))).settings == carried.card.settings
    assert report.origin["carried"] == 1
    assert report.origin["interactions"] == first.origin["interactions"]
    assert set(report.models) == {member["name"] for member in carried.card.settings["members"]}


def test_what_is_chosen_anew_must_beat_the_carried_recipe_on_the_same_data(registry: Registry) -> None:
    _, carried = begun(registry, snapshot())
    same = retrain(job(snapshot(), registry, SECOND), carried, choose="asked for: --full")
    assert same.why.startswith("carried over: what was chosen anew (asked for: --full) is not significantly better")
    assert same.promoted
    assert same.origin["how"] == "carried"


def test_a_better_choice_takes_its_place(registry: Registry) -> None:
    data = snapshot()
    retrain(job(data, registry, names=("popularity",)), None, choose="there is no champion yet")
    report = retrain(job(data, registry, SECOND), champion(registry, data), choose="asked for: --full")
    assert report.why.startswith("chosen (asked for: --full): significantly better than the recipe carried over")
    assert report.origin["how"] == "chosen"


def test_a_recipe_that_fell_is_chosen_anew(registry: Registry) -> None:
    """The taste turns round: what people did says nothing about what is held out, and popularity catches up."""
    _, carried = begun(registry, snapshot())
    rng = np.random.default_rng(3)
    rows = planted_interactions(60)
    noise = snapshot_of(replace(rows, item=rng.permutation(rows.item).astype(np.int32)))
    report = retrain(job(noise, registry, SECOND), carried)
    assert report.promoted
    assert "the recipe" in str(report.origin["because"])


def test_where_nothing_beats_popularity_it_serves(registry: Registry) -> None:
    rng = np.random.default_rng(5)
    items = rng.choice(40, 400, p=np.arange(40, 0, -1) / 820).astype(np.int32)
    rows = Interactions(
        np.sort(rng.integers(0, 60, 400)).astype(np.int32), items, np.full(400, 3, np.int8),
        np.full(400, 5.0, np.float32), np.arange(400, dtype=np.int64),
    )  # fmt: skip
    report = retrain(job(snapshot_of(rows), registry, names=("item-knn",)), None, choose="there is no champion yet")
    assert report.promoted
    assert report.model in {"popularity", "auto"}
    if report.model == "popularity":
        assert report.why.startswith("nothing beats popularity")
        assert report.metrics == report.popularity


def test_resuming_after_the_registration_ends_as_it_would_have_ended(registry: Registry) -> None:
    _, carried = begun(registry, snapshot())
    held = job(snapshot(66), registry, SECOND)
    promote = registry.promote

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    registry.promote = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        retrain(held, carried)
    registry.promote = promote  # type: ignore[method-assign]
    made = registry.tagged(held.plan.tags)
    assert made is not None
    assert not made.champion
    report = resume(registry, made, dataset="planted")
    again = resume(registry, registry.find(made.version), dataset="planted")
    assert report == again
    assert (report.promoted, report.version) == (True, "2")
    assert [one.version for one in registry.list_models()] == ["2", "1"]
    assert registry.tracker.client.get_run(report.run_id).info.status == "FINISHED"


def test_runs_that_nobody_runs_are_ended(registry: Registry) -> None:
    client = registry.tracker.client
    made = client.create_run(registry.tracker.experiment("planted"), tags={"refresh_step": "x"})
    other = client.create_run(registry.tracker.experiment("planted"), tags={"refresh_step": "y"})
    assert end_interrupted(registry.tracker, {"refresh_step": "x"}) == 1
    assert client.get_run(made.info.run_id).info.status == "KILLED"
    assert client.get_run(other.info.run_id).info.status == "RUNNING"


@pytest.mark.parametrize(("every", "growth", "why"), [
    (0, 9.0, ""), (2, 9.0, "2 refreshes since models were chosen"), (0, 0.01, "interactions where there were"),
])  # fmt: skip
def test_when_models_are_chosen_anew(registry: Registry, every: int, growth: float, why: str) -> None:
    _, carried = begun(registry, snapshot())
    card = replace(carried.card, origin={**carried.card.origin, "carried": 1})
    found = why_choose(card, snapshot(66), every=every, growth=growth)
    assert why in found
    assert bool(why) == bool(found)
    assert why_choose(None, snapshot(), every=every, growth=growth) == "there is no champion yet"


@pytest.mark.parametrize("name", ["lightgcn", "gnn"])
def test_a_network_starts_from_older_weights_by_id(name: str, tmp_path: Path) -> None:
    data = snapshot()
    settings = {"embedding_size": 8, "epochs": 12, "batch_size": 256}
    first = _fitted(name, settings, data, None)
    assert first.weights is not None
    fewer = _without(data, users={3, 5}, items={7})
    users, items = places(data.users.ids, fewer.users.ids), places(data.items.ids, fewer.items.ids)
    start = Start(first.weights, users, items, len(data.users))
    assert start.epochs == first.training.best_epoch  # type: ignore[attr-defined]
    warm = _fitted(name, {**settings, "epochs": 1, "learning_rate": 1e-9}, fewer, start)
    parameter = {"lightgcn": "embedding", "gnn": "users"}[name]
    assert np.allclose(warm.weights[parameter][: len(users)], first.weights[parameter][users], atol=1e-5)  # type: ignore[index]
    assert warm.weights["epochs"] == first.weights["epochs"]  # type: ignore[index]
    assert start.enough < 12


def _fitted(name: str, settings: dict[str, Any], data: Snapshot, start: Start | None) -> FactorModel:
    split = split_of(data, how="stable", min_value=None, seed=42)
    prepared: TrainingData = prepare(data, split).data
    model = find(name)
    recommender = model.build(model.config(settings))
    assert isinstance(recommender, FactorModel)
    recommender.start = start
    fitted: FactorModel = recommender.fit(prepared)  # type: ignore[attr-defined]
    return fitted


def test_a_networks_weights_are_kept_for_the_next_refresh(registry: Registry) -> None:
    data = snapshot()
    plan = {"model": "lightgcn", "overrides": {"embedding_size": 8, "epochs": 6, "batch_size": 256}, "names": ()}
    retrain(job(data, registry, **plan), None, choose="there is no champion yet")
    carried = champion(registry, data)
    assert {"embedding", "epochs"} <= set(load_weights(carried.folder, MEASURED)["lightgcn"])
    report = retrain(job(snapshot(66), registry, SECOND, **plan), carried)
    version: Version = registry.find(report.version)
    assert read_card(registry.folder(version)).settings == carried.card.settings
    before, after = (load_weights(folder, FINAL)["lightgcn"] for folder in (carried.folder, registry.folder(version)))
    assert after["epochs"] == before["epochs"]


def test_a_model_without_networks_keeps_no_weights(tmp_path: Path, registry: Registry) -> None:
    _, carried = begun(registry, snapshot())
    assert load_weights(carried.folder, FINAL) == {}
    assert not (carried.folder / FINAL).exists()
    save(find("popularity").build().fit(prepare(snapshot(), split_of(snapshot(), how="stable", min_value=None,
         seed=42)).data), tmp_path, carried.card)  # fmt: skip
