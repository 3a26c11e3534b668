"""The real server on a small published index, and Chromium beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from graph.file_lock import alone
from graph.ingest import ingest
from graph.local_supervisor import SUPERVISOR_LOCK
from graph.snapshot import EmbeddingTable, Snapshot
from graph.snapshot_read import read_snapshot
from graph.store import open_store
from tests.browser.planted import write_folder
from tests.browser.published import publish_ease
from tests.browser.visit import Visit, Watch

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",  # as root in a container Chromium's sandbox cannot start; it loads nothing but our page
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
]
STOP_SECONDS = 15
STORE_SECONDS = 60
PATIENCE_MS = 20_000


@pytest.fixture(scope="module")
def home(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with a store and a published index."""
    home = tmp_path_factory.mktemp("page-home")
    shutil.copytree(prepared, home, dirs_exist_ok=True)
    return home


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every module's home is a copy of; its store has stopped."""
    home = tmp_path_factory.mktemp("prepared-home")
    folder = tmp_path_factory.mktemp("page-data") / "films"
    write_folder(folder)
    store = open_store(f"local:{home / 'store'}")
    try:
        ingest(store, folder, platform="films", home=home)
        publish_ease(_with_vectors(read_snapshot(store)), home)
    finally:
        store.close()
    with alone(home / "store" / SUPERVISOR_LOCK):  # held for as long as the store's server runs
        return home


def _with_vectors(snapshot: Snapshot) -> Snapshot:
    """Vectors for words and pictures without an encoder's minutes: the page shows what is near, whatever made it so."""
    random = np.random.default_rng(7)
    present = np.ones(len(snapshot.items), bool)
    table = EmbeddingTable(random.normal(size=(len(present), 8)).astype(np.float32), present, "random", "1")
    return snapshot.with_embeddings({"text": table, "image": table})


@pytest.fixture(scope="module")
def page_url(home: Path) -> Iterator[str]:
    """Address of `python -m serving.run` on that home."""
    with served_at(home) as url:
        yield url


@contextmanager
def served_at(home: Path, *, key: str = "", **more: str) -> Iterator[str]:
    settings = {
        "INTERLACE_HOME": str(home),
        "INTERLACE_PORT": "0",
        "INTERLACE_MLFLOW": f"sqlite:///{home}/mlflow.db",
        **more,
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTERLACE_")} | settings
    command = [sys.executable, "-m", "serving.run"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, f"the server did not start: {line!r}"
        url = line.split()[-1] + "/"
        _wait_until_ready(url, key)
        yield url
        assert process.poll() is None, f"the server ended by itself, with {process.returncode}"
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        process.stdout.close()


def _wait_until_ready(url: str, key: str) -> None:
    """Until the index is open and the graph store reached, which may still be starting on a busy machine."""
    deadline = time.monotonic() + STORE_SECONDS
    headers = {"authorization": f"Bearer {key}"} if key else {}
    for path in ("v1/ready", "v1/graph/Item/films%3A0"):
        while httpx.get(url + path, timeout=STORE_SECONDS, headers=headers).status_code != HTTPStatus.OK:
            assert time.monotonic() < deadline, f"/{path} does not answer"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's or the system's Chromium. Its absence is a failure in CI, a skip elsewhere."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        message = f"no Chromium on the path ({', '.join(CHROMIUM)}): apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, page_url: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A fresh visit that must end without an error or a foreign request. `indirect` parameters: context options."""
    options = getattr(request, "param", {"viewport": {"width": 1280, "height": 900}})
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    watch = Watch()
    page.on("console", lambda message: watch.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: watch.errors.append(str(error)))
    page.on("request", lambda sent: None if sent.url.startswith(page_url) else watch.foreign.append(sent.url))
    yield Visit(page, page_url, watch)
    context.close()
    assert watch.errors == []
    assert watch.foreign == []
