"""Spans: request, stage, query, question to the encoders; none, and nothing imported, where they are not wanted."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Listener
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from graph.errors import StoreUnavailable
from graph.store import Table
from graph.whole_files import write_json
from serving.app import create_app
from serving.encoder_client import EncoderClient
from serving.encoder_frames import PARENT, Frame
from serving.encoder_server import Server
from serving.gateway import Gateway
from serving.middleware import Wrapped
from serving.observe.record import Record, current
from serving.observe.traced_store import TracedStore
from serving.observe.tracing import Tracing, tracing_to
from serving.service import make_service
from serving.settings import Settings, read_settings
from tests.conftest import ROOT
from tests.serving.conftest import client

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"


class Store:
    """Answers every query with nothing."""

    def query(self, query: str, parameters: object = None) -> Table:  # noqa: ARG002  the contract
        if "fail" in query:
            raise StoreUnavailable("gone")
        return Table((), [])

    def close(self) -> None: ...


@pytest.fixture
def spans() -> Iterator[tuple[Tracing, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()
    tracing = tracing_to(exporter)
    yield tracing, exporter
    tracing.close()


def traced(home: Path, tracing: Tracing) -> Wrapped:
    settings = Settings(home=home)
    service = make_service(settings, gateway=Gateway(Store))
    return create_app(settings, replace(service, observer=replace(service.observer, tracing=tracing)))


def tree(exporter: InMemorySpanExporter) -> dict[str, str]:
    """Name of each span -> name of its parent, '' for the caller's."""
    found: tuple[ReadableSpan, ...] = exporter.get_finished_spans()
    names = {one.context.span_id: one.name for one in found if one.context}
    return {one.name: names.get(one.parent.span_id, "") if one.parent else "none" for one in found}


def test_a_request_is_a_tree_of_spans_within_its_callers(home: Path, spans) -> None:
    tracing, exporter = spans
    app = traced(home, tracing)
    path = "/v1/users/p%3Au01/recommendations?n=2&explain=true"
    assert client(app)(path, headers={"traceparent": CALLER, "x-request-id": "r1"}).status_code == 200
    route = "GET /v1/users/{id}/recommendations"
    assert tree(exporter) == {
        route: "",
        "candidates": route,
        "reasons": route,
        "store": "reasons",
        "store user_likes": "store",
        "store items_friends": "store",
        "render": route,
    }
    assert {f"{one.context.trace_id:032x}" for one in exporter.get_finished_spans()} == {TRACE}
    root = next(one for one in exporter.get_finished_spans() if one.name == route)
    assert root.attributes["http.response.status_code"] == 200
    assert root.attributes["interlace.request.id"] == "r1"
    assert "p:u01" not in str([one.to_json() for one in exporter.get_finished_spans()])
    app.api.state.service.gateway.close()


def test_each_request_has_a_trace_of_its_own_and_errors_are_marked(home: Path, spans) -> None:
    tracing, exporter = spans
    get = client(traced(home, tracing))
    get("/v1/items")
    get("/v1/users/p%3Anobody")
    get("/v1/graph/Item/x")
    found = [one for one in exporter.get_finished_spans() if one.name.startswith("GET ")]
    assert len({one.context.trace_id for one in found}) == 3


def test_other_cypher_is_a_span_without_its_text(home: Path, spans) -> None:
    tracing, exporter = spans
    record_parent = tracing.begin({"traceparent": CALLER})
    store = TracedStore(Store(), record_parent)  # type: ignore[arg-type]
    store.query("MATCH (u:User {id: 'p:u01'}) RETURN u")
    with pytest.raises(StoreUnavailable):
        store.query("fail")
    assert [one.name for one in exporter.get_finished_spans()] == ["store cypher", "store cypher"]
    assert [one.status.is_ok for one in exporter.get_finished_spans()] == [True, False]
    assert "p:u01" not in str([one.to_json() for one in exporter.get_finished_spans()])


class Work:
    """The encoders' work, which answers with what it was asked."""

    def answer(self, question: Frame) -> Frame:
        return Frame({"got": question.head[PARENT]})


def test_the_encoder_process_goes_on_with_the_trace(home: Path, tmp_path: Path, spans) -> None:
    tracing, exporter = spans
    key = b"k" * 32
    listener = Listener(("127.0.0.1", 0), family="AF_INET")
    server = Server(Work(), listener, key, idle_seconds=1.0, tracing=tracing)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run)
    thread.start()
    (tmp_path / "run").mkdir()
    write_json(tmp_path / "run" / "encoder.json", {"port": listener.address[1], "key": key.hex(), "process": 0})
    encoders = EncoderClient(tmp_path)

    async def request() -> Frame:
        current.set(Record("r", time.perf_counter(), trace=tracing.begin({"traceparent": CALLER})))
        return await encoders.ask(Frame({"ask": "vectors"}))

    answer = asyncio.run(request())
    encoders.close()
    thread.join(10)
    listener.close()
    assert TRACE in answer.head["got"]
    assert tree(exporter)["encode vectors"] == "encoder"
    assert {f"{one.context.trace_id:032x}" for one in exporter.get_finished_spans()} == {TRACE}


def test_off_nothing_of_it_is_imported() -> None:
    heavy = ["opentelemetry.sdk", "prometheus_client", "serving.observe.tracing"]
    code = (
        "import sys; from pathlib import Path; from serving.run import worker; from serving.settings import Settings;"
        "import tempfile; home = Path(tempfile.mkdtemp()); worker(Settings(home=home), home);"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_opentelemetrys_own_variables_turn_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings({}).traces == ""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert read_settings({}).traces == "otlp"
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert read_settings({}).traces == ""
    monkeypatch.delenv("OTEL_SDK_DISABLED")
    monkeypatch.setenv("INTERLACE_TRACES", "")
    assert read_settings({}).traces == ""
