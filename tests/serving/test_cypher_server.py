"""Cypher over a real socket: a client that leaves ends its query, and nobody waits for another's slow one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from graph.local_store import LocalStore
from serving.app import create_app
from serving.gateway import Gateway
from serving.run import address, bind
from serving.service import make_service
from serving.settings import Settings

pytestmark = pytest.mark.integration

ENDLESS = "MATCH (a:N), (b:N), (c:N), (d:N) WHERE a.x + b.x + c.x + d.x = -1 RETURN count(*) AS n"
PATIENCE = 60.0


@pytest.fixture
def url(local_store: LocalStore, home: Path) -> Iterator[str]:
    """A server on a graph that is large enough for a query without an end."""
    local_store.query("UNWIND range(1, 300) AS x CREATE (:N {x: x})")
    settings = Settings(home=home, cypher_max_timeout=300)
    service = make_service(settings, gateway=Gateway(lambda: local_store))
    with bind("127.0.0.1", 0) as listener:
        config = uvicorn.Config(create_app(settings, service), lifespan="off", log_level="warning")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield address(listener)
        service.cypher.close()
        server.should_exit = True
        thread.join(PATIENCE)


def running(store: LocalStore) -> int:
    """How many queries run in the store for strangers."""
    found = store.http._send("POST", "/server", {"command": "list queries"})["result"]
    return sum(query["user"] == "interlace-reader" for query in found)


def wait_until(store: LocalStore, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while running(store) != count:
        assert time.monotonic() < deadline, f"{running(store)} queries run, not {count}"
        time.sleep(0.1)


def test_a_client_that_leaves_ends_its_query(url: str, local_store: LocalStore) -> None:
    def ask_and_leave() -> None:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/v1/cypher", json={"query": ENDLESS, "timeout": 290}, timeout=5.0)

    client = threading.Thread(target=ask_and_leave)
    client.start()
    wait_until(local_store, 1)
    began = time.monotonic()
    assert httpx.get(f"{url}/v1/health", timeout=PATIENCE).status_code == 200
    assert time.monotonic() - began < 5
    client.join(PATIENCE)
    wait_until(local_store, 0)
    answer = httpx.post(f"{url}/v1/cypher", json={"query": "MATCH (n:N) RETURN count(n) AS n"}, timeout=PATIENCE)
    assert answer.json()["rows"] == [[300]]


def test_a_long_answer_is_sent_as_it_comes(url: str) -> None:
    body = {
        "query": "MATCH (a:N), (b:N) RETURN a.x AS a, b.x AS b, 'some words to fill the line' AS t",
        "limit": 20_000,
        "timeout": 60,
    }
    with httpx.stream("POST", f"{url}/v1/cypher", json=body, timeout=PATIENCE) as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        assert "x-interlace-truncated" not in answer.headers
        whole = b"".join(answer.iter_bytes())
    assert whole.endswith(b"}")
    assert whole.count(b"some words") == 20_000
    assert b'"truncated":true' in whole
