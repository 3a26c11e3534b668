"""The workers' way to the one process that holds the encoders: found or started, asked within a deadline.

Request path: no model is loaded here. The process is shared by all workers of a home; it ends by itself some time after
the last of them has left (`serving.encoder_server`). One that was killed is started again by the next question.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path

import orjson

from graph.errors import EncodersUnavailable
from serving.encoder_frames import PARENT, Frame, raise_problem
from serving.observe.record import ENCODER, current, stage, within

FOLDER = "run"
ADDRESS = "encoder.json"
LOG = "encoder.log"
THREADS = 4
WAITING = 28
START_SECONDS = 60.0
POLL_SECONDS = 0.05
RECHECK_SECONDS = 5.0
PATIENCE_SECONDS = 5.0
HANDSHAKE_SECONDS = 2.0
DEADLINE_SECONDS = 20.0


class EncoderClient:
    """Asks the encoder process of a home. Threads keep one connection each; it is made when it is first needed."""

    def __init__(self, home: Path, *, start_seconds: float = START_SECONDS) -> None:
        self._home = home
        self._start_seconds = start_seconds
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="encoders")
        self._places = threading.BoundedSemaphore(THREADS + WAITING)
        self._connections = threading.local()
        self._open: list[Connection] = []
        self._running: set[Future[Frame]] = set()
        self._checked = 0.0
        self.trouble = ""
        """Why the last question was not answered; empty when it was."""

    async def ask(self, question: Frame, *, deadline: float = DEADLINE_SECONDS) -> Frame:
        """The answer. Raises what the process raised, or `EncodersUnavailable`: none, too busy, or too slow."""
        with stage(ENCODER):
            record = current.get()
            if record is not None and record.trace is not None:
                question = Frame({**question.head, PARENT: record.trace.parent()}, question.parts)
            if not self._places.acquire(blocking=False):
                raise EncodersUnavailable(
                    "too many requests wait for the encoders", remedy="try again in a few seconds"
                )
            future = self._pool.submit(self.ask_now, question, within(deadline))
            self._running.add(future)
            future.add_done_callback(self._left)
            return await asyncio.wrap_future(future)

    def _left(self, future: Future[Frame]) -> None:
        self._running.discard(future)
        self._places.release()

    @property
    def waiting(self) -> int:
        """Questions that wait for a thread."""
        return max(0, len(self._running) - THREADS)

    def ask_now(self, question: Frame, deadline: float = DEADLINE_SECONDS) -> Frame:
        """The same, in this thread."""
        try:
            answer = self._answer(question, deadline)
        except EncodersUnavailable as error:
            if deadline >= PATIENCE_SECONDS:  # in less than that they may be late, and well
                self.trouble = error.what
            raise
        self.trouble = ""
        raise_problem(answer)
        return answer

    def recheck(self) -> None:
        """Where the last question was not answered: is there a process that answers again; if there is none, starts it.

        At most once in `RECHECK_SECONDS`, and for at most as long.
        """
        if not self.trouble or time.monotonic() - self._checked < RECHECK_SECONDS:
            return
        self._checked = time.monotonic()
        connection = connect(self._home)
        if connection is None:
            _start(self._home)
            return
        with connection, suppress(OSError, EOFError):
            connection.send_bytes(Frame({"ask": ""}).dump())
            if connection.poll(RECHECK_SECONDS):
                connection.recv_bytes()
                self.trouble = ""

    def _answer(self, question: Frame, deadline: float) -> Frame:
        until = time.monotonic() + deadline
        message = question.dump()
        for again in (True, False):
            connection = self._connection(until)
            try:
                connection.send_bytes(message)
                if not connection.poll(max(0.0, until - time.monotonic())):
                    raise self._late(deadline)
                answer = Frame.load(connection.recv_bytes())
            except (OSError, EOFError) as error:  # it ended meanwhile: once more, with the next one
                self._drop()
                if not again:
                    raise EncodersUnavailable("the encoder process ended", remedy=self._see_log()) from error
            else:
                return answer
        raise AssertionError  # the loop returns or raises

    def warm(self) -> None:
        """Starts the process, if there is none, and waits for nothing."""
        if _address(self._home) is None:
            _start(self._home)

    def close(self) -> None:
        """Leaves the process to the other workers, or to its end."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for connection in self._open:
            connection.close()

    def _late(self, deadline: float) -> EncodersUnavailable:
        self._drop()  # its answer must not be taken for that of the next question
        return EncodersUnavailable(
            f"the encoders did not answer within {deadline:g} s",
            remedy="try again: at their first use they are loaded, which takes some seconds",
        )

    def _connection(self, until: float) -> Connection:
        found: Connection | None = getattr(self._connections, "one", None)
        if found is None:
            found = self._connect(min(until, time.monotonic() + self._start_seconds))
            self._connections.one = found
            self._open.append(found)
        return found

    def _drop(self) -> None:
        self._connections.one.close()
        self._open.remove(self._connections.one)
        self._connections.one = None

    def _connect(self, until: float) -> Connection:
        pid = 0
        while True:
            found = connect(self._home)
            if found is not None:
                return found
            if not pid or _has_ended(pid):
                pid = _start(self._home)
            if time.monotonic() > until:
                raise EncodersUnavailable("the encoder process did not start in time", remedy=self._see_log())
            time.sleep(POLL_SECONDS)

    def _see_log(self) -> str:
        return f"try again; {self._home / FOLDER / LOG} says what it met"


def connect(home: Path) -> Connection | None:
    """A connection to the encoder process of a home; None where there is none."""
    address = _address(home)
    if address is None:
        return None
    try:
        return _greeted(socket.create_connection(("127.0.0.1", address[0]), HANDSHAKE_SECONDS), address[1])
    except Exception:  # noqa: BLE001  whatever listens there now (or nobody) is not ours
        return None


def _greeted(plain: socket.socket, key: bytes) -> Connection | None:
    """As `multiprocessing.connection.Client`, which would wait for ever for a process that hangs."""
    plain.setblocking(True)
    connection = Connection(plain.detach())
    try:
        if connection.poll(HANDSHAKE_SECONDS):
            answer_challenge(connection, key)
            deliver_challenge(connection, key)
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def _address(home: Path) -> tuple[int, bytes] | None:
    try:
        found = orjson.loads((home / FOLDER / ADDRESS).read_bytes())
        return int(found["port"]), bytes.fromhex(found["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _start(home: Path) -> int:
    """Starts the process, in a session of its own: a Ctrl-C at the server's terminal is not for it. Returns its pid."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    appended = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "serving.encoder_server", str(home.resolve())],
        {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        setsid=True,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(folder / LOG), appended, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, one) for one in _inherited()),
        ],
    )


def _inherited() -> list[int]:
    """Open files that a child would get: the listening socket above all, which must end with the server."""
    found = []
    for path in Path("/dev/fd").iterdir():
        with suppress(OSError):  # the listing's own
            if int(path.name) > 2 and os.get_inheritable(int(path.name)):
                found.append(int(path.name))
    return found


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
