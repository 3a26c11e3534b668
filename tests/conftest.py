"""Fixtures that every package's tests share: real data, and fresh empty stores on shared servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from graph.local_server import Lease
from graph.local_store import LocalStore
from graph.store import GraphStore

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the shared real data sets: INTERLACE_TEST_DATA, else ../shared/data beside the checkout."""
    folder = Path(os.environ.get("INTERLACE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set INTERLACE_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def local_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of a local store whose server runs for the whole session."""
    home = tmp_path_factory.mktemp("local-store") / "store"
    lease = Lease.take(home)
    yield home
    lease.release()


@pytest.fixture(scope="session")
def database_names() -> Iterator[str]:
    """Names of databases that nobody used before."""
    return (f"test{number}" for number in count())


@pytest.fixture
def local_store(local_home: Path, database_names: Iterator[str]) -> Iterator[LocalStore]:
    """A fresh, empty database of the session's local server."""
    store = LocalStore.open(local_home, database=next(database_names))
    yield store
    store.drop()
    store.close()


@pytest.fixture
def neo4j_store() -> GraphStore:
    pytest.skip("the launcher is not here yet")


@pytest.fixture(params=["local", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def any_store(request: pytest.FixtureRequest) -> GraphStore:
    """Each store in turn, fresh and empty."""
    store: GraphStore = request.getfixturevalue(f"{request.param}_store")
    return store
