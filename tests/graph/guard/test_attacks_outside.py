"""Files, addresses and endless queries, against servers of their own that may be hurt; the guard refuses each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import neo4j
import pytest
from neo4j.exceptions import DriverError, Neo4jError

from graph.errors import Forbidden, InvalidData
from graph.guard.check import check
from graph.local_server import LocalOptions
from graph.local_store import LocalStore
from tests.graph.guard.attacks import denial, files
from tests.graph.guard.harm import CATALOGUE, PARAMETERS, POLICY, Victim, named, parameters_of
from tools import neo4j as neo4j_tool

PATIENCE = 2.0
LARGE = 5_000_000
ENDLESS = [*named(denial.NEO4J)]
PLANNED = [*named(denial.PLANNED)]
ALL = [*named(files.NEO4J, denial.NEO4J, denial.LOCAL, denial.PLANNED, denial.LARGE, denial.REFUSED)]


class Open(neo4j_tool.Neo4j):
    """A Neo4j that reads files, as its settings are where nobody thought of them."""

    def _write_settings(self) -> None:
        super()._write_settings()
        path = self.home / "conf" / "neo4j.conf"
        lines = path.read_text().replace("file_urls=false", "file_urls=true").splitlines()
        path.write_text("\n".join(line for line in lines if "cypher_ip_blocklist" not in line) + "\n")


class Web(BaseHTTPRequestHandler):
    """Answers every request with a line of CSV."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"marker-4711,x\n")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def open_neo4j(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    if missing := neo4j_tool.missing_tools():
        pytest.skip(f"no Neo4j: {' and '.join(missing)} not found")
    server = Open(tmp_path_factory.mktemp("open"), neo4j_tool.free_port(), heap_mb=768)
    pid = server.start()
    with neo4j.GraphDatabase.driver(
        server.uri, auth=("neo4j", server.password), notifications_min_severity="OFF"
    ) as driver:
        victim = Victim(driver, "neo4j")
        victim.plant()
        yield victim
    neo4j_tool.stop(pid, discard=True)


@pytest.fixture(scope="module")
def short_local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A local store that ends a query after some seconds by itself."""
    home = tmp_path_factory.mktemp("short") / "store"
    store = LocalStore.open(home, options=LocalOptions(timeout_ms=5_000))
    victim = Victim(store._driver, store.database)
    victim.plant()
    yield victim
    store.close()


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a file that has nothing to do with the database."""
    path = tmp_path_factory.mktemp("private") / "secret.csv"
    path.write_text("marker-4711,x\nmarker-4711,y\n")
    return path.as_uri()


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.neo4j
@pytest.mark.parametrize(("name", "text"), [*named(files.NEO4J)], ids=list(files.NEO4J))
def test_neo4j_reads_files_and_addresses(open_neo4j: Victim, web: str, file: str, name: str, text: str) -> None:
    with open_neo4j.driver.session(database="neo4j", default_access_mode="READ") as session:
        result = session.run(text.replace("FILE", file).replace("WEB", web), {"url": file})
        found = repr([record.values() for record in result])
        assert result.consume().query_type == "r"  # READ mode and the statement type both let it through.
    assert "marker-4711" in found or found in {"[['u1'], ['u2']]", "[[2]]"}, f"{name} did no harm: {found}"


def _is_endless(victim: Victim, text: str) -> bool:
    """Whether it still runs after `PATIENCE`; the store ends it, or is ended with the module."""
    ended = threading.Event()

    def run() -> None:
        with victim.driver.session(database=victim.database) as session:
            try:
                with session.begin_transaction(timeout=PATIENCE + 1) as transaction:
                    list(transaction.run(text, PARAMETERS))
                ended.set()
            except Neo4jError as error:
                if "Terminated" not in str(error.code) and "Time" not in str(error.code):
                    ended.set()
            except DriverError:
                return  # The server was ended while it still worked.

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not ended.is_set()


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.neo4j
@pytest.mark.parametrize(("name", "text"), ENDLESS, ids=[name for name, _ in ENDLESS])
def test_neo4j_does_not_end_it_soon(open_neo4j: Victim, name: str, text: str) -> None:
    assert _is_endless(open_neo4j, text), f"{name} did no harm"


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize(("name", "text"), [*named(denial.LOCAL)], ids=list(denial.LOCAL))
def test_the_local_store_does_not_end_it_soon(short_local: Victim, name: str, text: str) -> None:
    assert _is_endless(short_local, text), f"{name} did no harm"


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.neo4j
@pytest.mark.parametrize(("name", "text"), [*named(denial.LARGE)], ids=list(denial.LARGE))
def test_neo4j_builds_millions_from_a_line(open_neo4j: Victim, name: str, text: str) -> None:
    ((size,),) = open_neo4j.run(text)
    assert size > LARGE, f"{name} did no harm"


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.neo4j
@pytest.mark.parametrize(("name", "text"), PLANNED, ids=[name for name, _ in PLANNED])
def test_neo4j_does_not_plan_it_soon(open_neo4j: Victim, name: str, text: str) -> None:
    assert _is_endless(open_neo4j, f"EXPLAIN {text}"), f"{name} did no harm"


@pytest.mark.parametrize(("name", "text"), ALL, ids=[name for name, _ in ALL])
def test_the_guard_refuses_it(name: str, text: str) -> None:
    with pytest.raises((Forbidden, InvalidData)):
        check(text, parameters_of(text), policy=POLICY, catalogue=CATALOGUE)
