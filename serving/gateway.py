"""The server's way to the graph store: a bounded thread pool, a deadline, and a circuit breaker.

The event loop never waits on the driver. When the store is down, or slow, answers come from the index and say so.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar, cast

from graph.errors import StoreUnavailable
from graph.store import GraphStore
from serving.breaker import Breaker, Call
from serving.observe.record import STORE, current, stage, within

Answer = TypeVar("Answer")

THREADS = 4
WAITING = 16
SLOW_SECONDS = 5.0


class Gateway:
    """Runs work on the store. `connect` opens it, at the first use; a call that takes `slow` seconds has failed."""

    def __init__(
        self,
        connect: Callable[[], GraphStore],
        *,
        breaker: Breaker | None = None,
        slow: float = SLOW_SECONDS,
    ) -> None:
        self.breaker = breaker or Breaker()
        self._connect = connect
        self._slow = slow
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._places = threading.BoundedSemaphore(THREADS + WAITING)
        self._lock = threading.Lock()
        self._store: GraphStore | None = None
        self._running: set[Future[Any]] = set()

    async def run(self, work: Callable[[GraphStore], Answer], *, deadline: float, patient: bool = False) -> Answer:
        """`work(store)` in a thread. Raises `StoreUnavailable` when it is down, busy, or `deadline` seconds passed.

        `patient`: this work may take its time, and says nothing of the store's speed.
        """
        with stage(STORE):
            seconds = within(deadline)
            future = self._submitted(work, math.inf if patient else min(deadline, self._slow))
            try:
                return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
            except TimeoutError as error:
                self.breaker.expire()
                raise StoreUnavailable(
                    f"the graph store did not answer within {seconds:.3g} s",
                    remedy="try again, or ask for less at once",
                ) from error

    def _submitted(self, work: Callable[[GraphStore], Answer], slow: float) -> Future[Answer]:
        if not self._places.acquire(blocking=False):
            raise StoreUnavailable("too many requests wait for the graph store", remedy="try again in a few seconds")
        try:
            call = self.breaker.admit(slow)
        except StoreUnavailable:
            self._places.release()
            raise
        future = self._pool.submit(copy_context().run, self._work, work, call)
        self._running.add(future)
        future.add_done_callback(partial(self._left, call))
        return future

    def warm(self, work: Callable[[GraphStore], object], *, slow: float = math.inf) -> None:
        """Opens the store and does some `work` on it in the background; a failure shows at the first use."""
        try:
            call = self.breaker.admit(slow)
        except StoreUnavailable:
            return
        self._pool.submit(self._work, work, call)

    def probe(self) -> None:
        """Looks after the breaker: what takes too long has failed, and when it is time, tries the store again."""
        self.breaker.expire()
        if self.breaker.due:
            self.warm(lambda store: store.query("RETURN 1"), slow=self._slow)

    @property
    def state(self) -> str:
        """`open`, `failed` or `unopened`: what is known without asking the store."""
        if self.breaker.failure is not None:
            return "failed"
        return "unopened" if self._store is None else "open"

    @property
    def waiting(self) -> int:
        """Work that waits for a thread."""
        return max(0, len(self._running) - THREADS)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._store is not None:
            self._store.close()

    def store(self) -> GraphStore:
        """The open store, for threads that are not the gateway's. Raises `StoreUnavailable` as `run` does."""
        with self._lock:
            if self._store is not None:
                self.breaker.check()
                return self._store
            call = self.breaker.admit()
            return self._opened(call, settle=True)

    def _work(self, work: Callable[[GraphStore], Answer], call: Call) -> Answer:
        self.breaker.began(call)
        try:
            with self._lock:
                store = self._store or self._opened(call, settle=False)
            answer = work(_seen(store))
        except StoreUnavailable as error:
            self.breaker.failed(call, error)
            raise
        except BaseException:
            self.breaker.succeeded(call)  # it answered: the question was bad
            raise
        self.breaker.succeeded(call)
        return answer

    def _opened(self, call: Call, *, settle: bool) -> GraphStore:
        """Connects. A store that nobody can reach is not tried again at once: starting one takes seconds."""
        try:
            self._store = self._connect()
        except StoreUnavailable as error:
            self.breaker.failed(call, error, at_once=True)
            raise
        except BaseException:
            self.breaker.forgotten(call)
            raise
        if settle:
            self.breaker.succeeded(call)
        return self._store

    def _left(self, call: Call, future: Future[Any]) -> None:
        self._running.discard(future)
        self._places.release()
        if future.cancelled():
            self.breaker.forgotten(call)


def _seen(store: GraphStore) -> GraphStore:
    """The store, its queries as spans where this request is traced."""
    record = current.get()
    if record is None or record.trace is None:
        return store
    from serving.observe.traced_store import TracedStore

    return cast(GraphStore, TracedStore(store, record.trace))
