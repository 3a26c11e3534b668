"""Processes that fit along: started here, by torchrun or by Ray, all of them waiting in `serve` for what comes next.

The first process runs the command as if it were alone and tells the others of each fit (`share`); they fit along and
forget. So reading, measuring, MLflow and the registry are where they are without them, and happen once.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from graph.errors import InterlaceError
from training.data import TrainingData
from training.processes import end_with_parent, share_of_cores
from training.scale.runtime import Place, Runtime
from training.warm import Start

PATIENCE = 5.0
"""Seconds that the others get to end by themselves."""
TORCHRUN = "TORCHELASTIC_RUN_ID"
"""What torchrun sets in the environment of the processes that it starts."""


@dataclass(frozen=True)
class Task:
    """One fit. `data` None: that of the fit before."""

    model: str
    config: Any
    data: TrainingData | None
    start: Start | None
    runtime: Runtime


class Members:
    """The `Team` of the first process."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._data: TrainingData | None = None

    def share(self, model: str, config: Any, data: TrainingData, start: Start | None, runtime: Runtime) -> None:
        """As `Team.share`."""
        self._say(Task(model, config, None if data is self._data else data, start, runtime))
        self._data = data

    def dismiss(self) -> None:
        """They need not wait any longer."""
        self._say(None)

    def _say(self, task: Task | None) -> None:
        from training.scale.world import first_says

        first_says(task, self.processes)


def serve(rank: int, processes: int) -> None:
    """Fits along until the first process dismisses. A fault that all have is the first one's to tell."""
    from training.scale.world import first_says
    from training.zoo import find

    data: TrainingData | None = None
    while True:
        try:
            task: Task | None = first_says(None, processes)
        except RuntimeError:  # the first process is gone: what went wrong is its to say
            return
        if task is None:
            return
        data = task.data or data
        assert data is not None
        recommender: Any = find(task.model).build(task.config)
        recommender.start, recommender.runtime = task.start, replace(task.runtime, rank=rank)
        try:
            recommender.fit(data)
        except InterlaceError:
            return


@contextmanager
def local_team(processes: int) -> Iterator[Members | None]:
    """A team on this machine, the cores shared out evenly; None for one process."""
    if processes == 1:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="interlace-team-") as folder:
        address = (Path(folder) / "store").as_uri()
        context = multiprocessing.get_context("spawn")  # a fork would copy locks of running thread pools
        workers = [
            context.Process(target=_worker, args=(rank, processes, address), daemon=True)
            for rank in range(1, processes)
        ]
        for one in workers:
            one.start()
        patience = 0.0  # after an error they may be in the middle of a fit that will not go on
        try:
            with first_of(_here(0, processes), address) as team:
                yield team
            patience = PATIENCE
        finally:
            _end(workers, patience)


@contextmanager
def first_of(place: Place, address: str | None = None) -> Iterator[Members]:
    """This process is the first of a team whose others are on their way. `address`: see `training.scale.world.join`."""
    import torch

    from training.scale.world import join, leave

    before = torch.get_num_threads()
    join(place, address=address)
    torch.set_num_threads(min(before, share_of_cores(place.local_processes)))
    team = Members(place.processes)
    try:
        yield team
        team.dismiss()
    finally:
        leave()
        torch.set_num_threads(before)


def work(place: Place, address: str | None = None) -> None:
    """The whole life of a process that is not the first."""
    import torch

    from training.scale.world import join, leave

    torch.set_num_threads(min(torch.get_num_threads(), share_of_cores(place.local_processes)))
    join(place, address=address)
    try:
        serve(place.rank, place.processes)
    finally:
        leave()


def _worker(rank: int, processes: int, address: str) -> None:
    end_with_parent()
    work(_here(rank, processes), address)


def _here(rank: int, processes: int) -> Place:
    """All processes are on one machine."""
    return Place(rank, processes, rank, processes)


def _end(workers: Sequence[BaseProcess], patience: float) -> None:
    for one in workers:
        one.join(patience)
        if one.is_alive():
            one.kill()
            one.join()


def under_torchrun(environment: Mapping[str, str] = os.environ) -> Place | None:
    """Where torchrun started this process, and others beside it."""
    if TORCHRUN not in environment or int(environment["WORLD_SIZE"]) == 1:
        return None
    rank, processes, local_rank, local_processes = (
        int(environment[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    )
    return Place(rank, processes, local_rank, local_processes)
