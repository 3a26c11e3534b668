"""MovieLens 100K published: real items, to which a made-up running time is given (the data has none)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from graph.consent import Defaults
from graph.snapshot import Snapshot
from graph.snapshot_read import read_folder
from serving.foldin import nobody, viewer
from serving.index import ModelInfo
from serving.live import Live
from serving.live_holder import open_live
from serving.playlists.transitions import Transitions
from serving.publish import publish
from serving.scenarios.columns import Columns, ColumnsHolder
from serving.scenarios.visitor import Visitor
from training.train import everything
from training.zoo import find

Visit = Callable[[str | None], Visitor]


@pytest.fixture(scope="package")
def films(data_root: Path) -> Snapshot:
    """A tenth of the films tell no running time."""
    snapshot = read_folder(data_root / "ml-100k").snapshot
    rng = np.random.default_rng(5)
    times = [int(one) if rng.random() < 0.9 else None for one in rng.integers(60, 200, len(snapshot.items))]
    table = snapshot.item_properties.append_column("runtime", pa.array(times, pa.int64()))
    return replace(snapshot, item_properties=table)


@pytest.fixture(scope="package")
def films_home(films: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    model = find("ease").build().fit(everything(films, None))
    publish(films, model, home=folder, model=ModelInfo("ease", "1"))
    return folder


@pytest.fixture(scope="package")
def films_live(films_home: Path) -> Live:
    return open_live(films_home, Defaults())


@pytest.fixture(scope="package")
def columns(films_live: Live) -> Columns:
    return ColumnsHolder().get(films_live)


@pytest.fixture(scope="package")
def transitions(films_live: Live) -> Transitions:
    return films_live.index.transitions


@pytest.fixture
def visit(films_live: Live, columns: Columns) -> Visit:
    """A user by id, or nobody."""

    def made(user: str | None) -> Visitor:
        return Visitor(films_live, columns, nobody() if user is None else viewer(films_live, user), 0.0)

    return cache(made)
