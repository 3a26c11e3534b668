"""Options of training beyond one plain process, and what they open: `interlace train`, `bench` and `tune`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from training.plan import Plan
    from training.scale.runtime import Team

PANEL = "Beyond one process"
CHECKPOINTS = "checkpoints"
"""Below the home folder: a folder a training that is not done yet."""

Processes = Annotated[
    int,
    typer.Option("--processes", min=1, rich_help_panel=PANEL,
                 help="Processes that train a network together; under torchrun, torchrun's."),
]  # fmt: skip
Pieces = Annotated[
    int,
    typer.Option("--pieces", min=0, rich_help_panel=PANEL, show_default="as many as processes",
                 help="Cut each batch into so many pieces: same pieces, same result, in one process or several."),
]  # fmt: skip
PrecisionName = Annotated[
    Literal["fp32", "bf16", "fp16"] | None,
    typer.Option("--precision", rich_help_panel=PANEL, show_default="bf16 on a GPU that has it, else fp32",
                 help="Bits of a network's products; weights, sums and measures have 32."),
]  # fmt: skip
Resume = Annotated[
    bool,
    typer.Option("--resume/--no-resume", rich_help_panel=PANEL,
                 help="Go on where a killed training of the same data and settings was, or begin anew."),
]  # fmt: skip
Every = Annotated[
    float,
    typer.Option("--checkpoint-every", min=0, metavar="SECONDS", rich_help_panel=PANEL,
                 help="A network's state is kept at the first end of an epoch after so long."),
]  # fmt: skip
Ray = Annotated[
    str,
    typer.Option("--ray", metavar="ADDRESS", rich_help_panel=PANEL, show_default=False,
                 help="Other processes by Ray: local, auto, or a cluster's address. Needs the extra ray."),
]  # fmt: skip


@contextmanager
def open_team(processes: int, ray: str = "") -> Iterator[Team | None]:
    """The processes that train along, this one the first of them; None for none."""
    from training.scale.team import Members, local_team, under_torchrun

    place = under_torchrun()
    if place is not None:
        yield Members(place.processes)  # `main` has joined them
    elif ray:
        from training.scale.ray_jobs import ray_team

        with ray_team(processes, ray) as team:
            yield team
    else:
        with local_team(processes) as team:
            yield team


@contextmanager
def checkpoints(home: Path, snapshot: str, plan: Plan, *, resume: bool) -> Iterator[Path]:
    """The folder of this training's checkpoints: of the same plan and data, the same one. Gone when it is done."""
    from training.scale.fit import fingerprint
    from training.scale.runtime import ONE

    folder = home / CHECKPOINTS / fingerprint((snapshot, replace(plan, scale=ONE)))[:16]
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def along_with_torchrun(command: Callable[[], object]) -> None:
    """Runs `command` in the first process that torchrun started; the others train along, and it ends the process."""
    from training.scale.team import first_of, under_torchrun, work

    place = under_torchrun()
    if place is None:
        command()
        return
    if place.rank:
        work(place)
        return
    with first_of(place):
        try:
            command()
        except SystemExit as end:
            if end.code:  # the others may be in the middle of a fit: they notice that this one is gone
                raise
    sys.exit(0)
