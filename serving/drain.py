"""How a worker stops: first it says that it is not ready, answers on and closes connections, then the server stops.

So a balancer sends new requests elsewhere before the door shuts, clients leave their connections by themselves, and no
request is lost that was taken. SIGINT (Ctrl-C) and a second SIGTERM stop at once, as uvicorn does.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeAlias

Handler: TypeAlias = Callable[[int, FrameType | None], Any]


class Drain:
    """One a worker; `begun` from the first SIGTERM on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begun = False

    def install(self) -> None:
        """Puts itself before the server's own handler of SIGTERM; call it from the event loop, while it serves.

        Does nothing where the server has no handler, or runs in a thread, which gets no signals.
        """
        before = signal.getsignal(signal.SIGTERM)
        if callable(before) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler(asyncio.get_running_loop(), before))

    def _handler(self, loop: asyncio.AbstractEventLoop, before: Handler) -> Handler:
        def stop(number: int, frame: FrameType | None) -> None:
            if self.begun or not self.seconds:
                self.begun = True
                before(number, frame)
                return
            self.begun = True
            # The handler runs between two instructions of the loop's own thread: only this call of it is safe.
            loop.call_soon_threadsafe(loop.call_later, self.seconds, before, number, None)

        return stop
