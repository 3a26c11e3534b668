"""A circuit breaker: closed (calls pass), open (they fail at once), half-open (one call tries whether it works again).

A call that takes too long is a failure like one that raises. What was begun before the breaker opened says nothing
about whether the other side works again: only the probe closes it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from graph.errors import StoreUnavailable

FAILURES = 3
PAUSE_SECONDS = 5.0
LONGEST_SECONDS = 60.0

State = Literal["closed", "half-open", "open"]


@dataclass(eq=False)
class Call:
    """One call that was let through. `slow`: seconds after `begun` after which it has failed, answer or not."""

    slow: float
    probe: bool
    begun: float = math.inf
    settled: bool = False


class Breaker:
    """`failures` in a row open it for `pause` seconds, and for twice as long after each probe that fails."""

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        pause: float = PAUSE_SECONDS,
        longest: float = LONGEST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._pause, self._longest, self._clock = failures, pause, max(pause, longest), clock
        self._lock = Lock()
        self._calls: set[Call] = set()
        self._in_a_row = 0
        self._wait = pause
        self._retry_at = 0.0
        self._probe: Call | None = None
        self.failure: StoreUnavailable | None = None
        """Why it is not closed."""
        self.opened = 0
        """How often it has opened."""

    @property
    def state(self) -> State:
        if self.failure is None:
            return "closed"
        return "half-open" if self._probe is not None else "open"

    @property
    def due(self) -> bool:
        """Would the next call be the probe."""
        return self.failure is not None and self._probe is None and self._clock() >= self._retry_at

    def check(self) -> None:
        """Raises the failure where a call would not pass."""
        if self.failure is not None and (self._probe is not None or self._clock() < self._retry_at):
            raise self.failure

    def admit(self, slow: float = math.inf) -> Call:
        """A call may begin; give it back to `succeeded`, `failed` or `forgotten`. Raises the failure while open."""
        self.expire()
        with self._lock:
            self.check()
            call = Call(slow, probe=self.failure is not None)
            self._calls.add(call)
            if call.probe:
                self._probe = call
            return call

    def began(self, call: Call) -> None:
        """The call is made now; what it waited for until now was not the other side's doing."""
        call.begun = self._clock()

    def succeeded(self, call: Call) -> None:
        """The call got an answer; too late, it has failed."""
        if self._clock() - call.begun > call.slow:
            self.failed(call, _slow(call))
            return
        with self._lock:
            if not self._settle(call):
                return
            if call.probe or self.failure is None:
                self.failure, self._in_a_row, self._wait = None, 0, self._pause

    def failed(self, call: Call, error: StoreUnavailable, *, at_once: bool = False) -> None:
        """The call failed; `at_once`: there is no use in trying again right away."""
        with self._lock:
            if not self._settle(call):
                return
            if call.probe:
                self._wait = min(self._longest, 2 * self._wait)
                self._open(error)
            elif self.failure is None:
                self._in_a_row += 1
                if at_once or self._in_a_row >= self._most:
                    self._open(error)

    def forgotten(self, call: Call) -> None:
        """The call was never made: the next one may be the probe."""
        with self._lock:
            self._settle(call)

    def expire(self) -> None:
        """Calls that have taken too long have failed, though nobody has come back from them."""
        now = self._clock()
        for call in [call for call in list(self._calls) if now - call.begun > call.slow]:
            self.failed(call, _slow(call))

    def _settle(self, call: Call) -> bool:
        """Whether nobody said how the call ended before."""
        if call.settled:
            return False
        call.settled = True
        self._calls.discard(call)
        if self._probe is call:
            self._probe = None
        return True

    def _open(self, error: StoreUnavailable) -> None:
        self.failure, self._in_a_row, self.opened = error, 0, self.opened + 1
        self._retry_at = self._clock() + self._wait


def _slow(call: Call) -> StoreUnavailable:
    return StoreUnavailable(
        f"the graph store needs more than {call.slow:g} s to answer",
        valid="a store that answers in time",
        remedy="it is tried again in some seconds",
    )
