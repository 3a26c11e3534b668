"""What was asked of `interlace bench`, as it stands on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from graph.errors import Unsupported


@dataclass(frozen=True)
class BenchOptions:
    """Of every task; each refuses what says nothing to it."""

    model: str
    settings: list[str] | None
    tuned: str
    refit: bool
    min_value: float | None
    budget: float | None
    embed: bool
    ablation: bool
    without_ids: bool
    keep: Path | None
    track: bool
    processes: int
    pieces: int
    precision: str | None

    def in_one_process(self, task: str) -> None:
        """Raises `Unsupported` where more was asked for."""
        if self.processes > 1 or self.pieces or self.precision:
            raise Unsupported(
                f"--processes, --pieces or --precision in the task {task!r}",
                valid="networks that rank: lightgcn, gnn, sasrec, bert4rec, embedding-mlp",
                remedy="leave it out",
            )

    def of_clicks_alone(self, task: str) -> None:
        """Raises `Unsupported` for an option of another task than `task`."""
        if self.without_ids or self.keep is not None or self.track:
            raise Unsupported(
                f"--without-ids, --keep or --track in the task {task!r}",
                valid="the task ctr (--track: events, too)",
                remedy="`interlace train` keeps and tracks models that rank",
            )
