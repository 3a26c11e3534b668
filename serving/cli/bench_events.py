"""`interlace bench events`: a split by time, events to come ranked among one another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.errors import Unsupported
from serving.cli.bench_options import BenchOptions
from serving.cli.session import Session, embedder

if TYPE_CHECKING:
    from rich.console import Console

Horizon = Annotated[
    float | None,
    typer.Option("--horizon", metavar="DAYS", show_default="30",
                 help="events: how far ahead of a cut events are recommended."),
]  # fmt: skip
TestShare = Annotated[
    float | None,
    typer.Option("--test-share", metavar="SHARE", show_default="0.2",
                 help="events: the test begins where this last share of the events does."),
]  # fmt: skip


@dataclass(frozen=True)
class EventOptions:
    """What this task alone takes."""

    horizon: float | None
    test_share: float | None

    def of_another(self, task: str) -> None:
        """Raises `Unsupported` where one was given to another task."""
        if self.horizon is not None or self.test_share is not None:
            raise Unsupported(
                f"--horizon or --test-share in the task {task!r}", valid="the task events", remedy="leave it out"
            )


def bench_events_to_come(session: Session, path: Path, options: BenchOptions, events: EventOptions) -> None:
    """Measures, logs and answers."""
    from training.bench_events import bench_events, log_events
    from training.events.cut import HORIZON_DAYS, TEST_SHARE
    from training.tracking import open_tracker

    _check(options)
    tracker = open_tracker(session.settings.mlflow) if options.track else None
    with session.reporter.step(f"events on {path}") as step:
        result = bench_events(
            path,
            horizon_days=HORIZON_DAYS if events.horizon is None else events.horizon,
            test_share=TEST_SHARE if events.test_share is None else events.test_share,
            min_value=options.min_value,
            seed=session.settings.seed,
            embed=embedder(session) if options.embed else None,
            progress=step.note,
        )
    if tracker is not None:
        with tracker.run(path.resolve().name, "events") as run:
            log_events(run, result, seed=session.settings.seed)
    payload = result.as_dict()
    session.answer(payload, lambda console: show(console, payload))


def _check(options: BenchOptions) -> None:
    options.in_one_process("events")
    fits_another = options.tuned or options.refit or options.ablation or options.settings or options.model != "auto"
    if fits_another or options.without_ids or options.keep is not None:
        raise Unsupported(
            "--model, --set, --settings, --refit, --ablation, --without-ids or --keep in the task 'events'",
            valid="--horizon, --test-share, --min-value, --no-embed, --track and --seed",
            remedy="leave it out",
        )


def show(console: Console, result: dict[str, Any]) -> None:
    """The result for people."""
    from rich.table import Table

    console.print(f"[bold]events[/] {result['users']:,} users, {result['events']:,} events, {result['answers']:,} "
                  f"answers, {result['split']}", highlight=False)  # fmt: skip
    for name, cut in result["cuts"].items():
        console.print(f"{name}: {cut['people']:,} people and {cut['candidates']:,} events from {cut['at']} on, "
                      f"{cut['targets']:,} answers to find", highlight=False)  # fmt: skip
    table = Table("model", *result["metrics"], "validation ndcg@10", "ndcg@10 gained", "p", box=None)
    for name, metrics in {"events": result["metrics"], **result["baselines"]}.items():
        beaten = result["beats"].get(name)
        gain = ("", "") if beaten is None else (f"{beaten['difference']:+.4f}", f"{beaten['adjusted']:.4f}")
        validation = result["validation"][name]["ndcg@10"]
        table.add_row(name, *(f"{value:.4f}" for value in metrics.values()), f"{validation:.4f}", *gain)
    console.print(table)
    for name, gain in result["brings"].items():
        console.print(f"[dim]{name} brings {gain['difference']:+.4f} on validation ({gain['low']:+.4f} to "
                      f"{gain['high']:+.4f})[/]", highlight=False)  # fmt: skip
    weights = ", ".join(f"{name} {value:+.2f}" for name, value in result["weights"].items() if value)
    console.print(f"weights: {weights}", markup=False, style="dim")
    for note in result["notes"]:
        console.print(f"note: {note}", markup=False)
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in result["seconds"].items())
    console.print(f"[dim]{seconds}, peak {result['peak_mb']:,} MB[/]")
