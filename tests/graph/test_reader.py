"""Readers: what outlives its time-out is ended in the store too, and a local server that dies comes back by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest

from graph.errors import Forbidden, InterlaceError, InvalidData, StoreUnavailable, TimedOut
from graph.guard.policy import Checked
from graph.local_reader import LocalReader
from graph.local_server import LocalOptions
from graph.local_store import LocalStore
from graph.neo4j_reader import Passed
from graph.reader import EndedError, Reader, ReadLimits, Ticket, open_reader
from graph.reader_errors import said
from graph.reader_watch import Lane, Reason, Running, Watchdog
from graph.result_columns import returned_columns
from graph.store import GraphStore

ENDLESS = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b WITH a, b WHERE a * b % 7 = 3 RETURN count(*) AS n"
SHORT = ReadLimits(timeout=1.0, rows=100)
NOBODY: Any = object()
"""A driver that nothing is sent through."""
LONG = ReadLimits(timeout=60.0, rows=100)


@pytest.fixture
def reader(any_store: GraphStore) -> Iterator[Reader]:
    reader = open_reader(any_store)
    yield reader
    reader.close()


def rows(reader: Reader, text: str, limits: ReadLimits = LONG) -> list[list[object]]:
    """Past the guard, as whoever found a hole in it."""
    with reader.read(Checked(text, {}), limits) as found:
        return [list(row) for row in found]


def gone(reader: Reader, store: GraphStore) -> bool:
    """Whether no endless query runs in the store any more."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if isinstance(store, LocalStore):
            running = store.http._send("POST", "/server", {"command": "list queries"})["result"]
            left = [query for query in running if query["text"].startswith("UNWIND range")]
        else:
            left = store.query(
                "SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery STARTS WITH 'UNWIND' RETURN 1"
            ).rows
        if not left:
            return True
        time.sleep(0.2)
    return False


@pytest.mark.integration
def test_a_query_that_is_over_time_ends_in_the_store_too(reader: Reader, any_store: GraphStore) -> None:
    with pytest.raises(TimedOut, match="1 s"):
        rows(reader, ENDLESS, SHORT)
    assert gone(reader, any_store)
    assert rows(reader, "RETURN 1 AS x") == [[1]]


@pytest.mark.integration
def test_a_ticket_ends_a_query(reader: Reader, any_store: GraphStore) -> None:
    ticket = Ticket()
    threading.Timer(1.0, ticket.end).start()
    with pytest.raises(EndedError), reader.read(Checked(ENDLESS, {}), LONG, ticket) as found:
        list(found)
    assert gone(reader, any_store)


WRITES = (
    "MATCH (n:Kept) SET n.id = 'changed' RETURN n",
    "MATCH (n:Kept) DETACH DELETE n",
    "CREATE (:Kept {id: 'more'})",
    "CREATE (:Unheard {id: 'more'})",
    "MATCH (n:Kept) CALL (n) { CREATE (:Kept {id: 'inside'}) } RETURN n",
    "FOREACH (x IN [1] | CREATE (:Kept {id: 'each'}))",
    "CREATE INDEX strange FOR (n:Kept) ON (n.other)",
    "LOAD CSV FROM 'file:///etc/hostname' AS line RETURN line",
    "LOAD CSV FROM 'http://127.0.0.1:1/x.csv' AS line RETURN line",
)
ROLLED_BACK = WRITES[0]
"""ArcadeDB looks at rights to update when a transaction commits, which a reader's never does."""


@pytest.mark.integration
def test_what_the_guard_misses_has_no_effect(reader: Reader, any_store: GraphStore) -> None:
    any_store.query("CREATE (:Kept {id: 'k'})")
    for text in WRITES:
        with suppress(Forbidden):
            rows(reader, text)
            assert text == ROLLED_BACK, text
            assert isinstance(reader, LocalReader)
    assert any_store.query("MATCH (n:Kept) RETURN n.id").rows == [("k",)]
    assert any_store.query("MATCH (n:Unheard) RETURN count(n)").rows == [(0,)]


@pytest.mark.integration
def test_rows_beyond_the_limit_are_never_fetched(reader: Reader) -> None:
    began = time.monotonic()
    with reader.read(Checked("UNWIND range(1, 5000000) AS x RETURN x", {}), ReadLimits(60.0, 10)) as found:
        assert len(list(found)) == 10
    assert found.truncated
    assert time.monotonic() - began < 20
    assert rows(reader, "RETURN 1 AS x") == [[1]]


@pytest.mark.integration
def test_a_row_that_is_too_large_is_not_taken_into_memory(local_store: LocalStore) -> None:
    reader = LocalReader(local_store)
    before = psutil.Process().memory_info().rss
    with pytest.raises(InvalidData, match="64 MB"):
        rows(reader, f"UNWIND range(1, 500000) AS x RETURN collect('{'text' * 100}') AS l")
    assert psutil.Process().memory_info().rss - before < 500 << 20
    assert rows(reader, "RETURN 1 AS x") == [[1]]
    reader.close()


