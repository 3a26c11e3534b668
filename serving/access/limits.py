"""How often one caller may ask: a bucket of tokens each, filled at an even rate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

MOST_BUCKETS = 20_000


class Buckets:
    """`rate`: tokens a second, `burst`: how many a bucket holds. One a worker; at most `MOST_BUCKETS` are kept, and
    when there are more, those that are full again, or else all, are forgotten.
    """

    def __init__(self, rate: float, burst: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._clock = clock
        self._held: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> int:
        """0 when the caller had a token left; else after how many whole seconds there is one."""
        now = self._clock()
        tokens, since = self._held.get(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        if tokens < 1:
            self._held[name] = tokens, now
            return max(1, math.ceil((1 - tokens) / self._rate))
        if len(self._held) >= MOST_BUCKETS and name not in self._held:
            self._forget(now)
        self._held[name] = tokens - 1, now
        return 0

    def _forget(self, now: float) -> None:
        self._held = {
            name: (tokens, since)
            for name, (tokens, since) in self._held.items()
            if tokens + (now - since) * self._rate < self._burst
        }
        if len(self._held) >= MOST_BUCKETS:
            self._held = {}
