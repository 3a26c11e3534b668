"""A server that is told to stop under load: it says so first, answers what it took, and refuses what comes after."""

from __future__ import annotations

import signal
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.servers import Crowd, publish_version, running, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]  # servers that start, are loaded, and take their time to stop


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stop")
    publish_version(folder, "v1")
    return folder


def recommend(client: httpx.Client, turn: int) -> int:
    answer = client.get(f"/v1/users/p%3Au{turn % 30:02d}/recommendations")
    if answer.status_code == 200:
        assert len(answer.json()["items"]) == 10
    return answer.status_code


def sent_slowly(url: str, begun: threading.Event, go_on: threading.Event, got: list[bytes]) -> None:
    """A request whose body is complete only when the server has been told to stop."""
    where = urlsplit(url)
    body = b'{"items": ["p:v1:01", "p:v1:02"], "n": 3}'
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        head = f"POST /v1/recommendations HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:10])
        begun.set()
        go_on.wait(30)
        connection.sendall(body[10:])
        while part := connection.recv(65536):
            got.append(part)


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_that_was_taken_is_lost(home: Path, workers: int, tmp_path: Path) -> None:
    readiness: list[object] = []
    begun, go_on, got = threading.Event(), threading.Event(), list[bytes]()

    def ready(client: httpx.Client, _: int) -> int:
        readiness.append(client.get("/ready").status_code)
        return 0

    log = tmp_path / "log"
    with running(home, workers=workers, drain_seconds=0.7, log=log) as server:
        slow = threading.Thread(target=sent_slowly, args=(server.url, begun, go_on, got))
        slow.start()
        begun.wait(30)
        with (
            Crowd(recommend, server.url, size=4) as keeping,
            Crowd(recommend, server.url, size=2, keep_alive=False) as new,
            Crowd(ready, server.url, size=1, keep_alive=False),
        ):
            wait_until(lambda: len(keeping.seen) > 100 and len(new.seen) > 50)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(1.5)
            go_on.set()
            server.process.wait(30)
            slow.join(30)
        assert server.process.returncode in (0, -signal.SIGTERM)
    outcomes = [*keeping.seen, *new.seen]
    lost = [one for one in outcomes if one != 200 and not isinstance(one, httpx.ConnectError)]
    assert not lost, (len(outcomes), lost)
    assert len(outcomes) > 200
    assert sum(isinstance(one, httpx.ConnectError) for one in outcomes) == 6, "all met the end, as a refusal"
    assert b"".join(got).startswith(b"HTTP/1.1 200"), "a request that was under way is answered"
    assert 503 in readiness, "it said that it was about to stop, and still answered"
    assert "Traceback" not in log.read_text(encoding="utf-8")
