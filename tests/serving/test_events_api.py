"""Events and users over HTTP: on real workers with a kill, and with a real graph store that follows."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.local_store import LocalStore
from graph.schema import ITEM, KINDS, USER, Entity
from graph.snapshot_fresh import take_snapshot
from graph.store import GraphStore
from serving.app import create_app
from serving.events import Event, EventLog
from serving.flush import flush
from serving.gateway import Gateway
from serving.middleware import Wrapped
from serving.service import make_service
from serving.settings import Settings
from tests.serving.samples import ITEMS, USERS

ROOT = Path(__file__).parents[2]
LIKED = KINDS.index("liked")


def send(app: Wrapped, method: str, path: str, body: Any = None) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
            answer = await session.request(method, path, json=body)
        await app.api.state.service.finish()
        return answer

    return asyncio.run(one())


@pytest.fixture
def app(home: Path, tmp_path: Path) -> Iterator[Wrapped]:
    (tmp_path / "index").symlink_to(home / "index")
    app = create_app(Settings(home=tmp_path, store="local:" + str(tmp_path / "no-store")))
    yield app
    app.api.state.service.close()


def one_event(**changes: Any) -> dict[str, Any]:
    return {"id": "e1", "user": "p:u01", "item": "p:i05", "kind": "liked", "at": 1_700_000_000, **changes}


def shown(app: Wrapped, user: str = "p:u01", n: int = 500) -> list[str]:
    body = send(app, "GET", f"/v1/users/{user}/recommendations?n={n}").json()
    return [one["item"]["id"] for one in body["items"]]


def test_a_click_changes_the_next_answer_and_the_page(app: Wrapped) -> None:
    first = shown(app)[0]
    answer = send(app, "POST", "/v1/events", {"events": [one_event(item=first), one_event(id="e2", item="p:gone")]})
    assert answer.json() == {"accepted": 2, "duplicates": 0, "ignored": 0, "unknown_items": ["p:gone"]}
    document = send(app, "GET", "/v1/openapi.json").json()
    schema = document["paths"]["/v1/events"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json(), {**schema, "components": document["components"]})
    assert first not in shown(app)
    page = send(app, "GET", "/v1/users/p:u01").json()
    assert page["history"][0] == {**page["history"][0], "kind": "liked", "value": None, "at": 1_700_000_000}
    assert page["history"][0]["item"]["id"] == first
    assert page["interactions"] == 8, "six of the index, and two"
    again = send(app, "POST", "/v1/events", {"events": [one_event(item=first)]})
    assert again.json()["duplicates"] == 1


def test_events_without_an_id_are_told_apart_by_what_they_say(app: Wrapped) -> None:
    body = {key: value for key, value in one_event().items() if key != "id"}
    assert send(app, "POST", "/v1/events", {"events": [body, {**body, "item": "p:i06"}]}).json()["accepted"] == 2
    assert send(app, "POST", "/v1/events", {"events": [body]}).json()["duplicates"] == 1
    timeless = {key: value for key, value in body.items() if key != "at"}
    assert send(app, "POST", "/v1/events", {"events": [timeless, timeless]}).json()["accepted"] == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "loved"}, "kind"),
        ({"at": 1_700_000_000_000}, "at"),
        ({"at": 1_000_000_000_000}, "ahead of this server's clock"),
        ({"at": -1}, "at"),
        ({"value": "5"}, "value"),
        ({"user": ""}, "user"),
        ({"extra": 1}, "extra"),
        ({"item": "p:\0"}, "NUL"),
    ],
)
def test_a_bad_event_is_named_and_none_of_the_call_is_kept(app: Wrapped, change: dict[str, Any], words: str) -> None:
    good = one_event(id="good")
    answer = send(app, "POST", "/v1/events", {"events": [good, one_event(**change)]})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert answer.json()["valid"]
    assert send(app, "POST", "/v1/events", {"events": [good]}).json()["accepted"] == 1


def test_ten_thousand_in_one_call_and_no_more(app: Wrapped) -> None:
    events = [one_event(id=str(place), item=ITEMS[place % 24], user=f"p:n{place % 500}") for place in range(10_000)]
    assert send(app, "POST", "/v1/events", {"events": events}).json()["accepted"] == 10_000
    assert send(app, "POST", "/v1/events", {"events": [*events, one_event()]}).status_code == 422
    assert send(app, "POST", "/v1/events", {"events": []}).status_code == 422


def test_a_user_is_put_changed_and_deleted(app: Wrapped) -> None:
    put = send(app, "PUT", "/v1/users/p:ada", {"properties": {"name": "Ada", "age": 36}})
    expected = {"id": "p:ada", "platform": "p", "interactions": 0, "properties": {"name": "Ada", "age": 36}}
    assert put.json() == {"user": expected}
    assert send(app, "GET", "/v1/users?query=ada").json()["users"] == [expected]
    assert len(shown(app, "p:ada", 3)) == 3, "what is popular"
    changed = send(app, "PUT", "/v1/users/p:ada", {"properties": {"age": None, "town": "Paris"}}).json()["user"]
    assert changed["properties"] == {"name": "Ada", "town": "Paris"}
    send(app, "POST", "/v1/events", {"events": [one_event(user="p:ada")]})
    assert "p:i05" not in shown(app, "p:ada")
    assert send(app, "DELETE", "/v1/users/p:ada").status_code == 204
    for path in ("", "/recommendations"):
        assert send(app, "GET", f"/v1/users/p:ada{path}").status_code == 404
    assert send(app, "DELETE", "/v1/users/p:ada").status_code == 404
    late = send(app, "POST", "/v1/events", {"events": [one_event(id="late", user="p:ada")]}).json()
    assert (late["accepted"], late["ignored"]) == (0, 1), "nobody comes back by a late click"
    assert send(app, "DELETE", "/v1/users/p:u07").status_code == 204
    assert "p:u07" not in [one["id"] for one in send(app, "GET", "/v1/users?query=u07").json()["users"]]
    assert send(app, "PUT", "/v1/users/nobody", {"properties": {}}).status_code == 422
    assert send(app, "PUT", "/v1/users/p:x", {"properties": {"id": "p:y"}}).status_code == 422
    assert send(app, "PUT", "/v1/users/p:x", {"id": "p:y"}).status_code == 422
    assert send(app, "PUT", "/v1/users/p:x", {"properties": {"password": "x"}}).status_code == 422


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=6),
        lambda inner: st.dictionaries(st.sampled_from(["events", "id", "user", "item", "kind", "at", "value"]), inner,
                                      max_size=4) | st.lists(inner, max_size=3),
        max_leaves=8,
    )
)  # fmt: skip
def test_no_body_makes_the_server_fail(app: Wrapped, body: Any) -> None:
    assert send(app, "POST", "/v1/events", body).status_code in {200, 422}


@contextmanager
def served(home: Path, workers: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A real server on a free port."""
    environment = {**os.environ, "INTERLACE_HOME": str(home), "INTERLACE_PORT": "0", "INTERLACE_WORKERS": str(workers),
                   "INTERLACE_STORE": f"local:{home / 'no-store'}", "PYTHONPATH": str(ROOT)}  # fmt: skip
    command = [sys.executable, "-m", "serving.run"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=home) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            yield line.split()[-1], process
        finally:
            kill_all(process.pid)


