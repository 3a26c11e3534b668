"""Experiments and shadows as a client meets them: over HTTP, on two indexes, with a kill."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph.snapshot import Snapshot
from serving import trials
from serving.app import create_app
from serving.business import Span, challengers, index_version, read_log, resolve, shadow_log
from serving.experiment_runs import ExperimentRuns
from serving.experiments import INTERLEAVE, Arm, Experiment
from serving.exposures import ExposureLog
from serving.index import FOLDER, ModelInfo, open_index
from serving.middleware import Wrapped
from serving.publish import publish
from serving.recommend import Wish, recommend
from serving.settings import Settings
from serving.signing import KEY, PUBLIC
from tests.serving.samples import LONELY, USERS
from tests.serving.test_events_api import kill_all, send, served
from training.online.offline import slots
from training.online.shadow import compare
from training.train import everything
from training.zoo import find

POPULAR = ModelInfo("popularity", "8", {}, "run8")
AB = Experiment("ab", (Arm("control"), Arm("new", 1.0, {"diversity": 1.0})))


@pytest.fixture(scope="module")
def two(home: Path, snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with EASE as the current index and popularity beside it. Copied by each test."""
    folder = tmp_path_factory.mktemp("two")
    shutil.copytree(home / FOLDER, folder / FOLDER)
    for name in (KEY, PUBLIC):
        shutil.copy(home / name, folder)
    fitted = find("popularity").build().fit(everything(snapshot, None))
    before = open_index(folder).version
    staged = publish(snapshot, fitted, home=folder, model=POPULAR, current=False)
    assert open_index(folder).version == before != staged.name
    return folder


@pytest.fixture
def mine(two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / FOLDER).symlink_to(two / FOLDER)
    monkeypatch.setattr(trials, "CHECK_SECONDS", 0.0)
    return tmp_path


@pytest.fixture
def app(mine: Path) -> Iterator[Wrapped]:
    app = create_app(Settings(home=mine, store="local:" + str(mine / "no-store")))
    yield app
    app.api.state.service.close()


def start(home: Path, experiment: Experiment) -> Experiment:
    with closing(ExperimentRuns(home)) as runs:
        return runs.start(resolve(home, experiment)).experiment


