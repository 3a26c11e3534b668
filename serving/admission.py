"""How many requests a worker takes on: so many at once, so many that wait for a place; others are told to come back.

Only the event loop touches it, so it needs no lock.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Admission:
    """`running` requests at once, `waiting` behind them, each for at most `seconds`."""

    def __init__(self, running: int, waiting: int, seconds: float) -> None:
        self._most_running, self._most_waiting, self.seconds = running, waiting, seconds
        self._queue: deque[asyncio.Future[None]] = deque()
        self.running = 0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def enter(self) -> bool:
        """Takes a place if there is one and nobody waits for it."""
        if self.running >= self._most_running:
            return False
        self.running += 1
        return True

    @property
    def full(self) -> bool:
        """May nobody else wait."""
        return len(self._queue) >= self._most_waiting

    async def wait(self, seconds: float) -> bool:
        """Waits for a place, in the order of arrival; False when there was none in time."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            await asyncio.wait_for(asyncio.shield(place), min(seconds, self.seconds))
        except TimeoutError:
            return self._gave_up(place)
        except BaseException:
            if self._gave_up(place):
                self.leave()
            raise
        return True

    def leave(self) -> None:
        """Gives the place to who waited longest."""
        while self._queue:
            place = self._queue.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.running -= 1

    def _gave_up(self, place: asyncio.Future[None]) -> bool:
        """Whether a place came at the last moment after all."""
        if place.done():
            return True
        place.cancel()
        self._queue.remove(place)
        return False
