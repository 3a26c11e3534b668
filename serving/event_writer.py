"""Events of many requests at the same time, kept by one write to the disk: what a worker gives its events to."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from graph.errors import StoreUnavailable
from serving.events import Event, EventLog, Kept

Call: TypeAlias = tuple[Sequence[Event], "asyncio.Future[Kept]"]


class EventWriter:
    """One a worker; used from its event loop alone, so nothing of it is locked."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self._waiting: list[Call] = []
        self._task: asyncio.Task[None] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="events")

    async def add(self, events: Sequence[Event]) -> Kept:
        """On disk when it returns. Raises `StoreUnavailable` where the disk does not take them: none is kept."""
        if not events:
            return Kept(0, 0)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Kept] = loop.create_future()
        self._waiting.append((events, done))
        if self._task is None:
            self._task = loop.create_task(self._drain())
        return await done

    async def _drain(self) -> None:
        """Writes until nothing waits; what comes during one write goes into the next together."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                calls, self._waiting = self._waiting, []
                try:
                    found = await loop.run_in_executor(self._pool, self.log.add_all, [events for events, _ in calls])
                except (sqlite3.Error, OSError) as error:
                    _refuse(calls, error)
                else:
                    for (_, done), kept in zip(calls, found, strict=True):
                        if not done.done():  # who asked has gone away
                            done.set_result(kept)
        finally:
            self._task = None

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        self.log.close()


def _refuse(calls: Sequence[Call], error: Exception) -> None:
    for _, done in calls:
        if not done.done():
            why = f"the events could not be written ({error})"
            done.set_exception(StoreUnavailable(why, remedy="make room on the disk, then send them again"))
