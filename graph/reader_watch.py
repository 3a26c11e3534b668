"""The watchdog: one thread that ends queries whose time is over, by stronger and stronger means.

Both stores have queries that outlive their own time-out (giant literals, list predicates, regular expressions, the
planner itself), so nobody waits for the store to keep it.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from enum import StrEnum

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from graph.errors import InterlaceError

log = logging.getLogger("interlace.reader")
LOOK_SECONDS = 0.1
MOST_BYTES = 64 << 20

Step = Callable[["Running"], None]


class Reason(StrEnum):
    """Why a query was ended before its time."""

    TIMEOUT = "timeout"
    ENDED = "ended"
    LARGE = "large"


class Lane:
    """A driver with a single connection from our `port`. Closing it breaks it under whoever waits on it."""

    def __init__(self, driver: neo4j.Driver, port: int) -> None:
        self.driver = driver
        self.port = port
        self.closed = False

    def received(self) -> int:
        """Bytes of the row that is on its way: the driver keeps a row whole before anybody can count it."""
        # The driver has no public word for it; a test fails when this one changes.
        pool = getattr(self.driver, "_pool", None)
        lanes = list(pool.connections.values()) if pool else []
        return sum(connection.inbox._buffer.used for lane in lanes for connection in list(lane))  # noqa: SLF001

    def close(self) -> None:
        self.closed = True
        self.driver.close()


class Running:
    """A query under way on a lane of its own."""

    def __init__(self, lane: Lane, text: str, due: float) -> None:
        self.lane = lane
        self.text = text
        self.tag = secrets.token_hex(8)
        self.shift = 0
        self.due = due
        self.stage = 0
        self.reason: Reason | None = None
        self.cut = False
        self._over = False
        self._lock = threading.Lock()

    @property
    def over(self) -> bool:
        return self._over

    @property
    def remaining(self) -> float:
        """Seconds until it is due."""
        return self.due - time.monotonic()

    def finish(self) -> bool:
        """Called by the thread that ran it; whether its connection may be used again."""
        with self._lock:
            self._over = True
            return self.reason is None

    def cut_connection(self) -> None:
        """Breaks the connection under the thread that waits on it."""
        with self._lock:
            if not self._over:
                self.cut = True
                self.lane.close()


class Watchdog:
    """Takes each running query through `steps` from its due time on, `pause` seconds apart, until it is over.

    A step is (seconds after the due time, what to do). A query whose connection was cut stays under watch, since the
    store may still work on it.
    """

    def __init__(self, steps: Sequence[tuple[float, Step]]) -> None:
        self._steps = steps
        self._changed = threading.Condition()
        self._watched: list[Running] = []
        self._closed = False
        self._thread: threading.Thread | None = None

    def watch(self, running: Running) -> None:
        with self._changed:
            self._watched.append(running)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="reader-watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()

    def end(self, running: Running) -> None:
        """Ends a query now, whatever its due time."""
        with self._changed:
            if running.reason is None:
                running.reason = Reason.ENDED
                running.due = time.monotonic()
            self._changed.notify()

    def forget(self, running: Running) -> None:
        """The query is over, here and in the store."""
        with self._changed:
            if running in self._watched:
                self._watched.remove(running)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while (running := self._next()) is not None:
            _, step = self._steps[running.stage]
            running.stage += 1
            running.reason = running.reason or Reason.TIMEOUT
            if running.stage == len(self._steps):
                self.forget(running)
            # In a thread of its own: a store that does not answer must not hold up the end of other queries.
            threading.Thread(target=_take, args=(step, running), name="reader-end", daemon=True).start()

    def _next(self) -> Running | None:
        """The next query that a step is due for; None at the end. Waits."""
        with self._changed:
            while not self._closed:
                self._find_large()
                due = min(self._watched, key=self._due, default=None)
                wait = None if due is None else self._due(due) - time.monotonic()
                if due is not None and wait is not None and wait <= 0:
                    return due
                self._changed.wait(wait if wait is None else min(wait, LOOK_SECONDS))
        return None

    def _find_large(self) -> None:
        for running in self._watched:
            if running.reason is None and running.lane.received() > MOST_BYTES:
                running.reason = Reason.LARGE
                running.due = time.monotonic()
                running.cut_connection()

    def _due(self, running: Running) -> float:
        return running.due + self._steps[running.stage][0]


def _take(step: Step, running: Running) -> None:
    try:
        step(running)
    except (InterlaceError, DriverError, Neo4jError, OSError) as error:
        log.warning("step %s of ending a query failed: %s", running.stage, error)