@pytest.mark.integration
@pytest.mark.parametrize("last_resort", [False, True])
def test_a_local_server_that_dies_comes_back(local_store: LocalStore, *, last_resort: bool) -> None:
    local_store.query("CREATE (:Kept {id: 'k'})")
    reader = LocalReader(local_store)
    kill: Callable[[], None] = psutil.Process(local_store._lease.endpoint.pid).kill
    threading.Timer(1.0, local_store.end_server if last_resort else kill).start()
    with pytest.raises(StoreUnavailable, match="ended while"):
        rows(reader, ENDLESS)
    assert rows(reader, "MATCH (n:Kept) RETURN n.id AS id") == [["k"]]
    reader.close()


@pytest.mark.integration
def test_a_query_that_wants_too_much_memory_ends_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("small") / "store"
    store = LocalStore.open(home, options=LocalOptions(heap_mb=256, memory_mb=600))
    reader = LocalReader(store)
    hungry = (
        "UNWIND range(1, 6000000) AS x WITH collect(toString(x) + 'some more text to keep') AS l RETURN size(l) AS n"
    )
    with pytest.raises(InterlaceError):
        rows(reader, hungry)
    assert rows(reader, "RETURN 1 AS x") == [[1]]
    reader.close()
    store.close()


def test_the_watchdog_takes_its_steps_until_a_query_is_over() -> None:
    taken: list[str] = []
    over = threading.Event()

    def first(run: Running) -> None:
        taken.append("ask")

    def second(run: Running) -> None:
        taken.append("cut")
        over.set()

    dog = Watchdog([(0.0, first), (0.05, second)])
    run = Running(Lane(NOBODY, 0), "text", time.monotonic())
    dog.watch(run)
    assert over.wait(5)
    assert taken == ["ask", "cut"]
    assert run.reason is Reason.TIMEOUT
    dog.close()


def test_the_watchdog_forgets_what_ended_in_time() -> None:
    taken: list[Running] = []
    dog = Watchdog([(0.0, taken.append)])
    run = Running(Lane(NOBODY, 0), "text", time.monotonic() + 0.1)
    dog.watch(run)
    dog.forget(run)
    time.sleep(0.3)
    assert taken == []
    assert run.finish()
    dog.close()


def test_a_ticket_that_was_ended_before_ends_at_once() -> None:
    called: list[int] = []
    ticket = Ticket()
    ticket.end()
    ticket.on_end(lambda: called.append(1))
    assert called == [1]


def test_texts_that_passed_are_kept_within_bounds() -> None:
    passed = Passed(most=2)
    for text in ("a", "b", "a", "c"):
        if not passed.get(text):
            passed.put(text)
    assert [passed.get(text) for text in ("a", "b", "c")] == [True, False, True]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("MATCH (n) RETURN n.id, n AS `a b`, count(*) ORDER BY n.id LIMIT 3", ("n.id", "a b", "count(*)")),
        ("MATCH (n) RETURN DISTINCT n.a + [x IN n.l WHERE x > 1 | x, 2][0] AS v SKIP 1", ("v",)),
        ("RETURN 1 AS a UNION MATCH (n) RETURN n.b AS a", ("a",)),
        ("MATCH (n) CALL (n) { RETURN n.x AS inner } RETURN inner;", ("inner",)),
        ("MATCH (n) WHERE n.return = 'RETURN x AS y' RETURN n.limit AS limit, n {.*}", ("limit", "n {.*}")),
        ("MATCH p = (n)-[r {x: 1}]->(:A) WHERE exists { (n)--(m) } UNWIND [1] AS u RETURN *", ("n", "p", "r", "u")),
        (
            "MATCH (n)-->(m) WITH n AS b, 1 AS a CALL (b) { MATCH (b)--(c) RETURN c } RETURN *, 2 AS z",
            ("a", "b", "c", "z"),
        ),
        ("MATCH (n) WITH *, 1 AS a RETURN * ORDER BY a", ("a", "n")),
        ("MATCH (n) /* RETURN a */ RETURN exists { (n)--() } AS e // RETURN b", ("e",)),
    ],
)
def test_columns_of_a_query(text: str, columns: tuple[str, ...]) -> None:
    assert returned_columns(text) == columns


def test_messages_mean_the_same_from_both_stores() -> None:
    pairs = [
        ("UndefinedVariable: Variable 'm' not defined", "Variable `m` not defined (line 1, column 18 (offset: 17))"),
        ("UnknownFunction: Unknown function 'foo'", "Unknown function 'foo' (line 1, column 8 (offset: 7))"),
        (
            "Unexpected input 'RETRN' at line 1, column 10\n  MATCH (n) RETRN n",
            "Invalid input 'RETRN': expected … (line 1, column 11 (offset: 10))",
        ),
    ]
    for ours, theirs in pairs:
        assert said(ours, "MATCH (n) RETRN n") == said(theirs, "MATCH (n) RETRN n")
    assert "arcadedb" not in said(
        "exceeding the maximum of 10 allowed by the setting `arcadedb.queryMaxRangeSize`: no", ""
    )


def test_a_store_without_a_reader_is_named() -> None:
    with pytest.raises(InterlaceError, match="no reader"):
        open_reader(object())  # type: ignore[arg-type]
    assert issubclass(InvalidData, InterlaceError)
