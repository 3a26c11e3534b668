"""Fixtures that every package's tests share: real data, and fresh empty stores on shared servers."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path

import pytest

from graph.local_server import Lease
from graph.local_store import LocalStore
from graph.neo4j_store import Neo4jStore
from graph.store import GraphStore
from tools import neo4j as neo4j_tool
from training.tracking import open_tracker

ROOT = Path(__file__).parents[1]
LONGEST = (
    "integration/test_refresh_kill.py",
    "integration/test_main_job.py",
    "browser/test_axe.py",
    "serving/erasure/test_erasure.py",
    "browser/test_live_page.py",
    "serving/test_refresh.py",
    "graph/export/test_round_trip.py",
    "browser/test_playlists.py",
    "browser/test_page.py",
    "congruence/test_congruence.py",
    "browser/test_refresh_page.py",
    "graph/test_ingest.py",
    "graph/guard/test_attacks_outside.py",
    "encoders/test_zeroshot.py",
    "serving/test_write_back.py",
    "browser/test_home.py",
    "browser/test_query.py",
    "congruence/test_cypher_reads.py",
    "browser/test_scenarios.py",
    "graph/test_snapshot_read.py",
)
"""Files of more than a minute, the longest first."""

QUICK_JAVA = "-XX:TieredStopAtLevel=1"
"""Stores live for moments here: without its second compiler a local store starts for 3.6 s of a processor, not 5."""


def pytest_configure() -> None:
    """What every process that the tests start inherits."""
    os.environ.setdefault("JDK_JAVA_OPTIONS", QUICK_JAVA)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing that is imported or collected is garbage: not looked for meanwhile (a seventh of the time), nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: one that is begun last would keep all but one of the processes waiting for its end."""
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the shared real data sets: INTERLACE_TEST_DATA, else ../shared/data beside the checkout."""
    folder = Path(os.environ.get("INTERLACE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set INTERLACE_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def fresh_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database: making its tables takes seconds, so each home copies this one."""
    folder = tmp_path_factory.mktemp("mlflow")
    open_tracker(f"sqlite:///{folder}/mlflow.db")
    return folder / "mlflow.db"


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


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str | None]]:
    """Address and password of a Neo4j whose data the tests may delete.

    INTERLACE_TEST_NEO4J (and INTERLACE_TEST_NEO4J_PASSWORD), else one that is started for this session.
    """
    if given := os.environ.get("INTERLACE_TEST_NEO4J"):
        yield given, os.environ.get("INTERLACE_TEST_NEO4J_PASSWORD")
        return
    if missing := neo4j_tool.missing_tools():
        reason = f"no Neo4j: {' and '.join(missing)} not found (install Java 17 and Maven, or set INTERLACE_TEST_NEO4J)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    server = neo4j_tool.Neo4j(tmp_path_factory.mktemp("neo4j"), neo4j_tool.free_port(), heap_mb=512)
    pid = server.start()
    yield server.uri, server.password
    neo4j_tool.stop(pid, discard=True)


@pytest.fixture
def neo4j_store(neo4j_server: tuple[str, str | None]) -> Iterator[Neo4jStore]:
    """The session's Neo4j, emptied."""
    url, password = neo4j_server
    store = Neo4jStore.open(url, password=password)
    empty(store)
    yield store
    store.close()


def empty(store: Neo4jStore) -> None:
    """Deletes all nodes, vector indexes and constraints: a label with a constraint is one that the graph has."""
    while store.query("MATCH (n) WITH n LIMIT 5000 DETACH DELETE n RETURN count(n)").rows[0][0]:
        pass
    for (name,) in store.query("SHOW VECTOR INDEXES YIELD name"):
        store.query(f"DROP INDEX `{name}`")
    for (name,) in store.query("SHOW CONSTRAINTS YIELD name"):
        store.query(f"DROP CONSTRAINT `{name}`")


@pytest.fixture(params=["local", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def any_store(request: pytest.FixtureRequest) -> GraphStore:
    """Each store in turn, fresh and empty."""
    store: GraphStore = request.getfixturevalue(f"{request.param}_store")
    return store
