"""What a fit may use besides one plain process: several of them, fewer bits, a file to go on from.

`Scale` is what is asked for (command line, bench); `Runtime` is what one fit's loop is told. Plain data, no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

from graph.errors import InvalidData

if TYPE_CHECKING:
    from training.data import TrainingData
    from training.warm import Start

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
EVERY = 60.0
"""Seconds between checkpoints at least: a fit that is shorter is sooner repeated than read back."""


@dataclass(frozen=True)
class Checkpoint:
    """Where one fit leaves its state, `every` so many seconds at the end of an epoch, and of what fit it is (`key`)."""

    path: Path
    key: str
    every: float = EVERY


@dataclass(frozen=True)
class Runtime:
    """How one fit runs. `precision` None: what suits the device (`training.scale.precision`).

    Each batch is cut into `pieces`, of which process `rank` of `processes` computes every `processes`-th. What comes
    out depends on the pieces and not on the processes, up to the order of sums: with several pieces each has random
    numbers of its own.
    """

    precision: Precision | None = None
    pieces: int = 1
    rank: int = 0
    processes: int = 1
    checkpoint: Checkpoint | None = None

    @property
    def mine(self) -> range:
        """The pieces that this process computes."""
        return range(self.rank, self.pieces, self.processes)


PLAIN = Runtime()


@dataclass(frozen=True)
class Place:
    """Which of how many processes this is, in all and on its machine."""

    rank: int
    processes: int
    local_rank: int
    local_processes: int


class Team(Protocol):
    """Other processes that fit along, `processes` with this one."""

    @property
    def processes(self) -> int: ...

    def share(self, model: str, config: Any, data: TrainingData, start: Start | None, runtime: Runtime) -> None:
        """Tells them which fit begins now."""
        ...


@dataclass(frozen=True)
class Scale:
    """What a training is given. `pieces` 0: as many as processes. `checkpoints`: a folder, or None for none.

    `every`: seconds between a fit's checkpoints, at least.
    """

    precision: Precision | None = None
    team: Team | None = None
    pieces: int = 0
    checkpoints: Path | None = None
    every: float = EVERY

    def __post_init__(self) -> None:
        if self.precision not in {None, *PRECISIONS}:
            raise InvalidData(f"no precision {self.precision!r}", valid=", ".join(PRECISIONS), remedy="choose one")
        if self.batch_pieces < 1 or self.batch_pieces % self.processes:
            raise InvalidData(
                f"{self.batch_pieces} pieces of a batch cannot be shared by {self.processes} processes",
                valid="a multiple of the processes, at least one",
                remedy="set pieces to a multiple of processes",
            )

    @property
    def processes(self) -> int:
        return 1 if self.team is None else self.team.processes

    @property
    def batch_pieces(self) -> int:
        """Pieces of a batch."""
        return self.pieces or self.processes


ONE = Scale()
"""One process, what suits the device, nothing kept."""
