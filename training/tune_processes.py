"""Several processes at work on one study. They end with the process that started them, however that one ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Lock

from training.tune import Work, work_on

EVERY = 0.3
"""Seconds between looks at what the workers have finished."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def work_in_processes(work: Work, after: Callable[[], None]) -> None:
    """Runs `work.budget.processes` workers until the budget is spent; `after` is called whenever time has passed.

    The cores are shared out evenly. Raises `RuntimeError` when a worker ended by a fault of ours.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy locks of running thread pools
    turn = context.Lock()
    with _threads(max(1, (os.cpu_count() or 1) // work.budget.processes)):
        workers = [
            context.Process(target=_worker, args=(work, number, turn), daemon=True)
            for number in range(work.budget.processes)
        ]
        for one in workers:
            one.start()
    try:
        while any(one.is_alive() for one in workers):
            time.sleep(EVERY)
            after()
    finally:
        _end(workers)
    failed = [one.exitcode for one in workers if one.exitcode]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(workers)} tuning processes failed, exit codes {failed}")


def _worker(work: Work, number: int, turn: Lock) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a trial is put back in line
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work_on(work, number=number, turn=turn)
    except KeyboardInterrupt:
        return


def _end_with_parent() -> None:
    """A parent that was killed cannot say so: its workers notice, and leave their trials to who comes next."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _end(workers: Sequence[BaseProcess]) -> None:
    for one in workers:
        if one.is_alive():
            one.terminate()
    for one in workers:
        one.join(10)
        if one.is_alive():
            one.kill()
            one.join()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Thread pools of processes begun in the block have this size, where the user has not said otherwise."""
    missing = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(missing, str(count)))
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]
