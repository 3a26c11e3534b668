"""One refresh after another: `interlace refresh --every 6h` and `--cron "0 3 * * *"`, as a process that stays.

Each refresh is a process of its own: what one leaks or breaks ends with it, and the next begins clean. A refresh that
fails is said, tried again after a pause that doubles, and does not end the schedule; they never overlap, since the next
time is sought when one has ended (and `serving.refresh_lock` holds others off). SIGTERM and SIGINT end the wait at once
and pass on to a refresh that runs: it ends as `interrupted`, and the next one goes on from there.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import FrameType
from typing import Protocol

from graph.errors import InvalidData
from serving.cron import Cron, LocalZone
from serving.refresh_start import COMMAND, environment
from serving.settings import Settings

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
FIRST_PAUSE = 60.0
RETRIES = 6
"""Failures in a row that are tried again before their time: after 1, 2, 4 … 32 minutes."""
GRACE_SECONDS = 60.0
"""How long a refresh that was told to stop may take before it is killed."""
SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


class Clock(Protocol):
    """Time and waiting, so that tests need neither."""

    def now(self) -> datetime:
        """An aware datetime in the schedule's time zone."""
        ...

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Until the time has passed or `stop` is set."""
        ...


class RealClock:
    """The machine's, in its local time zone."""

    def now(self) -> datetime:
        return datetime.now(LocalZone())

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """In pieces, so that a machine that slept, or whose clock was set, is late by a minute at most."""
        until = time.time() + seconds
        while not stop.is_set() and (left := until - time.time()) > 0:
            stop.wait(min(left, 60.0))


class Timetable(Protocol):
    """When to run next."""

    def after(self, moment: datetime) -> datetime: ...


@dataclass(frozen=True)
class Every:
    """`seconds` after the last run began; at once where it took longer."""

    seconds: float

    def after(self, moment: datetime) -> datetime:
        return datetime.fromtimestamp(moment.timestamp() + self.seconds, moment.tzinfo)


def parse_every(text: str) -> Every:
    """`90s`, `30m`, `6h`, `1d`, or a sum (`1h30m`). Raises `InvalidData`."""
    parts = SECONDS.findall(text.strip().lower())
    if not parts or SECONDS.sub("", text.strip().lower()).strip():
        raise InvalidData(f"{text!r} is no time span", valid="30m, 6h, 1d, 1h30m", remedy="correct it")
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if seconds < 1:
        raise InvalidData(f"{text!r} is too short", valid="at least 1s", remedy="correct it")
    return Every(seconds)


def timetable(every: str | None, cron: str | None) -> Timetable:
    """The one that was given. Raises `InvalidData` for both, neither or a bad one."""
    if (every is None) == (cron is None):
        raise InvalidData("a schedule is either --every or --cron", valid="one of them", remedy="leave one out")
    return parse_every(every) if every is not None else Cron.parse(cron or "")


@dataclass
class Schedule:
    """Starts a refresh (`spawn`) again and again.

    `jitter`: up to so many seconds later each time, so that many homes do not start at once; `now`: the first one at
    once; `say` gets a line a turn.
    """

    timetable: Timetable
    spawn: Callable[[], subprocess.Popen[bytes]]
    say: Callable[[str], None]
    jitter: float = 0.0
    now: bool = False
    clock: Clock = field(default_factory=RealClock)
    random: random.Random = field(default_factory=random.Random)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """Until it is told to stop; returns how many runs there were."""
        runs, failures = 0, 0
        due = self.clock.now() if self.now else self._next(self.clock.now())
        while not self.stop.is_set():
            self._wait(due)
            if self.stop.is_set():
                break
            began = self.clock.now()
            failures = 0 if self._once() == 0 else failures + 1
            runs += 1
            due = self._next(began)
            if failures and not self.stop.is_set():
                due = self._again(due, failures)
        return runs

    def _next(self, moment: datetime) -> datetime:
        return _later(self.timetable.after(moment), self.random.uniform(0, self.jitter))

    def _again(self, due: datetime, failures: int) -> datetime:
        """After a failure: before its time, but later and later; after `RETRIES`, at its time."""
        retry = _later(self.clock.now(), FIRST_PAUSE * 2 ** (min(failures, RETRIES) - 1))
        return retry if failures <= RETRIES else max(due, retry, key=datetime.timestamp)

    def _wait(self, due: datetime) -> None:
        seconds = due.timestamp() - self.clock.now().timestamp()
        if seconds > 0:
            self.say(f"next refresh at {due:%Y-%m-%d %H:%M:%S %Z}")
            self.clock.wait(seconds, self.stop)

    def _once(self) -> int:
        """One refresh; its exit status. What it prints goes where ours goes."""
        process = self.spawn()
        code = _awaited(process, self.stop)
        if code and not self.stop.is_set():
            self.say(f"the refresh failed (exit status {code}); the schedule goes on")
        return code


def _awaited(process: subprocess.Popen[bytes], stop: threading.Event) -> int:
    """The exit status; a stop is passed on, and what does not heed it is killed."""
    while not stop.is_set():
        try:
            return process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            continue
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _later(moment: datetime, seconds: float) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() + seconds, moment.tzinfo)


def refreshes(settings: Settings, options: Sequence[str]) -> Callable[[], subprocess.Popen[bytes]]:
    """What starts `interlace refresh` with these settings and options, as a process of its own."""
    command = [*COMMAND, "--trigger", "schedule", *options]
    variables = {**os.environ, **environment(settings)}
    # A session of its own: what the terminal sends on ^C reaches the schedule alone, which passes it on once.
    return lambda: subprocess.Popen(command, stdin=subprocess.DEVNULL, env=variables, start_new_session=True)


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop` within the block."""

    def heed(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, heed) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
