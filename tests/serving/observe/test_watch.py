"""Around every request: its id, its deadline, its place, and what is counted and logged of it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi import Request, Response
from fastapi.routing import APIRoute
from prometheus_client.parser import text_string_to_metric_families

from serving.app import create_app
from serving.middleware import Wrapped
from serving.observe.logs import KEY, configure
from serving.observe.record import stage
from serving.service import Service, service_of
from serving.settings import Settings
from tests.serving.conftest import Get, client
from tests.serving.samples import HOSTILE


def made(home: Path, **settings: object) -> Wrapped:
    app = create_app(Settings(home=home, store=f"local:{home / 'no-store'}", **settings))
    app.api.router.routes.insert(0, _route(app))
    return app


def _route(app: Wrapped) -> APIRoute:
    """GET /v1/test-work?seconds=: a stage that lasts."""

    async def work(request: Request, seconds: float = 0.0, kind: str = "sleep") -> Response:
        with stage("store"):
            if kind == "fail":
                raise ValueError("p:u01")
            if kind == "hold":
                await request.app.state.release.wait()
            await asyncio.sleep(seconds)
        with stage("render"):
            service_of(request)
        return Response(b"{}", media_type="application/json")

    return APIRoute("/v1/test-work", work, include_in_schema=False)


def value(get: Get, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(get("/metrics").text)
    found = [
        one.value
        for family in families
        for one in family.samples
        if one.name == name and labels.items() <= one.labels.items()
    ]
    return sum(found)


def test_every_answer_has_an_id_the_callers_own_where_it_is_sane(get: Get) -> None:
    assert get("/v1/health", headers={"X-Request-ID": "mine-1.2:3_4"}).headers["x-request-id"] == "mine-1.2:3_4"
    made_up = [get(path).headers["x-request-id"] for path in ("/v1/health", "/v1/nothing", "/v1/items?limit=0")]
    assert len(set(made_up)) == 3
    assert {len(one) for one in made_up} == {16}
    for bad in ("a" * 65, "a b", 'x"y', "é".encode().decode("latin-1"), ""):
        assert get("/v1/health", headers={"X-Request-ID": bad.encode("latin-1")}).headers["x-request-id"] != bad


def test_requests_are_counted_by_template_and_status(home: Path) -> None:
    get = client(made(home))
    get("/v1/users/p%3Au01/recommendations?n=2")
    get("/v1/users/p%3Au02/recommendations?n=2")
    get("/v1/users/p%3Anobody/recommendations")
    get("/v1/secret-p:u01")
    get("/v1/items", "BREW")
    count, route = "interlace_request_seconds_count", "/v1/users/{id}/recommendations"
    assert value(get, count, route=route, status="200", method="GET") == 2
    assert value(get, count, route=route, status="404") == 1
    assert value(get, count, route="unmatched", status="404") == 1
    assert value(get, count, method="OTHER") == 1
    assert value(get, "interlace_shown_items_total", source="list") == 4
    assert value(get, "interlace_stage_seconds_count", stage="render") == 2
    assert "p:u01" not in get("/metrics").text


def test_a_late_answer_is_504_and_says_so(home: Path) -> None:
    get = client(made(home, request_seconds=0.1))
    begun = time.monotonic()
    answer = get("/v1/test-work?seconds=20")
    assert time.monotonic() - begun < 10
    assert (answer.status_code, answer.json()["title"]) == (504, "Timed out")
    assert "0.1 s" in answer.json()["detail"]
    assert value(get, "interlace_refused_requests_total", reason="deadline") == 1
    assert get("/v1/test-work").status_code == 200


def test_a_request_may_ask_for_less_time_but_not_for_more(home: Path) -> None:
    get = client(made(home, request_seconds=0.2))
    assert "0.05 s" in get("/v1/test-work?seconds=20", headers={"X-Request-Timeout": "0.05"}).json()["detail"]
    assert "0.2 s" in get("/v1/test-work?seconds=20", headers={"X-Request-Timeout": "100"}).json()["detail"]
    assert "1e-09 s" in get("/v1/test-work", headers={"X-Request-Timeout": "1e-9"}).json()["detail"]
    for bad in ("0", "-1", "soon", "nan", "inf", ""):
        answer = get("/v1/items", headers={"X-Request-Timeout": bad})
        assert (answer.status_code, answer.json()["valid"]) == (422, "seconds, as 0.5")


def test_more_than_it_can_take_is_told_to_come_back_and_probes_are_not(home: Path) -> None:
    app = made(home, requests_running=2, requests_waiting=1, requests_wait_seconds=0.2)

    async def crowd() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
            app.api.state.release = asyncio.Event()
            work = [asyncio.create_task(session.get("/v1/test-work?kind=hold")) for _ in range(4)]
            while sum(one.done() for one in work) < 2:
                await asyncio.sleep(0.01)
            probes = [await session.get(path) for path in ("/health", "/v1/ready", "/metrics")]
            app.api.state.release.set()
            return [*(await asyncio.gather(*work)), *probes]

    answers = asyncio.run(crowd())
    assert [one.status_code for one in answers] == [200, 200, 503, 503, 200, 200, 200]
    for one in answers[2:4]:
        assert (one.json()["title"], one.headers["retry-after"]) == ("Overloaded", "1")
        assert one.headers["content-type"] == "application/problem+json"
    get = client(app)
    assert value(get, "interlace_refused_requests_total", reason="full") == 1
    assert value(get, "interlace_refused_requests_total", reason="late") == 1
    assert get("/v1/test-work").status_code == 200, "places came back"


@pytest.fixture
def log(home: Path) -> Iterator[io.StringIO]:
    loggers = [logging.getLogger(name) for name in ("interlace", "uvicorn")]
    before = [(one.handlers[:], one.level, one.propagate) for one in loggers]
    yield io.StringIO()
    for one, (handlers, level, propagate) in zip(loggers, before, strict=True):
        one.handlers[:], one.propagate = handlers, propagate
        one.setLevel(level)


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_json_lines_tell_of_requests_and_name_nobody(tmp_path: Path, home: Path, log: io.StringIO) -> None:
    shutil.copytree(home / "index", tmp_path / "index")
    settings = Settings(home=tmp_path, log_format="json", store=f"local:{tmp_path / 'none'}")
    configure(settings, log)
    get = client(create_app(settings))
    path = f"/v1/users/{quote(HOSTILE, safe='')}/recommendations?n=2&exclude=p%3Ai03"
    for _ in range(2):
        get(path, headers={"X-Request-ID": "r1", "Cookie": "of-another-page=s3cret"})
    get("/v1/users/p%3Au01", headers={"X-Request-ID": "r2"})
    get("/v1/health")
    told = lines(log)
    assert [one["request"] for one in told] == ["r1", "r1", "r2"], "and nothing of probes"
    first = told[0]
    assert (first["route"], first["status"], first["method"]) == ("/v1/users/{id}/recommendations", 200, "GET")
    assert first["ms"] >= sum(first["stages"].values()) > 0
    assert told[0]["user"] == told[1]["user"] != told[2]["user"]
    assert len(first["user"]) == 16
    for secret in ("p:", "s3cret", "exclude", "é"):
        assert secret not in log.getvalue()
    key = tmp_path / KEY
    assert (len(key.read_bytes()), stat.S_IMODE(key.stat().st_mode)) == (32, 0o600)
    get(path)
    assert lines(log)[-1]["user"] == first["user"]
    key.write_bytes(bytes(32))
    client(create_app(settings))(path)
    assert lines(log)[-1]["user"] != first["user"], "another key, another name"


def test_text_tells_of_failures_and_slow_requests_alone(home: Path, log: io.StringIO) -> None:
    configure(Settings(home=home), log)
    get = client(made(home, slow_request_ms=0))
    get("/v1/items")
    get("/v1/nothing")
    assert log.getvalue() == ""
    client(made(home, slow_request_ms=0.001))("/v1/test-work?seconds=0.01", headers={"X-Request-ID": "slow-one"})
    get("/v1/test-work?kind=fail", headers={"X-Request-ID": "bad-one"})
    slow, bad = log.getvalue().splitlines()[:2]
    assert "WARNING interlace.access slow request" in slow
    assert "request=slow-one method=GET route=/v1/test-work status=200" in slow
    assert '"store":' in slow
    assert "ERROR interlace.access request failed" in bad
    assert "request=bad-one" in bad


@pytest.mark.parametrize(("which", "told"), [("none", []), ("errors", ["bad"]), ("all", ["good", "bad"])])
def test_which_requests_are_told_is_a_setting(home: Path, log: io.StringIO, which: str, told: list[str]) -> None:
    configure(Settings(home=home, log_format="json"), log)
    get = client(made(home, log_requests=which, log_format="json"))
    get("/v1/items", headers={"X-Request-ID": "good"})
    get("/v1/test-work?kind=fail", headers={"X-Request-ID": "bad"})
    assert [one["request"] for one in lines(log)] == told


def test_a_value_cannot_begin_a_line_of_its_own(log: io.StringIO, home: Path) -> None:
    for form in ("text", "json"):
        configure(Settings(home=home, log_format=form), log)
        logging.getLogger("interlace.api").warning("two\nlines", extra={"fields": {"of": "a\nb"}})
    assert len(log.getvalue().splitlines()) == 2


def test_a_stopping_worker_is_not_ready_and_closes_connections(home: Path) -> None:
    app = made(home)
    service: Service = app.api.state.service
    get = client(app)
    assert "connection" not in get("/v1/ready").headers
    service.drain.begun = True
    answer = get("/v1/ready")
    assert (answer.status_code, answer.json()["title"]) == (503, "Stopping")
    items = get("/v1/items")
    assert (items.status_code, items.headers["connection"]) == (200, "close")
