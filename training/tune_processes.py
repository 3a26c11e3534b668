"""Several processes at work on one study. They end with the process that started them, however that one ends."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Lock

from training.processes import end_with_parent, share_of_cores, threads
from training.tune import Work, work_on

EVERY = 0.3
"""Seconds between looks at what the workers have finished."""


def work_in_processes(work: Work, after: Callable[[], None]) -> None:
    """Runs `work.budget.processes` workers until the budget is spent; `after` is called whenever time has passed.

    The cores are shared out evenly. Raises `RuntimeError` when a worker ended by a fault of ours.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy locks of running thread pools
    turn = context.Lock()
    with threads(share_of_cores(work.budget.processes)):
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
    end_with_parent()
    try:
        work_on(work, number=number, turn=turn)
    except KeyboardInterrupt:
        return


def _end(workers: Sequence[BaseProcess]) -> None:
    for one in workers:
        if one.is_alive():
            one.terminate()
    for one in workers:
        one.join(10)
        if one.is_alive():
            one.kill()
            one.join()
