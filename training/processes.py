"""Small things that processes started by ours have in common: they end with their parent and share out the cores."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def end_with_parent() -> None:
    """A parent that was killed cannot say so: its child notices, and is gone too. Called in the child."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def share_of_cores(processes: int) -> int:
    """Threads for each of so many processes."""
    return max(1, (os.cpu_count() or 1) // processes)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Thread pools of processes begun in the block have this size, where the user has not said otherwise."""
    missing = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(missing, str(count)))
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]
