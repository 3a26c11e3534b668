"""One a worker: counts, tells and traces what its requests did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from serving.candidates import LIST, MODEL
from serving.index import Index
from serving.live import Live
from serving.observe.cells import Cells
from serving.observe.exposition import exposition
from serving.observe.logs import AccessLog, access_log
from serving.observe.metrics import DEGRADED, EVENTS, INPUTS, REFUSED, REQUESTS, SHOWN, SLOW, STAGE
from serving.observe.record import Record
from serving.observe.shown import Shown
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.observe.tracing import Tracing

NEWCOMER = "newcomer"
COMPARABLE = frozenset({LIST, MODEL})
"""Sources whose scores are those of the published lists; others count, or standardise, in their own way."""


@dataclass(frozen=True)
class Observer:
    """`tracing` None: no spans are made, and nothing of OpenTelemetry is imported."""

    cells: Cells
    shown_lately: Shown
    access: AccessLog
    tracing: Tracing | None = None

    def finish(self, record: Record, facts: Mapping[str, Any], *, probe: bool = False) -> None:
        """The request has ended. `facts`: method, route, status, user. `probe`: asked all the time, no news."""
        seconds = perf_counter() - record.begun
        cells = self.cells
        cells.observe(REQUESTS, seconds, (facts["method"], facts["route"], str(facts["status"])))
        for name, took in record.stages.items():
            cells.observe(STAGE, took, (name,))
        if 0 < self.access.slow_seconds <= seconds:
            cells.add(SLOW)
        if not probe:
            self.access.tell(facts, seconds, record.stages)
        if record.trace is not None and self.tracing is not None:
            self.tracing.finish(record, facts)

    def shown(self, live: Live, user: str, source: str, items: Sequence[int], scores: Sequence[float]) -> None:
        """An answer of recommendations: positions and scores, by one source; `user` '' for a newcomer."""
        self.cells.add(SHOWN, (source,), len(items))
        self.shown_lately.add(live.index, user, items, scores if source in COMPARABLE else ())

    def named(self, known: int, unknown: int) -> None:
        """Items that a request named, and how many of them nobody knows."""
        self.cells.add(INPUTS, ("true",), known)
        self.cells.add(INPUTS, ("false",), unknown)

    def events(self, kinds: Mapping[str, int]) -> None:
        """Events that were taken, by kind."""
        for kind, number in kinds.items():
            self.cells.add(EVENTS, (kind,), number)

    def degraded(self, part: str) -> None:
        """An answer that is poorer because a part (`store`, `encoders`) is down."""
        self.cells.add(DEGRADED, (part,))

    def refused(self, reason: str) -> None:
        """A request that was turned away."""
        self.cells.add(REFUSED, (reason,))

    def scrape(self, index: Index | None) -> tuple[bytes, str]:
        """All workers' metrics, and their media type. Takes a while for a large catalogue: not for the event loop."""
        return exposition(self.cells, {} if index is None else self.shown_lately.report(index))

    def close(self) -> None:
        """The last: spans that wait are sent."""
        if self.tracing is not None:
            self.tracing.close()
        self.shown_lately.close()
        self.cells.close()


def make_observer(settings: Settings, folder: Path | None = None) -> Observer:
    """`folder`: where the server's workers keep their numbers for each other; None: this worker is alone."""
    tracing = None
    if settings.traces:
        from serving.observe.tracing import open_tracing

        tracing = open_tracing(settings.traces)
    cells = Cells(folder)
    return Observer(cells, Shown(cells, settings.shown_minutes), access_log(settings), tracing)
