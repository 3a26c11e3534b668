"""What a worker remembers of one question for each user, as long as nothing that the answer was made of has changed."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

MOST = 10_000
"""Users; of those remembered longest the answer is made again. A list of two hundred items takes three kilobytes."""

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """The last answer for each user, with all that it depends on beside the object that this belongs to."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = Lock()
        self._found: dict[str, tuple[Hashable, Value]] = {}

    def get(self, user: str, made_of: Hashable) -> Value | None:
        """What was remembered, if it was made of the same."""
        found = self._found.get(user)
        return found[1] if found is not None and found[0] == made_of else None

    def put(self, user: str, made_of: Hashable, value: Value) -> None:
        """Instead of what was remembered of the user before."""
        with self._lock:
            self._found.pop(user, None)
            self._found[user] = made_of, value
            if len(self._found) > self._most:
                del self._found[next(iter(self._found))]
