"""The server's way to the graph store: a bounded thread pool, a deadline, and a pause after a failure.

The event loop never waits on the driver. When the store is down, answers come from the index and say so.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from graph.errors import StoreUnavailable
from graph.store import GraphStore

Answer = TypeVar("Answer")

THREADS = 4
WAITING = 16
PAUSE_SECONDS = 5.0


class Gateway:
    """Runs work on the store. `connect` opens it, at the first use; `clock` is monotonic seconds."""

    def __init__(self, connect: Callable[[], GraphStore], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clock = clock
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._places = threading.BoundedSemaphore(THREADS + WAITING)
        self._lock = threading.Lock()
        self._store: GraphStore | None = None
        self._failure: StoreUnavailable | None = None
        self._retry_at = 0.0

    async def run(self, work: Callable[[GraphStore], Answer], *, deadline: float) -> Answer:
        """`work(store)` in a thread. Raises `StoreUnavailable` when it is down, busy, or `deadline` seconds passed."""
        if not self._places.acquire(blocking=False):
            raise StoreUnavailable("too many requests wait for the graph store", remedy="try again in a few seconds")
        future = self._pool.submit(self._work, work)
        future.add_done_callback(lambda _: self._places.release())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), deadline)
        except TimeoutError as error:
            raise StoreUnavailable(
                f"the graph store did not answer within {deadline:g} s", remedy="try again, or ask for less at once"
            ) from error

    def warm(self, work: Callable[[GraphStore], object]) -> None:
        """Opens the store and does some `work` on it in the background; a failure shows at the first use."""
        self._pool.submit(self._work, work)

    @property
    def state(self) -> str:
        """`open`, `failed` or `unopened`: what is known without asking the store."""
        if self._failure is not None:
            return "failed"
        return "unopened" if self._store is None else "open"

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._store is not None:
            self._store.close()

    def _work(self, work: Callable[[GraphStore], Answer]) -> Answer:
        store = self.store()
        try:
            return work(store)
        except StoreUnavailable as error:
            self._remember(error)
            raise

    def store(self) -> GraphStore:
        """The open store, for threads that are not the gateway's. Raises `StoreUnavailable` as `run` does."""
        with self._lock:
            if self._failure is not None and self._clock() < self._retry_at:
                raise self._failure
            if self._store is None:
                try:
                    self._store = self._connect()
                except StoreUnavailable as error:
                    self._remember(error)
                    raise
            self._failure = None
            return self._store

    def _remember(self, error: StoreUnavailable) -> None:
        self._failure, self._retry_at = error, self._clock() + PAUSE_SECONDS
