"""Once a second, beside the requests: looks for a new index, tries again what was down, and notes how the worker is."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from graph.errors import InterlaceError
from serving.index import Index
from serving.live import Live
from serving.observe import metrics
from serving.observe.cells import Cells

if TYPE_CHECKING:
    from serving.service import Service

SECONDS = 0.5
STATM = Path("/proc/self/statm")
BREAKER = {"closed": 0.0, "half-open": 1.0, "open": 2.0}
log = logging.getLogger("interlace.api")


class Ticker:
    """One a worker."""

    def __init__(self, service: Service, *, clock: Callable[[], float] = time.time) -> None:
        self._service, self._clock = service, clock
        self._cells: Cells = service.observer.cells
        self._behind_since: float | None = None
        self._labels: tuple[str, str, str] | None = None
        self._said = ""

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            await asyncio.sleep(SECONDS)
            late = max(0.0, loop.time() - begun - SECONDS)
            self._cells.set(metrics.LOOP_LAG, late)
            self.note()
            await asyncio.to_thread(self._look)

    def note(self) -> None:
        """What can be said at once, from the event loop."""
        service, cells = self._service, self._cells
        cells.set(metrics.RUNNING, service.admission.running)
        for queue, depth in (
            ("requests", service.admission.waiting),
            ("store", service.gateway.waiting),
            ("encoders", service.encoders.waiting),
        ):
            cells.set(metrics.WAITING, depth, (queue,))
        breaker = service.gateway.breaker
        cells.set(metrics.STORE_UP, breaker.state == "closed")
        cells.set(metrics.BREAKER, BREAKER[breaker.state])
        cells.set(metrics.OPENED, breaker.opened)
        cells.set(metrics.ENCODERS_UP, not service.encoders.trouble)
        cells.set(metrics.INDEX_DAMAGED, service.holder.trouble is not None)
        cells.set(metrics.DRAINING, service.drain.begun)

    def _look(self) -> None:
        """In a thread: what may take a while. An error is told once, and does not end the watch."""
        try:
            self.look()
        except Exception as error:
            if str(error) != self._said:
                log.exception("the worker's state cannot be noted")
            self._said = str(error)

    def look(self) -> None:
        """Looks after the parts, then notes index, changes and memory."""
        service = self._service
        service.gateway.probe()
        service.encoders.recheck()
        self._cells.set(metrics.MEMORY, _resident(), (str(os.getpid()),))
        self._note_lag(service.overlay.count_waiting())
        try:
            service.holder.look()
            live = service.live
        except InterlaceError:  # nothing is published yet: `ready` says so
            return
        self._note_index(live.index)
        self._note_changes(live)
        service.observer.shown_lately.fold(live.index)

    def _note_lag(self, waiting: int) -> None:
        now = self._clock()
        if not waiting:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        self._cells.set(metrics.UNWRITTEN, waiting)
        self._cells.set(metrics.GRAPH_LAG, 0.0 if self._behind_since is None else now - self._behind_since)

    def _note_index(self, index: Index) -> None:
        labels = (index.version, index.model.name, index.model.version)
        if self._labels is not None and self._labels != labels:
            self._cells.set(metrics.INDEX, 0, self._labels)
        self._labels = labels
        self._cells.set(metrics.INDEX, 1, labels)
        age = self._clock() - datetime.fromisoformat(index.created).timestamp()
        self._cells.set(metrics.INDEX_AGE, max(0.0, age))
        self._cells.set(metrics.INDEX_SIZE, index.num_users, ("users",))
        self._cells.set(metrics.INDEX_SIZE, index.num_items, ("items",))

    def _note_changes(self, live: Live) -> None:
        numbers = {"new": len(live.fresh), "changed": len(live.changed), "gone": len(live.gone)}
        for change, number in numbers.items():
            self._cells.set(metrics.CHANGES, number, (change,))


def _resident() -> float:
    """Bytes; 0 where the system does not say."""
    if not STATM.is_file():
        return 0.0
    return float(int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE"))
