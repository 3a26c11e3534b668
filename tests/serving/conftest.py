"""Fixtures of the serving tests: a published index of the sample snapshot and an application on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from graph.snapshot import Snapshot
from serving.app import create_app
from serving.events import EventLog
from serving.index import Index, ModelInfo, open_index
from serving.middleware import Wrapped
from serving.publish import publish
from serving.settings import Settings
from tests.serving.samples import sample_snapshot
from training.data import TrainingData
from training.recommender import Recommender
from training.train import everything
from training.zoo import find

Get = Callable[..., httpx.Response]
INFO = ModelInfo("ease", "7", {"ndcg@10": 0.25}, "run7")


@pytest.fixture(scope="session")
def snapshot() -> Snapshot:
    return sample_snapshot()


@pytest.fixture(scope="session")
def training(snapshot: Snapshot) -> TrainingData:
    return everything(snapshot, None)


@pytest.fixture(scope="session")
def ease(training: TrainingData) -> Recommender:
    return find("ease").build().fit(training)


@pytest.fixture(scope="session")
def home(snapshot: Snapshot, ease: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with one published index. Read only: tests that publish use their own."""
    folder = tmp_path_factory.mktemp("home")
    publish(snapshot, ease, home=folder, model=INFO, k_anonymity=1)  # thirty users: no five of them like the same two
    (folder / "media" / "ab").mkdir(parents=True)
    (folder / "media" / "ab" / "abcdef012345.jpg").write_bytes(b"\xff\xd8jpeg")
    (folder / "secret.txt").write_text("secret")
    return folder


@pytest.fixture(scope="session")
def index(home: Path) -> Index:
    return open_index(home, verify=True)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """An event log of its own, in `tmp_path`."""
    log = EventLog(tmp_path)
    yield log
    log.close()


@pytest.fixture(scope="session")
def app(home: Path) -> Iterator[Wrapped]:
    app = create_app(Settings(home=home, store="local:" + str(home / "no-store")))
    yield app
    app.api.state.service.gateway.close()


@pytest.fixture(scope="session")
def get(app: Wrapped) -> Get:
    return client(app)


def client(app: Wrapped) -> Get:
    """A function that sends one request, path as given, without a network."""

    def send(path: str, method: str = "GET", **options: object) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
                return await session.request(method, path, **options)

        return asyncio.run(one())

    return send
