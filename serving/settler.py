"""Lets the graph follow what a server took: in the background, one write at a time, soon after the answer."""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from pathlib import Path

from graph.errors import InterlaceError
from graph.store import GraphStore
from serving.gateway import Gateway

DEADLINE_SECONDS = 120.0
PAUSE_SECONDS = 0.2
"""So that what comes in a burst is written together."""
log = logging.getLogger("interlace.api")


class Settler:
    """One a worker; used from its event loop alone. `lag`: why the graph does not hold the newest changes."""

    def __init__(self, home: Path, gateway: Gateway) -> None:
        self.lag: set[str] = set()
        self._home = home
        self._gateway = gateway
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """What has been kept since the last write goes into the graph; what it cannot take now waits."""
        self._wanted = True
        if self._task is None:
            # In a context of its own: it goes on after the request, whose deadline is not its.
            self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())

    async def finish(self, seconds: float) -> None:
        """Waits for what goes on."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)

    async def _run(self) -> None:
        try:
            while self._wanted:
                await asyncio.sleep(PAUSE_SECONDS)
                self._wanted = False
                await self._settle()
        finally:
            self._task = None

    async def _settle(self) -> None:
        from serving.flush import flush  # brings the graph's writing side, which a start should not wait for

        def work(store: GraphStore) -> int:
            return flush(store, self._home)

        try:
            await self._gateway.run(work, deadline=DEADLINE_SECONDS, patient=True)
            self.lag.clear()
        except InterlaceError as error:
            if error.what not in self.lag:  # said once, until the graph has followed again
                log.warning("the graph does not hold the newest changes yet: %s", error)
            self.lag.add(error.what)
