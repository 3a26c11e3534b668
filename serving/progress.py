"""How long work tells a person what is happening: progress bars on a terminal, plain lines elsewhere, on stderr.

Made at an entry point and passed down; the parts below take plain callables (`advance`) or a `Monitor` (`epochs`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SHOWN = ("loss", "ndcg@10", "recall@10", "hr@10")
"""Which of an epoch's metrics a progress line has room for."""


class Step(Protocol):
    """One thing being done."""

    def advance(self, count: int = 1) -> None:
        """`count` more are done."""
        ...

    def at(self, done: int, total: int) -> None:
        """`done` of `total` are done."""
        ...

    def note(self, text: str) -> None:
        """What is happening just now, beside the title."""
        ...


class Reporter(Protocol):
    """Where steps are shown."""

    def step(self, title: str, total: int | None = None) -> AbstractContextManager[Step]:
        """Shows a step until the block ends."""
        ...

    def say(self, text: str) -> None:
        """One line that stays."""
        ...


class Bars:
    """Progress bars for a terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=total, note="")
            yield _Bar(progress, task)
            progress.update(task, total=1, completed=1)

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)


class _Bar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, count: int = 1) -> None:
        self._progress.advance(self._task, count)

    def at(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)

    def note(self, text: str) -> None:
        self._progress.update(self._task, note=text)


class Lines:
    """Plain lines for a log: one when a step begins, one when it ends, a note at most every few seconds."""

    every = 5.0

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:  # noqa: ARG002 - one signature
        started = time.monotonic()
        self.say(f"{title} …")
        yield _Line(self, title)
        self.say(f"{title}: done in {time.monotonic() - started:.1f} s")

    def say(self, text: str) -> None:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        sys.stderr.flush()


class _Line:
    def __init__(self, lines: Lines, title: str) -> None:
        self._lines = lines
        self._title = title
        self._last = time.monotonic()
        self._done = 0

    def advance(self, count: int = 1) -> None:
        self._done += count
        self._say(f"{self._done:,}")

    def at(self, done: int, total: int) -> None:
        self._done = done
        self._say(f"{done:,} of {total:,}")

    def note(self, text: str) -> None:
        self._say(text)

    def _say(self, text: str) -> None:
        if time.monotonic() - self._last >= self._lines.every:
            self._last = time.monotonic()
            self._lines.say(f"{self._title}: {text}")


def open_reporter(*, plain: bool) -> Reporter:
    """Bars when stderr is a terminal and `plain` is false, else lines."""
    return Lines() if plain or not sys.stderr.isatty() else Bars()


def parts(step: Step) -> Callable[[str, int, int], None]:
    """For work in named parts: (part, done, total) shown in one step."""

    def show(part: str, done: int, total: int) -> None:
        step.note(part)
        step.at(done, total)

    return show


class EpochMonitor:
    """A training `Monitor` that shows epochs in a step."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:
        """`number` counts from 1."""
        self._step.at(number, total)
        shown = [f"{name} {metrics[name]:.4f}" for name in SHOWN if name in metrics]
        self._step.note(f"epoch {number} of {total} {' '.join(shown)}")
