"""How a worker stops: it says that it is not ready and answers on; then nobody new is let in; then the server stops.

So a balancer sends new requests elsewhere before the door shuts, clients leave their connections by themselves (each
answer says `Connection: close`), and no request is lost that was taken: not even one that the kernel took, and that the
server would otherwise meet with a reset when it closes its socket. SIGINT (Ctrl-C) and a second SIGTERM stop at once.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType
from typing import Any, TypeAlias

Handler: TypeAlias = Callable[[int, FrameType | None], Any]

SO_ATTACH_FILTER = 26
DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A socket filter of one instruction: take nothing of the packet."""
LAST_SECONDS = 0.25
"""Between the last connection that is taken and the end: for its request to come."""


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
        def shut(number: int) -> None:
            let_nobody_in(_listeners(before))
            loop.call_later(LAST_SECONDS, before, number, None)

        def stop(number: int, frame: FrameType | None) -> None:
            if self.begun or not self.seconds:
                self.begun = True
                before(number, frame)
                return
            self.begun = True
            # The handler runs between two instructions of the loop's own thread: only this call of it is safe.
            loop.call_soon_threadsafe(loop.call_later, self.seconds, shut, number)

        return stop


def _listeners(handler: Handler) -> list[socket.socket]:
    """Those of the uvicorn server whose handler this is."""
    servers = getattr(getattr(handler, "__self__", None), "servers", ())
    return [one for server in servers for one in server.sockets]


def let_nobody_in(listeners: Iterable[socket.socket]) -> None:
    """The kernel takes no more connections, and gives those that it has taken. Who knocks now is refused when the
    socket is closed. Where the system cannot do that, nothing happens.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(DROP_ALL, len(DROP_ALL))
    for one in listeners:
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
