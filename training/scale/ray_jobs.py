"""Ray instead of processes of this machine: to train a network together, and to share out the trials of a tuning.

`graph.ray_cluster` says which cluster. What tuning shares, its journal, lies below the home folder: on several machines
a folder that all of them see.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from graph.ray_cluster import connected
from training.scale.runtime import Place
from training.scale.team import Members, first_of, work
from training.tune import Work, work_on

EVERY = 0.3
"""Seconds between looks at what trials have finished."""


@contextmanager
def ray_team(processes: int, address: str) -> Iterator[Members | None]:
    """A team whose other members are Ray tasks of one core (and one GPU, where the cluster has so many) each."""
    if processes == 1:
        yield None
        return
    with connected(address, processes) as ray:
        gpus = 1 if ray.cluster_resources().get("GPU", 0) >= processes - 1 else 0
        task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(work)
        meeting = f"tcp://{_address(ray.util.get_node_ip_address())}"
        members = [task.remote(Place(rank, processes, 0, 1), meeting) for rank in range(1, processes)]
        try:
            with first_of(Place(0, processes, 0, 1), meeting) as team:
                yield team
        finally:
            for one in members:
                ray.cancel(one, force=True)


def work_in_ray(work: Work, after: Callable[[], None], address: str) -> None:
    """Runs `work.budget.processes` workers as Ray tasks until the budget is spent; as `work_in_processes`."""
    with connected(address, work.budget.processes) as ray:
        turn = ray.remote(num_cpus=0)(_Turn).remote()
        task = ray.remote(num_cpus=1, max_retries=0)(_trials)
        shared = ray.put(work)
        left = [task.remote(shared, number, turn) for number in range(work.budget.processes)]
        try:
            while left:
                done, left = ray.wait(left, timeout=EVERY)
                ray.get(done)
                after()
        finally:
            for one in left:
                ray.cancel(one)
            if left:
                ray.wait(left, num_returns=len(left), timeout=10)


def _trials(work: Work, number: int, turn: Any) -> None:
    try:
        work_on(work, number=number, turn=_Taken(turn))
    except KeyboardInterrupt:  # `ray.cancel`: the trial has been put back in line
        return


class _Turn:
    """An actor: one at a time has the turn."""

    def __init__(self) -> None:
        self._taken = False

    def take(self) -> bool:
        """Have I got it."""
        got, self._taken = not self._taken, True
        return got

    def give(self) -> None:
        self._taken = False


class _Taken:
    """The turn, for the length of a block."""

    def __init__(self, turn: Any) -> None:
        self._turn = turn

    def __enter__(self) -> None:
        import ray

        while not ray.get(self._turn.take.remote()):
            time.sleep(0.01)

    def __exit__(self, *_error: object) -> None:
        import ray

        ray.get(self._turn.give.remote())


def _address(host: str) -> str:
    """A port of this machine that is free now."""
    with socket.socket() as free:
        free.bind((host, 0))
        return f"{host}:{free.getsockname()[1]}"
