"""Spans by OpenTelemetry: request, stage, query of the store, question to the encoders. Imported where they are wanted.

`pip install 'interlace[otel]'`. The W3C traceparent of a request is taken up, and passed on to the encoder process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from graph.errors import Unsupported
from serving.encoder_frames import PARENT
from serving.observe.record import Record

try:
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as error:  # pragma: no cover  the tests have it
    raise Unsupported(
        f"traces need OpenTelemetry ({error})", valid="an installation with it",
        remedy="pip install 'interlace[otel]', or set INTERLACE_TRACES to nothing",
    ) from error  # fmt: skip

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

SERVICE = "interlace"
OTLP = "otlp"


class Spans:
    """The spans of one request, or of one question in the encoder process. A `serving.observe.record.Trace`."""

    def __init__(self, tracer: Tracer, name: str, carrier: Mapping[str, str], kind: SpanKind) -> None:
        self._tracer = tracer
        self._outer = TraceContextTextMapPropagator().extract(carrier, Context())
        self.root = tracer.start_span(name, self._outer, kind)
        self._within = trace.set_span_in_context(self.root, self._outer)

    def begin(self, name: str) -> object:
        """A span within the one that is open."""
        span = self._tracer.start_span(name, self._within)
        before, self._within = self._within, trace.set_span_in_context(span, self._within)
        return span, before

    def end(self, begun: object, error: BaseException | None) -> None:
        """Ends what `begin` gave."""
        assert isinstance(begun, tuple)
        span, self._within = begun
        _close(span, error)

    def parent(self) -> str:
        """The span that is open, as a W3C traceparent."""
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, self._within)
        return carrier.get(PARENT, "")


def _close(span: Span, error: BaseException | None) -> None:
    if error is not None:
        # By its kind: a message may name a user.
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))
    span.end()


class Tracing:
    """Makes the spans of this process and sends them."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(SERVICE)

    def begin(self, carrier: Mapping[str, str]) -> Spans:
        """A request: `carrier` has its traceparent, where it came with one."""
        return Spans(self._tracer, "request", carrier, SpanKind.SERVER)

    @contextmanager
    def answering(self, ask: str, parent: str) -> Iterator[None]:
        """A question in the encoder process; `parent`: the traceparent that came with it."""
        spans = Spans(self._tracer, f"encode {ask}", {PARENT: parent} if parent else {}, SpanKind.SERVER)
        try:
            yield
        except BaseException as error:
            _close(spans.root, error)
            raise
        _close(spans.root, None)

    def finish(self, record: Record, facts: Mapping[str, Any]) -> None:
        """The request has ended. Neither its address nor its user is told: the route is."""
        spans = record.trace
        assert isinstance(spans, Spans)
        span = spans.root
        span.update_name(f"{facts['method']} {facts['route']}")
        span.set_attributes({
            "http.request.method": facts["method"],
            "http.route": facts["route"],
            "http.response.status_code": facts["status"],
            "interlace.request.id": record.id,
        })  # fmt: skip
        if facts["status"] >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """Sends what waits."""
        self._provider.shutdown()


def open_tracing(where: str) -> Tracing:
    """`where`: a collector's URL, or 'otlp': as OpenTelemetry's own variables say."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise Unsupported(
            f"traces need the OTLP exporter ({error})", valid="an installation with it",
            remedy="pip install 'interlace[otel]', or set INTERLACE_TRACES to nothing",
        ) from error  # fmt: skip
    return tracing_to(OTLPSpanExporter() if where == OTLP else OTLPSpanExporter(endpoint=where), batch=True)


def tracing_to(exporter: SpanExporter, *, batch: bool = False) -> Tracing:
    """Spans to this exporter; one by one where not in batches."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(exporter) if batch else SimpleSpanProcessor(exporter))
    return Tracing(provider)
