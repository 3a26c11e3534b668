"""Ends tasks that are late. One timer looks after all: one each would cost a short request a tenth of its time."""

from __future__ import annotations

import asyncio
from time import perf_counter

STEP_SECONDS = 0.05


class Deadline:
    """Of one task, in seconds of `perf_counter`; `passed`: it was cancelled because of it."""

    __slots__ = ("cancelling", "passed", "task", "until")

    def __init__(self, task: asyncio.Task[object], until: float) -> None:
        self.task, self.until = task, until
        self.cancelling = task.cancelling()
        self.passed = False

    def is_mine(self) -> bool:
        """Is the cancellation that the task just met of this deadline alone; it is taken back then."""
        return self.passed and self.task.uncancel() <= self.cancelling


class Deadlines:
    """One a worker. Used within its event loop alone."""

    def __init__(self) -> None:
        self._open: set[Deadline] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching = False

    def begin(self, until: float) -> Deadline:
        """From now on this task is cancelled when it is late, by at most `STEP_SECONDS`."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # another one, as in tests: the timer of the last is gone with it
            self._loop, self._watching = loop, False
            self._open.clear()
        task = asyncio.current_task()
        assert task is not None
        one = Deadline(task, until)
        self._open.add(one)
        if not self._watching:
            self._watching = True
            loop.call_later(STEP_SECONDS, self._look)
        return one

    def end(self, one: Deadline) -> None:
        """It is no longer late."""
        self._open.discard(one)

    def _look(self) -> None:
        now = perf_counter()
        for one in [one for one in self._open if now > one.until]:
            self._open.discard(one)
            one.passed = True
            one.task.cancel()
        self._watching = bool(self._open)
        if self._watching and self._loop is not None:
            self._loop.call_later(STEP_SECONDS, self._look)
