"""GET /v1/ready on a real server whose parts are broken one after the other: each is named, and none stops it."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from serving.encoder_client import ADDRESS, FOLDER
from serving.index import FOLDER as INDEX
from serving.index import current_version
from tests.integration.servers import Server, publish_version, running, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]  # a server for each part that breaks


@pytest.fixture
def home(tmp_path: Path) -> Path:
    publish_version(tmp_path, "v1")
    return tmp_path


def ready(server: Server) -> dict[str, object]:
    answer = httpx.get(f"{server.url}/v1/ready", timeout=10)
    assert answer.status_code == 200
    return answer.json()


def parts(server: Server) -> set[str]:
    return {one["part"] for one in ready(server)["degraded"]}


@contextmanager
def silent_store() -> Iterator[str]:
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    held.append(listener.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=take)
        thread.start()
        yield f"bolt://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in held:
            one.close()


def test_a_store_that_is_down_is_named_and_reasons_say_so(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(home, store=f"bolt://127.0.0.1:{port}") as server:
        path = f"{server.url}/v1/users/p%3Au01/recommendations?explain=true"
        answer = httpx.get(path, timeout=30)
        assert (answer.status_code, answer.headers["x-interlace-reasons"]) == (200, "unavailable")
        assert answer.json()["reasons"]["detail"]
        body = ready(server)
        assert (body["store"], body["breaker"]) == ("failed", "open")
        assert [one["part"] for one in body["degraded"]] == ["store"]
        metrics = httpx.get(f"{server.url}/metrics").text
        assert 'interlace_degraded_answers_total{part="store"} 1.0' in metrics


def test_a_store_that_never_answers_is_left_alone(home: Path) -> None:
    with silent_store() as url, running(home, store=url, store_slow_seconds=0.3, breaker_failures=1) as server:
        path = f"{server.url}/v1/users/p%3Au01/recommendations?explain=true"
        answer = httpx.get(path, timeout=30, headers={"X-Request-Timeout": "20"})
        assert (answer.status_code, answer.headers["x-interlace-reasons"]) == (200, "unavailable")
        wait_until(lambda: httpx.get(path, timeout=30).elapsed.total_seconds() < 1)
        assert httpx.get(path).headers["x-interlace-reasons"] == "unavailable"


def test_encoders_that_are_down_are_named_until_they_answer_again(home: Path) -> None:
    (home / "run").mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        # Something listens at the encoders' address that is none: a process that hangs.
        address = {"port": deaf.getsockname()[1], "key": "00" * 32, "process": 0}
        with running(home) as server:
            wait_until((home / FOLDER / ADDRESS).exists)
            process = orjson.loads((home / FOLDER / ADDRESS).read_bytes())["process"]
            os.kill(process, signal.SIGSTOP)
            try:
                answer = httpx.post(f"{server.url}/v1/search", json={"text": "a film"}, timeout=60)
                assert answer.status_code == 503
                assert parts(server) == {"encoders"}
                assert httpx.get(f"{server.url}/v1/users/p%3Au01/recommendations").status_code == 200
            finally:
                os.kill(process, signal.SIGCONT)
            wait_until(lambda: not parts(server))
            os.kill(process, signal.SIGKILL)
    assert address


def test_changes_that_the_graph_lacks_are_named(home: Path) -> None:
    with running(home) as server:
        item = {"title": "New", "kind": "movie", "text": ""}
        answer = httpx.put(f"{server.url}/v1/items/p%3Anew", json=item, timeout=60)
        assert answer.status_code == 200, answer.text
        wait_until(lambda: "graph" in parts(server))
        detail = next(one["detail"] for one in ready(server)["degraded"] if one["part"] == "graph")
        assert detail.startswith("1 changes are not in the graph yet: ")
        wait_until(lambda: "interlace_overlay_waiting 1.0" in httpx.get(f"{server.url}/metrics").text)
        assert 'interlace_live_changes{change="new"} 1.0' in httpx.get(f"{server.url}/metrics").text


def test_a_newer_index_that_is_damaged_is_named_and_the_old_one_serves(home: Path) -> None:
    with running(home) as server:
        old = current_version(home)
        publish_version(home, "v2")
        wait_until(lambda: ready(server)["model"]["version"] == "v2")
        publish_version(home, "v3")
        next((home / INDEX / current_version(home)).glob("popular.npy")).unlink()
        pointer = home / INDEX / "current"
        pointer.write_text(pointer.read_text())
        wait_until(lambda: "index" in parts(server))
        assert ready(server)["model"]["version"] in ("v2", "v3")
        assert httpx.get(f"{server.url}/v1/users/p%3Au01/recommendations").status_code == 200
        assert old != current_version(home)


def test_without_an_index_it_is_not_ready(tmp_path: Path) -> None:
    publish_version(tmp_path, "v1")
    with running(tmp_path) as server:
        assert ready(server)["degraded"] == []