def ask(app: Wrapped, user: str = "p:u01", rest: str = "n=5") -> dict[str, Any]:
    answer = send(app, "GET", f"/v1/users/{user}/recommendations?{rest}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(body: dict[str, Any]) -> list[str]:
    return [one["item"]["id"] for one in body["items"]]


def logged(app: Wrapped, columns: str = "user, model, arms, items, propensities, teams") -> list[Any]:
    log = app.api.state.service.trials.exposures
    log.flush()
    return log.log.read("answers", 0, 10**12, columns)


def plain() -> list[str]:
    return [user for user in USERS if user.startswith("p:u")]


def test_where_nothing_goes_on_nothing_is_written(app: Wrapped, mine: Path) -> None:
    ask(app)
    assert logged(app) == []
    assert [path.name for path in mine.glob("*.sqlite")] == []


def test_each_arm_gets_its_own_and_is_logged(app: Wrapped, mine: Path) -> None:
    usual = {user: ask(app, user) for user in plain()}
    with_diversity = {user: ask(app, user, "n=5&diversity=1") for user in plain()}
    running = start(mine, AB)
    for user in plain():
        arm = running.arm_of(user).name
        assert ask(app, user) == (with_diversity if arm == "new" else usual)[user]
    rows = logged(app)
    assert len(rows) == len(plain())
    for user, model, arms, items, propensities, teams in rows:
        assert json.loads(arms) == {"ab": running.arm_of(user).name}
        assert json.loads(items) == ids(ask(app, user))
        assert (model, propensities, teams) == (open_index(mine).version, None, None)
    with closing(ExperimentRuns(mine)) as runs:
        runs.stop("ab")
    assert all(ask(app, user) == usual[user] for user in plain())
    assert len(logged(app)) == 2 * len(plain()), "the usual answers are not logged"


def test_an_arm_may_be_another_model(app: Wrapped, mine: Path) -> None:
    running = start(
        mine, Experiment("model", (Arm("control", 1.0, {"model": "current"}), Arm("new", 1.0, {"model": "8"})))
    )
    assert {arm.options["model"] for arm in running.arms} == {index_version(mine, "8"), open_index(mine).version}
    seen = set()
    for user in plain():
        arm, body = running.arm_of(user).name, ask(app, user)
        seen.add(arm)
        assert body["model"] == {
            "name": "popularity" if arm == "new" else "ease",
            "version": "8" if arm == "new" else "7",
        }
    assert seen == {"control", "new"}
    assert {row[1] for row in logged(app)} == {arm.options["model"] for arm in running.arms}
    assert send(app, "GET", "/v1/users/p:nobody/recommendations").status_code == 404


def test_events_count_in_every_arm(app: Wrapped, mine: Path) -> None:
    start(mine, Experiment("model", (Arm("a", 1.0, {"model": "7"}), Arm("new", 1.0, {"model": "8"}))))
    for user in plain()[:8]:
        first = ids(ask(app, user))[0]
        body = {"events": [{"user": user, "item": first, "kind": "hidden"}]}
        assert send(app, "POST", "/v1/events", body).status_code == 200
        assert first not in ids(ask(app, user, "n=500"))


def test_somebody_whom_the_other_index_does_not_know_gets_what_is_popular(
    app: Wrapped, mine: Path, snapshot: Snapshot
) -> None:
    start(mine, Experiment("model", (Arm("a", 1.0, {"model": "8"}), Arm("b", 1.0, {"model": "8"}))))
    body = {"properties": {"age": 3}}
    assert send(app, "PUT", "/v1/users/p:new", body).status_code == 200
    assert len(ask(app, "p:new")["items"]) == 5


def test_an_index_that_is_gone_ends_the_experiment_and_no_answer(
    app: Wrapped, mine: Path, caplog: pytest.LogCaptureFixture
) -> None:
    usual = ask(app)
    with closing(ExperimentRuns(mine)) as runs:
        runs.start(Experiment("model", (Arm("a", 1.0, {"model": "gone"}), Arm("b", 1.0, {"model": "gone"}))))
        runs.start_shadow("lost", 1.0)
    with caplog.at_level(logging.ERROR, "interlace.api"):
        assert ask(app) == usual
    assert "can answer from gone" in caplog.text
    assert "can answer from lost" in caplog.text
    assert logged(app) == []


def test_a_drawn_order_is_logged_with_its_chances(app: Wrapped, mine: Path) -> None:
    usual = {user: ids(ask(app, user, "n=8")) for user in plain()}
    arms = (Arm("control"), Arm("drawn", 1.0, {"explore": 0.5, "pool": 8}))
    running = start(mine, Experiment("explore", arms))
    for user in plain():
        for _ in range(3):
            body = ask(app, user, "n=4")
            assert [one["rank"] for one in body["items"]] == [1, 2, 3, 4]
            assert set(ids(body)) <= set(usual[user])
    drawn = 0
    for user, _, _, text, propensities, _ in logged(app):
        items = json.loads(text)
        if running.arm_of(user).name == "control":
            assert (items, propensities) == (usual[user][:4], None)
            continue
        expected = [0.5 * (item == usual[user][place]) + 0.5 / 8 for place, item in enumerate(items)]
        assert json.loads(propensities) == pytest.approx(expected)
        drawn += items != usual[user][:4]
    assert drawn > 5


def test_an_interleaving_holds_both_rankings(app: Wrapped, mine: Path) -> None:
    sides = (Arm("ease", 1.0, {"model": "7"}), Arm("popular", 1.0, {"model": "8"}))
    start(mine, Experiment("draft", sides, INTERLEAVE))
    versions = {name: open_index(mine, index_version(mine, name)) for name in ("7", "8")}
    from serving.live import Live

    for user in plain():
        shown = ids(ask(app, user, "n=6"))
        _, model, arms, items, _, teams = logged(app)[-1]
        assert (json.loads(arms), json.loads(items), model) == ({"draft": "both"}, shown, versions["7"].version)
        lists = []
        for name in ("7", "8"):
            live = Live(versions[name])
            lists.append([live.id(item) for item in recommend(live, Wish(user, 6)).items])
        for item, team in zip(shown, json.loads(teams), strict=True):
            assert item in lists[team] if team >= 0 else lists[0].index(item) == lists[1].index(item)
        assert len(set(shown)) == 6


def test_a_shadow_answers_unseen_and_is_compared(app: Wrapped, mine: Path) -> None:
    usual = {user: ask(app, user) for user in plain()}
    with closing(ExperimentRuns(mine)) as runs:
        runs.start_shadow(index_version(mine, "8"), 1.0)
        runs.start(
            Experiment("explore", (Arm("a", 1.0, {"explore": 1.0, "pool": 10}), Arm("b", 1.0, {"explore": 1.0})))
        )
    for user in plain():
        body = ask(app, user)
        assert body["model"] == usual[user]["model"], "nobody sees the challenger's"
    service = app.api.state.service
    service.trials.shadow.drain()
    logged(app)
    found = shadow_log(mine, None)
    assert len(found.pairs) == len(plain())
    live = open_index(mine, index_version(mine, "8"))
    from serving.live import Live

    for pair in found.pairs:
        assert list(pair.champion) == ids(usual[pair.user]), "as it ranked, before the order was drawn"
        other = Live(live)
        assert list(pair.challenger) == [other.id(item) for item in recommend(other, Wish(pair.user, 5)).items]
    report = compare(found.pairs, found.index.num_items)
    assert 0 < report.overlap[0] < 1
    assert report.coverage[0] > report.coverage[1], "what is popular is the same for everybody"
    log = read_log(mine, Span(), now=time.time() + 10 * 86_400)
    rows = slots(log, challengers(mine, log, found))
    assert len(rows.shown) == 5 * len(plain())


def test_a_shadow_that_is_slow_leaves_requests_out(app: Wrapped, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    from serving import shadow

    go = Event()
    usual = shadow.recommend
    monkeypatch.setattr(shadow, "recommend", lambda *parts: (go.wait(20), usual(*parts))[1])
    app.api.state.service.trials.shadow._jobs.maxsize = 3
    with closing(ExperimentRuns(mine)) as runs:
        runs.start_shadow(index_version(mine, "8"), 1.0)
    for user in plain()[:10]:
        ask(app, user)
    go.set()
    app.api.state.service.trials.shadow.drain()
    assert app.api.state.service.trials.shadow.left_out >= 6


def test_deleting_a_user_forgets_what_they_were_shown(app: Wrapped, mine: Path) -> None:
    start(mine, AB)
    ask(app, "p:u03")
    ask(app, "p:u04")
    assert send(app, "DELETE", "/v1/users/p:u03").status_code == 204
    assert [row[0] for row in logged(app)] == ["p:u04"]


def test_a_version_in_use_is_not_pruned(mine: Path, two: Path, snapshot: Snapshot, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("pruned")
    shutil.copytree(two / FOLDER, folder / FOLDER)
    version = index_version(folder, "8")
    os.utime(folder / FOLDER / version, (1, 1))
    with closing(ExperimentRuns(folder)) as runs:
        runs.start_shadow(version, 0.5)
    for name in ("ease", "item-knn", "graph-filter"):
        publish(snapshot, find(name).build().fit(everything(snapshot, None)), home=folder, model=ModelInfo(name, "9"))
    assert (folder / FOLDER / version).is_dir()
    with closing(ExperimentRuns(folder)) as runs:
        runs.stop_shadow()
    publish(
        snapshot, find("popularity").build().fit(everything(snapshot, 4.0)), home=folder, model=ModelInfo("p", "10")
    )
    assert not (folder / FOLDER / version).is_dir()


@pytest.mark.integration
def test_a_server_logs_what_it_showed_and_a_kill_takes_nothing_that_was_written(mine: Path) -> None:
    start(mine, AB)
    with closing(ExposureLog(mine)) as log:
        with served(mine, workers=1) as (address, process):
            with httpx.Client(base_url=address, timeout=120) as client:  # long: it starts slowly beside other work
                for user in plain():
                    assert client.get(f"/v1/users/{user}/recommendations").status_code == 200
            until = time.monotonic() + 60
            while len(log.read("answers", 0, 10**12, "user")) < len(plain()) and time.monotonic() < until:
                time.sleep(0.1)
            kill_all(process.pid)
        rows = log.read("answers", 0, 10**12, "user, arms")
    assert sorted(user for user, _ in rows) == plain()
    assert all(json.loads(arms) == {"ab": AB.arm_of(user).name} for user, arms in rows)


def test_lonely_users_take_part_too(app: Wrapped, mine: Path) -> None:
    start(mine, AB)
    ask(app, LONELY)
    assert [row[0] for row in logged(app)] == [LONELY]
