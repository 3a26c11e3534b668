"""A home with the market published, and visitors of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from graph.consent import Defaults
from graph.snapshot import Snapshot
from serving.foldin import viewer
from serving.index import ModelInfo
from serving.live import Live
from serving.live_holder import open_live
from serving.publish import publish
from serving.scenarios.columns import Columns, ColumnsHolder
from serving.scenarios.visitor import Visitor
from tests.serving.scenarios.market import NOW, market
from training.train import everything
from training.zoo import find

Visit = Callable[[str], Visitor]


@pytest.fixture(scope="package")
def shelves_snapshot() -> Snapshot:
    return market()


@pytest.fixture(scope="package")
def market_home(shelves_snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    model = find("ease").build().fit(everything(shelves_snapshot, None))
    publish(shelves_snapshot, model, home=folder, model=ModelInfo("ease", "1"), k_anonymity=1)
    return folder


@pytest.fixture(scope="package")
def market_live(market_home: Path) -> Live:
    return open_live(market_home, Defaults())


@pytest.fixture(scope="package")
def columns(market_live: Live) -> Columns:
    return ColumnsHolder().get(market_live)


@pytest.fixture
def visit(market_live: Live, columns: Columns) -> Visit:
    """A visitor by id, the same for the same id."""
    return cache(lambda user: Visitor(market_live, columns, viewer(market_live, user), NOW.timestamp()))
