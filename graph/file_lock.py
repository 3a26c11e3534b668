"""One process at a time, by the lock of a file, which ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graph.errors import InterlaceError


@contextmanager
def alone(path: Path, busy: InterlaceError | None = None) -> Iterator[None]:
    """Holds the lock of a file, which is made where needed. Waits for who holds it, or, with `busy`, raises that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if busy is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if busy is None:
                raise
            raise busy from error
        yield
    finally:
        os.close(file)
