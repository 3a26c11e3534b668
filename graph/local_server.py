"""Finds, starts and shares the ArcadeDB process of a local store's folder.

`Lease.take` is the whole of it: it holds a shared lock on `users.lock` for as long as this process uses the store, and
makes sure that a supervisor (`graph.local_supervisor`) runs the server, which it stops when the last lease goes.
"""

from __future__ import annotations

import fcntl
import importlib.resources
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from graph import local_supervisor as supervisor
from graph.errors import InvalidData, StoreUnavailable

START_LOCK = "start.lock"
WAIT_SECONDS = 90.0
PAUSE = 0.02
TAIL = 600


@dataclass(frozen=True)
class LocalOptions:
    """Limits of the child: Java heap, all of its memory (beyond it, it is ended), the longest a query may run."""

    heap_mb: int = 1024
    memory_mb: int = 4096
    timeout_ms: int = 120_000


@dataclass(frozen=True)
class Endpoint:
    """Where the running server listens, and its password (user `root`)."""

    pid: int
    bolt: int
    http: int
    password: str


class Lease:
    """The right to use a folder's server, held by this process until `release` or its death."""

    def __init__(self, home: Path, users: int, endpoint: Endpoint) -> None:
        self._home = home
        self._users: int | None = users
        self.endpoint = endpoint

    @classmethod
    def take(cls, home: Path, options: LocalOptions | None = None) -> Lease:
        """Attaches to the folder's server, starting it when nobody runs it.

        Raises `InvalidData` for a folder that is something else, `StoreUnavailable` when the server will not start.
        """
        home = home.absolute()
        try:
            _make_home(home)
            return cls._take(home, options or LocalOptions())
        except OSError as error:
            raise StoreUnavailable(
                f"the local store in {home} cannot be opened: {error}",
                remedy="check that the folder is yours to write and that its disk is not full (df)",
            ) from error

    @classmethod
    def _take(cls, home: Path, options: LocalOptions) -> Lease:
        with _Lock(home / START_LOCK, fcntl.LOCK_EX, "another command is still starting it"):
            users = _Lock(home / supervisor.USERS_LOCK, fcntl.LOCK_SH, "it is still stopping")
            try:
                return cls(home, users.file, _running(home) or _start(home, options))
            except BaseException:
                users.close()
                raise

    def is_alive(self) -> bool:
        """Whether the server of this lease still runs."""
        return _supervised(self._home) and _announced(self._home) == self.endpoint and _runs(self.endpoint)

    def release(self) -> None:
        """Gives the lease back (idempotent)."""
        if self._users is not None:
            os.close(self._users)
            self._users = None


class _Lock:
    """A file lock taken within `WAIT_SECONDS`; `StoreUnavailable` says `busy` when it was not."""

    def __init__(self, path: Path, mode: int, busy: str) -> None:
        self.file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + WAIT_SECONDS
        while not _flock(self.file, mode):
            if time.monotonic() > deadline:
                self.close()
                raise StoreUnavailable(
                    f"the local store in {path.parent} is busy: {busy}", remedy="wait, or end the process that holds it"
                )
            time.sleep(PAUSE)

    def __enter__(self) -> _Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self.file)


def _flock(file: int, mode: int) -> bool:
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_home(home: Path) -> None:
    if home.exists() and not home.is_dir():
        raise InvalidData(f"{home} is a file", valid="local:FOLDER", remedy="name a folder for the local store")
    if home.is_dir() and any(home.iterdir()) and not (home / START_LOCK).exists():
        raise InvalidData(
            f"the folder {home} holds something that is not a local store",
            valid="a folder that is empty, does not exist yet, or is a local store",
            remedy="choose another folder: local:FOLDER",
        )
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)


def _running(home: Path) -> Endpoint | None:
    """The server that a living supervisor has announced. What a dead one left behind is cleared away.

    A supervisor whose server died is waited for: it goes, and its last announcement leads nowhere.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while _supervised(home):
        found = _announced(home)
        if found is not None and _runs(found):
            return found
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                f"the local store in {home} is neither up nor down", remedy="wait, or end the process that holds it"
            )
        time.sleep(PAUSE)
    _clear(home)
    return None


def _runs(endpoint: Endpoint) -> bool:
    try:
        return psutil.Process(endpoint.pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _supervised(home: Path) -> bool:
    file = os.open(home / supervisor.SUPERVISOR_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        return not _flock(file, fcntl.LOCK_SH)
    finally:
        os.close(file)


def _announced(home: Path) -> Endpoint | None:
    try:
        state = json.loads((home / supervisor.STATE).read_text())
        return Endpoint(**state, password=(home / supervisor.PASSWORD).read_text())
    except FileNotFoundError:
        return None


def _clear(home: Path) -> None:
    """Ends a server whose supervisor was killed, and removes its state file."""
    state = home / supervisor.STATE
    try:
        child = psutil.Process(json.loads(state.read_text())["pid"])
        if f"@{home / supervisor.OPTIONS}" in child.cmdline():
            child.terminate()
            child.wait(supervisor.STOP_SECONDS)
    except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
        pass  # Nothing runs: a state file that is absent or cut short says no more than that.
    state.unlink(missing_ok=True)


def _start(home: Path, options: LocalOptions) -> Endpoint:
    package = Path(str(importlib.resources.files("arcadedb_embedded")))
    plan = {
        "home": str(home),
        "java": str(package / "jre" / "bin" / ("java.exe" if sys.platform == "win32" else "java")),
        "classpath": str(package / "jars" / "*"),
        "heap_mb": options.heap_mb,
        "memory_mb": options.memory_mb,
        "timeout_ms": options.timeout_ms,
    }
    script = [sys.executable, "-I", "-S", supervisor.__file__]
    quiet = subprocess.DEVNULL
    subprocess.run(script, input=json.dumps(plan).encode(), stdout=quiet, stderr=quiet, cwd=home, check=False)
    return _await(home)


def _await(home: Path) -> Endpoint:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = _announced(home)
        if found is not None:
            return found
        if not _supervised(home):
            break
        time.sleep(PAUSE)
    raise StoreUnavailable(
        f"the local store in {home} did not start: {_log_tail(home)}",
        remedy=f"read {home / supervisor.LOG}; check free disk and memory, or name another folder: local:FOLDER",
    )


def _log_tail(home: Path) -> str:
    log = home / supervisor.LOG
    return log.read_text(errors="replace")[-TAIL:].strip() if log.exists() else "its process ended at once"