def kill_all(process: int) -> None:
    with_children = [*psutil.Process(process).children(recursive=True), psutil.Process(process)]
    for one in with_children:
        os.kill(one.pid, signal.SIGKILL)


class Clients(threading.Thread):
    """Posts one event after the other and remembers which were acknowledged."""

    def __init__(self, address: str, name: str) -> None:
        super().__init__()
        self.address, self.label = address, name
        self.said: list[str] = []
        self.end = False

    def run(self) -> None:
        with httpx.Client(base_url=self.address, timeout=10) as client:
            for place in itertools.count():
                name = f"{self.label}.{place}"
                events = [one_event(id=name, user=f"p:{self.label}", at=place)]
                try:
                    if client.post("/v1/events", json={"events": events}).json()["accepted"] == 1:
                        self.said.append(name)
                except (httpx.HTTPError, ValueError):
                    return
                if self.end:
                    return


@pytest.mark.integration
def test_two_workers_know_an_event_at_once_and_lose_none_by_a_kill(home: Path, tmp_path: Path) -> None:
    (tmp_path / "index").symlink_to(home / "index")
    with served(tmp_path, workers=2) as (address, process):
        clients = [Clients(address, f"c{number}") for number in range(4)]
        for one in clients:
            one.start()
        deadline = time.monotonic() + 20
        while min(len(one.said) for one in clients) < 30 and time.monotonic() < deadline:
            time.sleep(0.05)
        for place in range(20):  # each request on a connection of its own: now this worker, now the other
            item = httpx.get(f"{address}/v1/users/p:u02/recommendations?n=1").json()["items"][0]["item"]["id"]
            body = {"events": [one_event(id=f"hide{place}", user="p:u02", item=item, kind="hidden")]}
            assert httpx.post(f"{address}/v1/events", json=body).json()["accepted"] == 1
            after = httpx.get(f"{address}/v1/users/p:u02/recommendations?n=20").json()["items"]
            assert item not in [one["item"]["id"] for one in after]
            if place == 12:
                break
        kill_all(process.pid)
        for one in clients:
            one.join()
    log = EventLog(tmp_path)
    for one in clients:
        found = [event.id for event in log.of(f"p:{one.label}")]
        assert len(found) == len(set(found))
        assert set(one.said) <= set(found)
        assert len(one.said) >= 30
    log.close()


