"""Bytes from the thread that runs a query to the event loop that sends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.reader import Ticket

if TYPE_CHECKING:
    from graph.result_formats import Format

BLOCK = 64 << 10
HELD = 256 << 10


@dataclass(frozen=True)
class Head:
    """What is known when the answer begins: `truncated` only when all of it is there already."""

    truncated: bool | None
    first: bytes


class Stream:
    """One answer. The thread writes, finishes or fails; the loop takes the head, then the rest.

    The first bytes are held until there are `HELD` of them or all, so that an error before them has its own status.
    What was written waits here, so that a slow client holds memory (bounded by the byte cap) and no connection.
    """

    def __init__(self, form: Format) -> None:
        self.form = form
        self.ticket = Ticket()
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._begun: asyncio.Future[Head] = self._loop.create_future()
        self._pending = bytearray()
        self._sent = False
        self.error: BaseException | None = None

    def write(self, block: bytes) -> None:
        """Called by the thread."""
        self._pending += block
        if len(self._pending) >= (BLOCK if self._sent else HELD):
            self._flush(truncated=None)

    def finish(self, *, truncated: bool) -> None:
        """Called by the thread: all is written."""
        self._flush(truncated=truncated)
        self._call(self._arrived.put_nowait, None)

    def fail(self, error: BaseException) -> None:
        """Called by the thread: no more will come."""
        self.error = error
        self._call(self._break, error)

    async def head(self) -> Head:
        """Waits until the answer begins; raises the error of a query that failed before."""
        return await self._begun

    async def rest(self) -> AsyncIterator[bytes]:
        """What comes after the head. `error` says afterwards whether it is whole."""
        while (block := await self._arrived.get()) is not None:
            yield block

    def end(self) -> None:
        """Nobody wants the rest."""
        self.ticket.end()

    def _flush(self, truncated: bool | None) -> None:
        block, self._pending = bytes(self._pending), bytearray()
        if self._sent:
            self._call(self._arrived.put_nowait, block)
        else:
            self._sent = True
            self._call(self._begin, Head(truncated, block))

    def _begin(self, head: Head) -> None:
        if not self._begun.done():
            self._begun.set_result(head)

    def _break(self, error: BaseException) -> None:
        if not self._begun.done():
            self._begun.set_exception(error)
            self._begun.exception()  # Seen: whoever waited may have gone.
        self._arrived.put_nowait(None)

    def _call(self, function: object, *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)  # type: ignore[arg-type]
