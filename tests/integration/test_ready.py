"""GET /v1/ready on a real server whose parts are broken one after the other: each is named, and none stops it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from contextlib import closing
from pathlib import Path

import httpx
import orjson
import pytest

from serving.encoder_client import ADDRESS, FOLDER
from serving.index import FOLDER as INDEX
from serving.index import current_version
from serving.overlay import Overlay
from tests.integration.servers import Server, publish_version, running, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]  # an encoder process that hangs is given six seconds


def parts(server: Server) -> set[str]:
    answer = httpx.get(f"{server.url}/v1/ready", timeout=30)
    assert answer.status_code == 200
    return {one["part"] for one in answer.json()["degraded"]}


def metric(server: Server, name: str) -> float:
    lines = httpx.get(f"{server.url}/metrics", timeout=30).text.splitlines()
    return float(next(line for line in lines if line.startswith(f"interlace_{name} ")).split()[1])


def recommends(server: Server) -> httpx.Response:
    answer = httpx.get(f"{server.url}/v1/users/p%3Au01/recommendations?explain=true", timeout=30)
    assert (answer.status_code, len(answer.json()["items"])) == (200, 10)
    return answer


def publish_damaged(home: Path, other: Path) -> None:
    """A version of the index that lacks a file is the current one."""
    publish_version(other, "v2")
    version = current_version(other)
    shutil.copytree(other / INDEX / version, home / INDEX / version)
    (home / INDEX / version / "popular.npy").unlink()
    (home / INDEX / ".next").write_text(version)
    (home / INDEX / ".next").replace(home / INDEX / "current")


def test_each_part_that_breaks_is_named_and_the_answers_go_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    publish_version(home, "v1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = f"bolt://127.0.0.1:{port}"
    with running(home, store=store, breaker_failures=1, log=tmp_path / "log", log_format="json") as server:
        answer = recommends(server)
        assert answer.headers["x-interlace-reasons"] == "unavailable"
        assert answer.json()["reasons"]["detail"]
        wait_until(lambda: parts(server) == {"store"})
        with closing(Overlay(home)) as overlay:
            overlay.put("p:new", {"title": "New", "kind": "movie", "properties": {}}, {})
        wait_until(lambda: parts(server) == {"store", "graph"})
        publish_damaged(home, tmp_path / "other")
        wait_until(lambda: parts(server) == {"store", "graph", "index"})
        encoders = _encoder(home)
        os.kill(encoders, signal.SIGSTOP)
        hung = {"X-Request-Timeout": "6"}
        assert httpx.post(f"{server.url}/v1/search", json={"text": "x"}, headers=hung, timeout=60).status_code == 504
        wait_until(lambda: parts(server) == {"store", "graph", "index", "encoders"})
        wait_until(lambda: metric(server, "encoders_up") == 0)
        recommends(server)
        found = {name: metric(server, name) for name in ("store_up", "index_damaged", "overlay_waiting", "workers")}
        assert found == {"store_up": 0, "index_damaged": 1, "overlay_waiting": 1, "workers": 1}
        os.kill(encoders, signal.SIGCONT)
        wait_until(lambda: parts(server) == {"store", "graph", "index"})
        os.kill(encoders, signal.SIGTERM)
    for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines():
        assert orjson.loads(line)["time"], "every line is JSON"


def _encoder(home: Path) -> int:
    wait_until((home / FOLDER / ADDRESS).exists)
    return int(orjson.loads((home / FOLDER / ADDRESS).read_bytes())["process"])
