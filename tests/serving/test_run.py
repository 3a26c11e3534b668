"""The server as a process: where it binds, how it starts, shares and stops."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from graph.errors import Conflict, InvalidData, NotFound, Unsupported
from serving.access.start import refuse_strangers
from serving.run import bind, serve
from serving.settings import Settings
from tests.conftest import ROOT


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_may_be_bound_to(host: str, home: Path) -> None:
    refuse_strangers(Settings(home=home, host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_others_may_not_reach_a_server_without_keys(host: str, home: Path) -> None:
    with pytest.raises(Unsupported, match="no API key yet"):
        serve(Settings(home=home, host=host))


def test_a_port_in_use_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port} of 127.0.0.1 is in use"):
            serve(Settings(home=home, port=port))


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(InvalidData, match=r"192\.0\.2\.1"):
        bind("192.0.2.1", 0)


def test_nothing_published_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="interlace demo"):
        serve(Settings(home=tmp_path))


@contextmanager
def running(home: Path, workers: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    environment = {
        **os.environ,
        "INTERLACE_HOME": str(home),
        "INTERLACE_PORT": "0",
        "INTERLACE_WORKERS": str(workers),
        "INTERLACE_STORE": f"local:{home / 'no-store'}",
    }
    command = [sys.executable, "-m", "serving.run"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1], process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.integration
@pytest.mark.parametrize("workers", [1, 2])
def test_the_server_answers_and_stops_when_told(home: Path, workers: int) -> None:
    with running(home, workers) as (address, process):
        with httpx.Client(base_url=address, transport=httpx.HTTPTransport(retries=5), timeout=60) as session:
            answer = session.get("/v1/users/p:u01/recommendations?n=2")
            assert [entry["rank"] for entry in answer.json()["items"]] == [1, 2]
            assert "server" not in answer.headers
            assert session.get("/v1/users/p%3Anobody%2F%0A").json()["detail"] == "no user 'p:nobody/\\n'"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGTERM)
        assert "Traceback" not in errors


@pytest.mark.integration
def test_the_request_path_imports_no_model_code() -> None:
    heavy = ["torch", "training", "encoders", "mlflow", "transformers", "open_clip", "scipy", "pandas"]
    code = f"import sys, serving.run; print([name for name in {heavy!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
