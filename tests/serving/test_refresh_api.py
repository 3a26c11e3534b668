"""Refresh runs over HTTP: started as real processes, followed until they end, refused while one goes on."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from graph.errors import Conflict
from graph.store import open_store
from serving.app import create_app
from serving.cli.main import app as interlace
from serving.middleware import Wrapped
from serving.refresh_lock import refresh_lock
from serving.refresh_runs import RunRecord, StepRecord, save
from serving.refresh_start import LOG, STEPS, Started, _prune, start
from serving.settings import Settings
from tests.browser.planted import write_folder
from tests.serving.conftest import Get, client

pytestmark = pytest.mark.integration
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose graph is filled and whose source is remembered."""
    folder = tmp_path_factory.mktemp("refresh")
    write_folder(folder / "films")
    ingested = CliRunner().invoke(
        interlace, ["ingest", str(folder / "films"), "--platform", "films", "--home", str(folder / "home")]
    )
    assert ingested.exit_code == 0, ingested.output
    return Settings(home=folder / "home", mlflow=f"sqlite:///{folder}/mlflow.db")


@pytest.fixture(scope="module")
def application(settings: Settings) -> Iterator[Wrapped]:
    app = create_app(settings)
    app.api.state.service.gateway.store()
    yield app
    app.api.state.service.gateway.close()


@pytest.fixture
def ask(application: Wrapped) -> Get:
    return client(application)


def post(ask: Get, body: Any, headers: dict[str, str] | None = None) -> Any:
    return ask("/v1/refresh-runs", "POST", content=json.dumps(body), headers=headers or JSON)


def ended(ask: Get, location: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while (run := ask(location).json())["state"] == "running":
        assert time.monotonic() < deadline, run
        time.sleep(0.3)
    return run


def start_when_free(settings: Settings) -> Started:
    """Starts one; a process whose run has ended may take a moment to go."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return start(settings, only="ingest")
        except Conflict:
            assert time.monotonic() < deadline
            time.sleep(0.3)


def test_the_steps_are_those_of_the_refresh() -> None:
    from serving import refresh_steps

    assert list(refresh_steps.STEPS) == list(STEPS)


def test_a_run_is_started_followed_and_listed(ask: Get, settings: Settings) -> None:
    answer = post(ask, {"only": "ingest"})
    assert answer.status_code == 202
    location = answer.headers["location"]
    assert answer.json() == {"id": location.rpartition("/")[2], "location": location}
    first = ask(location)
    assert (first.status_code, first.json()["state"]) == (200, "running"), "the request waited for no step"
    second = post(ask, {})
    assert second.status_code == 409
    assert answer.json()["id"] in second.json()["detail"]
    run = ended(ask, location)
    assert (run["state"], run["trigger"], run["error"]) == ("done", "api", "")
    assert [(step["name"], step["state"]) for step in run["steps"]] == [("ingest", "done")]
    assert run["steps"][0]["why"]
    assert (settings.home / LOG / f"refresh-{run['id']}.log").read_text().count("\n") > 1
    listed = ask("/v1/refresh-runs?limit=1").json()["runs"]
    assert listed == [run]
    document = ask("/v1/openapi.json").json()
    for name, value in (("RefreshRun", run), ("RefreshRuns", {"runs": listed}), ("RefreshStarted", answer.json())):
        jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}", "components": document["components"]})


@pytest.mark.parametrize(
    ("body", "said"),
    [({"only": "bake"}, "bake"), ({"fully": True}, "fully"), ({"full": "perhaps"}, "full"), ([], "the body")],
)
def test_what_is_no_request_is_refused(ask: Get, body: Any, said: str) -> None:
    answer = post(ask, body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert answer.json()["valid"]


def test_what_another_site_may_send_starts_nothing(ask: Get) -> None:
    for headers in ({"content-type": "text/plain"}, {"content-type": ""}):
        assert post(ask, {}, headers).status_code == 422
    assert not any(run["state"] == "running" for run in ask("/v1/refresh-runs").json()["runs"])


def test_one_that_the_graph_knows_of_stands_in_the_way(ask: Get, application: Wrapped, settings: Settings) -> None:
    store = application.api.state.service.gateway.store()
    with refresh_lock(store, settings.home, "elsewhere"):
        save(store, RunRecord("elsewhere", "running", "schedule", time.time(), steps=(StepRecord("train", "running"),)))
        answer = post(ask, {})
        assert answer.status_code == 409
        assert "run elsewhere" in answer.json()["detail"]
        assert ask("/v1/refresh-runs/elsewhere").json()["state"] == "running"
    killed = ask("/v1/refresh-runs/elsewhere").json()
    assert (killed["state"], killed["ended"]) == ("interrupted", None)
    assert "ended before" in killed["error"]


def test_one_that_is_killed_says_so(ask: Get, settings: Settings) -> None:
    started = start_when_free(settings)
    os.kill(started.pid, signal.SIGKILL)
    run = ended(ask, f"/v1/refresh-runs/{started.run}")
    assert run["state"] in ("failed", "interrupted")
    assert run["error"]


def test_one_that_cannot_begin_says_why(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", mlflow=f"sqlite:///{tmp_path}/mlflow.db")
    open_store(settings.store_url).close()
    app = create_app(settings)
    try:
        ask = client(app)
        location = post(ask, {}).headers["location"]
        run = ended(ask, location)
        assert run["state"] == "failed"
        assert "nothing to refresh" in run["error"]
        assert ask("/v1/refresh-runs").json()["runs"] == [run]
    finally:
        app.api.state.service.gateway.close()


def test_a_home_that_cannot_be_written_is_told_apart(ask: Get, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    app = create_app(Settings(home=tmp_path / "file", store=settings.store_url))
    try:
        answer = post(client(app), {})
        assert (answer.status_code, answer.json()["title"]) == (501, "Not supported")
    finally:
        app.api.state.service.gateway.close()


def test_unknown_runs_and_limits(ask: Get) -> None:
    assert ask("/v1/refresh-runs/none").status_code == 404
    assert ask("/v1/refresh-runs?limit=0").status_code == 422


def test_a_run_leads_to_its_page_in_mlflow(application: Wrapped, settings: Settings) -> None:
    store = application.api.state.service.gateway.store()
    save(store, RunRecord("tracked", "done", "command", 1.0, 2.0, mlflow_run="abc"))
    for given, expected in (
        ({"mlflow": "http://mlflow:5000"}, "http://mlflow:5000/#/runs/abc"),
        ({"mlflow": "http://mlflow:5000", "mlflow_page": "https://m.example/"}, "https://m.example/#/runs/abc"),
        ({"mlflow": "sqlite:///x.db"}, None),
    ):
        app = create_app(Settings(home=settings.home, store=settings.store_url, **given))
        try:
            assert client(app)("/v1/refresh-runs/tracked").json()["mlflow"] == expected
        finally:
            app.api.state.service.gateway.close()


def test_old_logs_go(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"refresh-20260101-0000{number:02}-x.log").write_text("")
        (tmp_path / f"refresh-20260101-0000{number:02}-x.json").write_text("{}")
    _prune(tmp_path)
    kept = sorted(path.stem for path in tmp_path.glob("*.log"))
    assert (len(kept), kept[0], kept[-1]) == (20, "refresh-20260101-000010-x", "refresh-20260101-000029-x")
    assert len(list(tmp_path.glob("*.json"))) == 20


def test_a_number_that_another_process_has_now_is_not_alive() -> None:
    assert not Started("x", os.getpid(), 1.0, 0.0).is_alive
