"""Never two refreshes at once: a file lock in the home, and a lease on the graph itself for homes that share one.

The lease (`RefreshLease` in the graph) says who holds it and until when, by the database's clock; a thread renews it.
A refresh that was killed loses its lease at once where its process can be seen to be dead, elsewhere when it runs out.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from graph.errors import Conflict, InterlaceError
from graph.schema import REFRESH_LEASE
from graph.store import GraphStore

FILE = "refresh.lock"
LEASE_SECONDS = 60.0
"""How long a dead refresh on another machine blocks the others."""
RENEWALS = 4
"""Renewals in the life of a lease: three may fail before it is lost."""


@dataclass(frozen=True)
class Holder:
    """Who refreshes: a run on a machine. `process`: when its process began, so that a used-again pid is told apart."""

    run: str
    host: str
    pid: int
    process: float
    home: str
    since: float

    @classmethod
    def me(cls, run: str, home: Path) -> Holder:
        """This process."""
        pid = os.getpid()
        return cls(run, socket.gethostname(), pid, _process_began(pid), str(home.resolve()), time.time())

    @property
    def is_dead(self) -> bool:
        """True only where it is certain: the same machine, and no such process."""
        return self.host == socket.gethostname() and _process_began(self.pid) != self.process

    def __str__(self) -> str:
        began = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"run {self.run} on {self.host} (process {self.pid}, home {self.home}) since {began}"


class Lock:
    """What the one who refreshes holds. `check` before each step: a lease that was lost stops the run."""

    def __init__(self) -> None:
        self.lost = threading.Event()

    def check(self) -> None:
        """Raises `Conflict` when the lease ran out and somebody may have taken it."""
        if self.lost.is_set():
            raise Conflict(
                "this refresh lost its lease on the graph: the store did not answer, or the machine slept",
                valid=f"a renewal at least every {LEASE_SECONDS:.0f} s",
                remedy="interlace refresh: it goes on where this run ended",
            )


@contextmanager
def refresh_lock(store: GraphStore, home: Path, run: str, *, seconds: float = LEASE_SECONDS) -> Iterator[Lock]:
    """Holds the home and the graph until the block ends. Raises `Conflict` naming who does, and since when."""
    me = Holder.me(run, home)
    with _home_lock(home, me), _lease(store, me, seconds) as lock:
        yield lock


def holder(store: GraphStore) -> Holder | None:
    """Who refreshes this graph now; None for nobody, or for one whose process can be seen to be dead."""
    rows = store.query("refresh_lease").dicts()
    if not rows or not rows[0]["valid"] or not rows[0]["properties"].get("owner"):
        return None
    found = _parsed(rows[0]["properties"].get("holder", ""))
    return None if found is None or found.is_dead else found


@contextmanager
def _home_lock(home: Path, me: Holder) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    file = os.open(home / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _held(_parsed(os.read(file, 10_000).decode(errors="replace"))) from error
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(asdict(me)).encode(), 0)
        yield
    finally:
        os.close(file)


@contextmanager
def _lease(store: GraphStore, me: Holder, seconds: float) -> Iterator[Lock]:
    owner, milliseconds = secrets.token_hex(8), int(seconds * 1000)
    _take(store, me, owner, milliseconds)
    lock, ended = Lock(), threading.Event()
    keeper = threading.Thread(target=_keep, args=(store, owner, milliseconds, lock, ended), daemon=True)
    keeper.start()
    try:
        yield lock
    finally:
        ended.set()
        keeper.join()
        with suppress(InterlaceError):  # a store that is gone has no lease to give back: it runs out
            store.query("release_refresh_lease", {"owner": owner})


def _take(store: GraphStore, me: Holder, owner: str, milliseconds: int) -> None:
    store.ensure_schema([REFRESH_LEASE])
    there = store.query("refresh_lease").dicts()
    before: dict[str, Any] = there[0]["properties"] if there else {}
    holder = _parsed(before.get("holder", ""))
    dead = before.get("owner", "") if holder is not None and holder.is_dead else ""
    values = {"owner": owner, "dead": dead, "holder": json.dumps(asdict(me)), "milliseconds": milliseconds}
    if not store.query("take_refresh_lease", values).rows:
        now = store.query("refresh_lease").dicts()
        raise _held(_parsed(now[0]["properties"].get("holder", "")) if now else None)


def _keep(store: GraphStore, owner: str, milliseconds: int, lock: Lock, ended: threading.Event) -> None:
    """Renews until the end; what fails is tried again until the lease has run out."""
    renewed = time.monotonic()
    while not ended.wait(milliseconds / 1000 / RENEWALS):
        try:
            held = bool(store.query("renew_refresh_lease", {"owner": owner, "milliseconds": milliseconds}).rows)
        except InterlaceError:
            held = time.monotonic() - renewed < milliseconds / 1000
        else:
            renewed = time.monotonic()
        if not held:
            lock.lost.set()
            return


def _parsed(text: str) -> Holder | None:
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _process_began(pid: int) -> float:
    """When the process began, 0 where there is none: on Linux in ticks since boot, which no set clock shifts."""
    if (status := Path(f"/proc/{pid}/stat")).is_file():
        return float(status.read_text().rpartition(")")[2].split()[19])
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _held(holder: Holder | None) -> Conflict:
    return Conflict(
        f"another refresh is going on: {holder or 'it began just now'}",
        valid="one refresh at a time",
        remedy="wait until it has ended: interlace refresh --status",
    )
