"""Erasing and exporting over HTTP, on an index without a graph store: what is done at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from serving.access.keys import KeyStore
from serving.app import create_app
from serving.erasure import record
from serving.erasure.begin import again
from serving.middleware import Wrapped
from serving.settings import Settings
from tests.serving.test_events_api import one_event, send


@pytest.fixture
def app(home: Path, tmp_path: Path) -> Iterator[Wrapped]:
    (tmp_path / "index").symlink_to(home / "index")
    app = create_app(Settings(home=tmp_path, store="local:" + str(tmp_path / "no-store"), erase_wait=0))
    yield app
    app.api.state.service.close()


def test_at_once_in_every_answer_and_nobody_comes_back(app: Wrapped, tmp_path: Path) -> None:
    with closing(KeyStore(tmp_path)) as keys:
        keys.create("own", "reader", user="p:u07")
        answer = send(app, "DELETE", "/v1/users/p:u07")
        assert answer.status_code == 204
        assert keys.all() == []
    state = send(app, "GET", answer.headers["Location"]).json()
    assert state["state"] == "open"
    assert {"answers", "events", "keys", "not again"} <= set(state["done"])
    for path in ("", "/recommendations", "/profile"):
        assert send(app, "GET", f"/v1/users/p:u07{path}").status_code == 404
    late = send(app, "POST", "/v1/events", {"events": [one_event(user="p:u07"), one_event(id="e2")]}).json()
    assert (late["accepted"], late["ignored"]) == (1, 1)
    put = send(app, "PUT", "/v1/users/p:u07", {"properties": {}})
    assert put.status_code == 409, put.text
    assert send(app, "GET", "/v1/erasures/none").status_code == 404


def test_a_server_that_starts_again_refuses_them_still(app: Wrapped, tmp_path: Path) -> None:
    send(app, "DELETE", "/v1/users/p:u08")
    (tmp_path / "overlay.sqlite").unlink()  # as if it had been put back from a back-up
    assert again(app.api.state.service.settings) == 1
    assert len(record.still_open(tmp_path)) == 1
    fresh = create_app(app.api.state.service.settings)
    try:
        assert asyncio.run(_get(fresh, "/v1/users/p:u08")).status_code == 404
    finally:
        fresh.api.state.service.close()


async def _get(app: Wrapped, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
        return await session.get(path)


def test_an_export_needs_the_graph(app: Wrapped) -> None:
    assert send(app, "GET", "/v1/users/p:u07/export?format=doc").status_code == 422
