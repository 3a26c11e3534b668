"""The schedule on a clock of its own: when it runs, what it does after a failure, how it stops; then as a process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from graph.errors import InvalidData
from serving.cron import Cron
from serving.schedule import Every, Schedule, parse_every, timetable

START = datetime(2026, 2, 27, 12, 0, tzinfo=UTC)
WORKS, FAILS = [sys.executable, "-c", ""], [sys.executable, "-c", "raise SystemExit(3)"]


@dataclass
class FakeClock:
    """Time passes only while somebody waits, and `takes` a run."""

    time: datetime = START
    waits: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.time

    def wait(self, seconds: float, _stop: threading.Event) -> None:
        self.waits.append(seconds)
        self.time += timedelta(seconds=seconds)


def schedule(
    clock: FakeClock,
    table: Every | Cron,
    turns: int,
    *,
    takes: float = 0.0,
    fails: tuple[int, ...] = (),
    **options: object,
) -> tuple[Schedule, list[datetime]]:
    """A schedule that stops by itself after some turns, and when each began. `fails`: turns that end badly."""
    begun: list[datetime] = []

    def spawn() -> subprocess.Popen[bytes]:
        begun.append(clock.now())
        process = subprocess.Popen(FAILS if len(begun) in fails else WORKS)
        process.wait()
        clock.time += timedelta(seconds=takes)
        if len(begun) == turns:
            made.stop.set()
        return process

    said: list[str] = []
    made = Schedule(table, spawn, said.append, clock=clock, **options)  # type: ignore[arg-type]
    made.said = said  # type: ignore[attr-defined]
    return made, begun


def hours(begun: list[datetime]) -> list[float]:
    return [(moment - START).total_seconds() / 3600 for moment in begun]


def test_every_so_often_from_beginning_to_beginning() -> None:
    made, begun = schedule(FakeClock(), Every(3600), 3, takes=600)
    assert made.run() == 3
    assert hours(begun) == [1, 2, 3]


def test_one_that_takes_longer_is_followed_at_once_and_never_met() -> None:
    made, begun = schedule(FakeClock(), Every(3600), 3, takes=5400)
    made.run()
    assert hours(begun) == [1, 2.5, 4]


def test_the_first_at_once_where_asked() -> None:
    made, begun = schedule(FakeClock(), Every(3600), 2, now=True)
    made.run()
    assert hours(begun) == [0, 1]


def test_by_cron_times_that_passed_meanwhile_are_left_out() -> None:
    made, begun = schedule(FakeClock(), Cron.parse("30 * * * *"), 3, takes=2 * 3600)
    made.run()
    assert hours(begun) == [0.5, 2.5, 4.5]


def test_a_failure_is_tried_again_later_and_later_then_at_its_time() -> None:
    made, begun = schedule(FakeClock(), Every(6 * 3600), 9, fails=tuple(range(1, 8)))
    made.run()
    minutes = [round((two - one).total_seconds() / 60) for one, two in pairwise(begun)]
    assert minutes == [1, 2, 4, 8, 16, 32, 360, 360]
    said = made.said  # type: ignore[attr-defined]
    assert sum("failed (exit status 3)" in line for line in said) == 7


def test_a_short_interval_backs_off_too() -> None:
    made, begun = schedule(FakeClock(), Every(10), 3, fails=(1, 2))
    made.run()
    assert [(two - one).total_seconds() for one, two in pairwise(begun)] == [60, 120]


def test_jitter_is_later_by_no_more_than_said() -> None:
    clock = FakeClock()
    made, begun = schedule(clock, Cron.parse("0 * * * *"), 20, jitter=300.0, random=random.Random(1))
    made.run()
    late = [moment.minute * 60 + moment.second + moment.microsecond / 1e6 for moment in begun]
    assert max(late) <= 300
    assert len({round(one) for one in late}) > 10


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("6h", 21600), ("1d", 86400), ("1h30m", 5400), ("0.5h", 1800)]
)
def test_spans(text: str, seconds: float) -> None:
    assert parse_every(text) == Every(seconds)


@pytest.mark.parametrize("text", ["", "6", "h", "six hours", "-1h", "6h and more", "0s"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(InvalidData):
        parse_every(text)


def test_one_kind_of_schedule() -> None:
    for given in ((None, None), ("6h", "0 3 * * *")):
        with pytest.raises(InvalidData, match="either"):
            timetable(*given)


PROGRAM = """
import subprocess, sys, threading
from serving.schedule import Every, Schedule, stopped_by_signals
stop = threading.Event()
child = '''
import time
try:
    print("child", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("heeded", flush=True)
'''
spawn = lambda: subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
with stopped_by_signals(stop):
    Schedule(Every(3600), spawn, lambda line: print(line, flush=True), now=NOW, stop=stop).run()
print("ended", flush=True)
"""


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("now", "awaited", "last"), [("True", "child", ["heeded", "ended"]), ("False", "next", ["ended"])]
)
def test_a_signal_ends_it_waiting_or_working(number: signal.Signals, now: str, awaited: str, last: list[str]) -> None:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("NOW", now)], stdout=subprocess.PIPE, text=True, cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)}, start_new_session=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(awaited)
        process.send_signal(number)
        rest = process.stdout.read().split("\n")
    assert process.returncode == 0
    assert [line for line in rest if line in ("heeded", "ended")] == last