def events_of(store: GraphStore) -> set[tuple[Any, ...]]:
    rows = store.query("MATCH (u:User)-[r]->(i:Item) RETURN u.id, type(r), i.id, r.value, r.at").rows
    return {tuple(row) for row in rows}


@pytest.mark.integration
class TestWithAGraph:
    def test_the_graph_follows_once_whatever_is_killed(self, home: Path, tmp_path: Path, any_store: GraphStore) -> None:
        (tmp_path / "index").symlink_to(home / "index")
        any_store.write([Entity(ITEM, item, {"title": item}) for item in ITEMS])
        any_store.write([Entity(USER, USERS[3], {"platform": "p", "age": 9})])
        app = create_app(
            Settings(home=tmp_path, store=any_store.url),
            make_service(Settings(home=tmp_path, store=any_store.url), gateway=Gateway(lambda: any_store)),
        )
        take_snapshot(any_store, tmp_path)
        events = [
            one_event(id="1", user=USERS[3], item="p:i05"),
            one_event(id="2", user="p:new", item="p:i06", kind="rated", value=4.5, at=7),
            one_event(id="3", user="p:new", item="p:later"),
        ]
        assert send(app, "POST", "/v1/events", {"events": events}).status_code == 200
        expected = {(USERS[3], "LIKED", "p:i05", None, 1_700_000_000), ("p:new", "RATED", "p:i06", 4.5, 7)}
        assert events_of(any_store) == expected
        assert any_store.query("MATCH (u:User {id: 'p:new'}) RETURN u.platform AS p").rows == [("p",)]
        assert any_store.query("MATCH (u:User {id: $id}) RETURN u.age AS age", {"id": USERS[3]}).rows == [(9,)]
        taken = take_snapshot(any_store, tmp_path)
        assert taken.how == "changes", taken.why
        assert len(taken.snapshot.interactions) == 2
        log = EventLog(tmp_path)
        assert [one.id for one in log.waiting(10)] == ["3"], "nobody knows its item yet"
        with log.ledger.open() as connection:  # as after a kill between writing and noting it
            connection.execute("UPDATE events SET applied = NULL")
        assert flush(any_store, tmp_path) == 2
        assert events_of(any_store) == expected
        app.api.state.service.overlay.put("p:later", {"title": "Later", "kind": "movie"}, {})
        assert flush(any_store, tmp_path) == 2, "the item, and the event that waited for it"
        assert ("p:new", "LIKED", "p:later", None, 1_700_000_000) in events_of(any_store)
        assert log.waiting(10) == []
        assert send(app, "DELETE", "/v1/users/p:new").status_code == 204
        assert {row[0] for row in events_of(any_store)} == {USERS[3]}
        log.close()

    def test_a_refresh_takes_over_what_waits(self, tmp_path: Path, local_store: LocalStore) -> None:
        local_store.write([Entity(ITEM, item, {"title": item}) for item in ITEMS])
        log = EventLog(tmp_path)
        log.add([Event(str(place), "p:u", ITEMS[place], LIKED, None, place) for place in range(5)])
        assert flush(local_store, tmp_path) == 5
        assert flush(local_store, tmp_path) == 0
        assert len(events_of(local_store)) == 5
        log.close()
