"""The encoder process: one beside the workers, so that they stay small and every model is in memory once.

`python -m serving.encoder_server HOME`, started by `serving.encoder_client`. It listens on a free loopback port; port
and key are in HOME/run/encoder.json, which the user alone can read. One of a home runs: it holds a file lock. It ends
when nobody has been connected for `IDLE_SECONDS`.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path
from typing import TYPE_CHECKING

from graph.errors import InterlaceError
from graph.whole_files import write_json
from serving.encoder_client import ADDRESS, FOLDER
from serving.encoder_frames import MOST_BYTES, PARENT, Frame, problem_frame
from serving.encoder_work import Work
from serving.settings import read_settings

if TYPE_CHECKING:
    from serving.observe.tracing import Tracing

IDLE_SECONDS = 60.0
LOCK = "encoder.lock"
log = logging.getLogger("interlace.encoders")


class Server:
    """Threads, one a connection; `work` is asked by all of them at once."""

    def __init__(
        self,
        work: Work,
        listener: Listener,
        key: bytes,
        *,
        idle_seconds: float = IDLE_SECONDS,
        tracing: Tracing | None = None,
    ) -> None:
        self._work, self._listener, self._key, self._idle = work, listener, key, idle_seconds
        self._tracing = tracing
        self._lock = threading.Lock()
        self._connected = 0
        self._left = time.monotonic()

    def run(self) -> None:
        """Serves until nobody has been connected for a while."""
        threading.Thread(target=self._accept, daemon=True, name="accept").start()
        while self._wanted():
            time.sleep(min(1.0, self._idle / 4))

    def _wanted(self) -> bool:
        with self._lock:
            return bool(self._connected) or time.monotonic() - self._left < self._idle

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except OSError:  # somebody who left at once
                continue
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: Connection) -> None:
        """In the connection's own thread, so that a stranger who says nothing holds up nobody."""
        with connection, suppress(OSError, EOFError, AuthenticationError):
            deliver_challenge(connection, self._key)
            answer_challenge(connection, self._key)
            with self._counted():
                while True:
                    connection.send_bytes(self._answer(connection.recv_bytes(MOST_BYTES)))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._connected += 1
        try:
            yield
        finally:
            with self._lock:
                self._connected -= 1
                self._left = time.monotonic()

    def _answer(self, message: bytes) -> bytes:
        try:
            question = Frame.load(message)
            if self._tracing is None:
                return self._work.answer(question).dump()
            with self._tracing.answering(question.head.get("ask", ""), question.head.get(PARENT, "")):
                return self._work.answer(question).dump()
        except InterlaceError as error:
            return problem_frame(error).dump()
        except Exception as error:
            log.exception("a question failed")
            return problem_frame(InterlaceError(f"the encoders failed ({type(error).__name__})")).dump()


@contextmanager
def alone(home: Path) -> Iterator[bool]:
    """Is this the only encoder process of the home; while the block lasts it stays so."""
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    with (home / FOLDER / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def serve(home: Path, *, idle_seconds: float = IDLE_SECONDS, tracing: Tracing | None = None) -> bool:
    """Serves a home until nobody wants it; False, at once, where another process does."""
    with alone(home) as first:
        if not first:
            return False
        key = secrets.token_bytes(32)
        path = home / FOLDER / ADDRESS
        with Listener(("127.0.0.1", 0), family="AF_INET", backlog=64) as listener:
            os.umask(0o077)
            write_json(path, {"port": listener.address[1], "key": key.hex(), "process": os.getpid()})
            work = Work(home)
            threading.Thread(target=work.preload, daemon=True, name="preload").start()
            try:
                Server(work, listener, key, idle_seconds=idle_seconds, tracing=tracing).run()
            finally:
                path.unlink(missing_ok=True)
                if tracing is not None:
                    tracing.close()
    return True


def _tracing() -> Tracing | None:
    """As the settings in this process' environment, which is that of the server that started it, say."""
    traces = read_settings({}).traces
    if not traces:
        return None
    from serving.observe.tracing import open_tracing

    return open_tracing(traces)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    serve(Path(sys.argv[1]), tracing=_tracing())
