"""Cypher for callers: so many queries at once each, in threads of their own, the answer on its way as it comes.

The event loop never waits for the store: a thread runs the query and writes, a `Stream` carries what it wrote over.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graph.errors import InterlaceError, TooMany
from graph.guard.policy import Policy
from graph.reader import EndedError, Question, Reader, open_reader
from graph.store import GraphStore
from serving.gateway import Gateway
from serving.policy import policy_of
from serving.settings import Settings
from serving.stream import Stream

if TYPE_CHECKING:
    from graph.reader_schema import GraphSchema
    from graph.result_formats import Format

THREADS = 8
SCHEMA_SECONDS = 30.0


class Cypher:
    """Runs questions. One a worker; opens its reader at the first question."""

    def __init__(self, settings: Settings, gateway: Gateway) -> None:
        self.settings = settings
        self.policy: Policy = policy_of(settings)
        self._gateway = gateway
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="cypher")
        self._lock = threading.Lock()
        self._in_flight: Counter[str] = Counter()
        self._streams: set[Stream] = set()
        self._schema: tuple[Future[GraphSchema], float] | None = None
        self._opened: tuple[GraphStore, Reader] | None = None

    def reader(self) -> Reader:
        """The reader of the gateway's store. Waits for the store: not for the event loop."""
        store = self._gateway.store()
        with self._lock:
            if self._opened is None or self._opened[0] is not store:
                self._opened = (store, open_reader(store))
            return self._opened[1]

    @contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """One of the caller's places, and one of all; raises `TooMany` when there is none."""
        most = self.settings.cypher_in_flight
        with self._lock:
            if self._in_flight[caller] >= most:
                raise _too_many(f"{most} queries of this caller are running", f"at most {most} at the same time")
            if self._in_flight.total() >= THREADS:
                raise _too_many("the server runs as many queries as it can", "a query when another has ended")
            self._in_flight[caller] += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight[caller] -= 1
                if not self._in_flight[caller]:
                    del self._in_flight[caller]

    def start(self, question: Question, form: Format) -> Stream:
        """Begins to answer; call it within the event loop, holding a place, and `end` the stream."""
        stream = Stream(form)
        with self._lock:
            self._streams.add(stream)
        self._pool.submit(self._answer, question, stream)
        return stream

    def schema(self) -> Future[GraphSchema]:
        """What is in the graph, at most `SCHEMA_SECONDS` old; read once for all who ask meanwhile."""
        with self._lock:
            future, until = self._schema or (None, 0.0)
            if future is None or (future.done() and (future.exception() or time.monotonic() > until)):
                future = self._pool.submit(self._read_schema)
                self._schema = (future, time.monotonic() + SCHEMA_SECONDS)
            return future

    def _read_schema(self) -> GraphSchema:
        from graph.reader_schema import read_schema

        return read_schema(self.reader(), self.policy)

    def close(self) -> None:
        """Ends what runs."""
        for stream in list(self._streams):
            stream.end()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._opened is not None:
            self._opened[1].close()

    def _answer(self, question: Question, stream: Stream) -> None:
        # The driver's import takes a while, and a server that nobody asks in Cypher does without it.
        from graph.reader_ask import asked

        try:
            with asked(self.reader(), question, self.policy, stream.ticket) as answer:
                for block in stream.form.blocks(answer, self.settings.cypher_bytes):
                    stream.write(block)
                stream.finish(truncated=answer.truncated)
        except (InterlaceError, EndedError) as error:
            stream.fail(error)
        except BaseException as error:
            stream.fail(error)
            raise
        finally:
            with self._lock:
                self._streams.discard(stream)


def _too_many(what: str, valid: str) -> TooMany:
    return TooMany(what, valid=valid, remedy="try again in a second")
