"""What both readers share: connections of their own, transactions that are never committed, limits, the watchdog."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Any

import neo4j
from neo4j.exceptions import DriverError, Neo4jError, ServiceUnavailable, SessionExpired

from graph.errors import InterlaceError, StoreUnavailable
from graph.guard.policy import Catalogue, Checked, Policy
from graph.guard.survey import Surveys
from graph.reader import Counters, DriverRow, EndedError, IndexFacts, ReadLimits, Ticket
from graph.reader_errors import timed_out, too_large, translate
from graph.reader_watch import MOST_BYTES, Lane, Reason, Running, Watchdog
from graph.result_columns import returned_columns

FETCH_ROWS = 500
CATALOGUE_SECONDS = 2.0
GRACE_SECONDS = 1.0
AGAIN_SECONDS = (4.0, 9.0)
LAST_SECONDS = 15.0
TAG = "interlace"
LOST = (ServiceUnavailable, SessionExpired)


class BoltRecords:
    """Rows of a running query."""

    def __init__(self, reader: BoltReader, result: neo4j.Result, run: Running, limits: ReadLimits) -> None:
        self.columns: tuple[str, ...] = tuple(result.keys()) or returned_columns(run.text)
        self.truncated = False
        self._reader, self._result, self._run, self._limits = reader, result, run, limits

    def __iter__(self) -> Iterator[DriverRow]:
        taken = 0
        try:
            for record in self._result:
                if taken == self._limits.rows:
                    self.truncated = True
                    return
                taken += 1
                yield record.values()
        except (DriverError, Neo4jError) as error:
            raise self._reader.failure(error, self._run, self._limits) from error


class BoltReader(ABC):
    """A reader behind a Bolt driver. Every query has a driver with a single connection, kept for the next one."""

    url: str
    lists_every_key = True

    def __init__(self, database: str) -> None:
        self._session_options: dict[str, Any] = {
            "database": database,
            "default_access_mode": neo4j.READ_ACCESS,
            "fetch_size": FETCH_ROWS,
        }
        self._surveys = Surveys(self._quick_column, lists_every_key=self.lists_every_key)
        self._idle: list[Lane] = []
        self._lock = Lock()
        self._closed = False
        self._known: tuple[float, Catalogue] | None = None
        again = [(seconds, self._terminate) for seconds in AGAIN_SECONDS]
        self._watchdog = Watchdog(
            [(0.0, self._terminate), (GRACE_SECONDS, Running.cut_connection), *again, (LAST_SECONDS, self._last_resort)]
        )

    def read(
        self, checked: Checked, limits: ReadLimits, ticket: Ticket | None = None
    ) -> AbstractContextManager[BoltRecords]:
        """See `Reader.read`."""
        return self._run(checked, limits, ticket or Ticket(), examine=True)

    def own(self, text: str, parameters: Mapping[str, Any], limits: ReadLimits) -> AbstractContextManager[BoltRecords]:
        """See `Reader.own`."""
        return self._run(Checked(text, parameters), limits, Ticket(), examine=False)

    @contextmanager
    def _run(self, checked: Checked, limits: ReadLimits, ticket: Ticket, *, examine: bool) -> Iterator[BoltRecords]:
        with self._lane() as lane:
            run = Running(lane, checked.text, time.monotonic() + limits.timeout)
            self._watchdog.watch(run)
            ticket.on_end(lambda: self._watchdog.end(run))
            try:
                with lane.driver.session(**self._session_options) as session:
                    if examine:
                        self._examine(session, checked, run)
                    yield from self._within(session, checked, limits, run)
            except (DriverError, Neo4jError) as error:
                raise self.failure(error, run, limits) from error
            finally:
                ticket.on_end(None)
                self._finish(run)

    def _within(
        self, session: neo4j.Session, checked: Checked, limits: ReadLimits, run: Running
    ) -> Iterator[BoltRecords]:
        transaction = session.begin_transaction(metadata={TAG: run.tag}, timeout=limits.timeout)
        records = BoltRecords(self, transaction.run(checked.text, dict(checked.parameters)), run, limits)
        try:
            yield records
        except BaseException:
            run.lane.close()
            raise
        if records.truncated:
            run.lane.close()  # Rolling back would first drain the rows that nobody wants.
        else:
            transaction.rollback()

    def _finish(self, run: Running) -> None:
        """Gives the connection back, or drops it when it was cut or its query may still run."""
        reusable = run.finish()
        if run.reason is None or not run.cut:
            self._watchdog.forget(run)
        if not reusable:
            run.lane.close()

    def failure(self, error: DriverError | Neo4jError, run: Running, limits: ReadLimits) -> InterlaceError | EndedError:
        """The error to raise in place of the driver's."""
        if run.reason is Reason.TIMEOUT:
            return timed_out(limits.timeout)
        if run.reason is Reason.ENDED:
            return EndedError()
        if run.reason is Reason.LARGE:
            return too_large(MOST_BYTES)
        return self._lost() if isinstance(error, LOST) else translate(error, limits.timeout, run.text, run.shift)

    def dialect(self, text: str) -> str:
        """Neo4j's own needs no change."""
        return text

    def catalogue(self) -> Catalogue:
        """See `Reader.catalogue`."""
        known = self._known
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        found = self._names()
        self._known = (time.monotonic() + CATALOGUE_SECONDS, found)
        return found

    @abstractmethod
    def _names(self) -> Catalogue:
        """What `catalogue` keeps for a while."""

    def surveyed(self, policy: Policy) -> Catalogue:
        """See `Reader.surveyed`."""
        return self._surveys.of(self.catalogue(), policy)

    def _quick_column(self, text: str, seconds: float) -> list[str]:
        with self.own(text, {}, ReadLimits(timeout=seconds, rows=100_000)) as found:
            return [str(row[0]) for row in found]

    def ends(self, element_ids: Sequence[str]) -> dict[str, tuple[list[str], Any]]:
        """See `Reader.ends`."""
        text = "UNWIND $ids AS e MATCH (n) WHERE elementId(n) = e RETURN e, labels(n) AS labels, n.id AS id"
        limits = ReadLimits(rows=len(element_ids))
        with self.own(text, {"ids": list(element_ids)}, limits) as found:
            return {element: (sorted(labels), identity) for element, labels, identity in found}

    def close(self) -> None:
        """Closes every connection that no query uses."""
        self._watchdog.close()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for driver in idle:
            driver.close()

    @contextmanager
    def _lane(self) -> Iterator[Lane]:
        lane = self._take()
        try:
            yield lane
        finally:
            if not lane.closed:
                self._give_back(lane)

    def _take(self) -> Lane:
        """A lane that answers: one that was idle may have lost its server meanwhile."""
        while True:
            with self._lock:
                if self._closed:
                    raise StoreUnavailable(f"the reader of {self.url} is closed", remedy="try again")
                lane = self._idle.pop() if self._idle else None
            if lane is None:
                return self._open_lane()
            try:
                lane.port = _port(lane.driver)
            except (DriverError, Neo4jError):
                lane.close()
            else:
                return lane

    def _open_lane(self) -> Lane:
        """A new lane, to a server that is started again when it is gone."""
        for last in (False, True):
            driver = self._open()
            try:
                return Lane(driver, _port(driver))
            except (DriverError, Neo4jError) as error:
                driver.close()
                if last or not self._recover():
                    raise self._lost() from error
        raise AssertionError("unreachable: the second round returns or raises")

    def _give_back(self, lane: Lane) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(lane)
                return
        lane.close()

    @abstractmethod
    def counters(self) -> Counters:
        """See `Reader.counters`."""

    @abstractmethod
    def indexes(self) -> list[IndexFacts]:
        """See `Reader.indexes`."""

    @abstractmethod
    def _open(self) -> neo4j.Driver:
        """A driver with a single connection, as the user that queries run as."""

    @abstractmethod
    def _examine(self, session: neo4j.Session, checked: Checked, run: Running) -> None:
        """The store's own word on the text before it runs; raises `Forbidden`."""

    @abstractmethod
    def _terminate(self, run: Running) -> None:
        """Asks the store, on another connection, to end the query."""

    @abstractmethod
    def _last_resort(self, run: Running) -> None:
        """What to do about a query that still runs though its connection is gone."""

    @abstractmethod
    def _recover(self) -> bool:
        """Brings back a server that died; whether another attempt makes sense."""

    @abstractmethod
    def _lost(self) -> StoreUnavailable:
        """The connection broke."""


def _port(driver: neo4j.Driver) -> int:
    """Our port of the driver's only connection, after asking its server whether it answers; 0 when nobody tells."""
    driver.get_server_info()
    # The driver has no public word for it; a test of the watchdog fails when this one changes.
    pool = getattr(driver, "_pool", None)
    ports = [connection.local_port for lane in pool.connections.values() for connection in lane] if pool else []
    return int(ports[0]) if ports else 0
