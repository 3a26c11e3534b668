"""`interlace bench ctr`: labels have no ranking, so other models, another measure, the same kind of object."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.errors import Unsupported
from serving.cli.bench_options import BenchOptions
from serving.cli.session import Session, embedder
from serving.cli.train import parse_settings

if TYPE_CHECKING:
    from rich.console import Console

WithoutIds = Annotated[
    bool,
    typer.Option("--without-ids", help="ctr: read profiles, attributes and times alone, nothing that tells ids apart."),
]
Keep = Annotated[
    Path | None, typer.Option("--keep", metavar="FOLDER", help="ctr: write the fitted model into this new folder.")
]
Track = Annotated[bool, typer.Option("--track", help="ctr, events: log to MLflow (of ctr a run below for every fit).")]


def bench_clicks(session: Session, path: Path, options: BenchOptions) -> None:
    """Measures, keeps, logs and answers."""
    from training.bench_ctr import bench_ctr, log_clicks
    from training.tracking import open_tracker

    options.in_one_process("ctr")
    if options.tuned or options.min_value is not None:
        raise Unsupported(
            f"{'tuned settings' if options.tuned else '--min-value'} in the task 'ctr'",
            valid="labels 0/1 and --set NAME=VALUE",
            remedy="leave it out",
        )
    tracker = open_tracker(session.settings.mlflow) if options.track else None
    with session.reporter.step(f"ctr on {path}") as step:
        result = bench_ctr(
            path,
            model=options.model,
            overrides=parse_settings(options.settings or []),
            refit=options.refit,
            budget=options.budget,
            seed=session.settings.seed,
            embed=embedder(session) if options.embed else None,
            ids=not options.without_ids,
            keep=options.keep,
            progress=step.note,
        )
    if tracker is not None:
        with tracker.run(path.resolve().name, f"ctr {options.model}") as run:
            log_clicks(run, result, keep=options.keep, seed=session.settings.seed, ids=not options.without_ids)
    payload = result.as_dict()
    session.answer(payload, lambda console: show_ctr(console, payload))


def show_ctr(console: Console, result: dict[str, Any]) -> None:
    """The result for people."""
    from rich.table import Table

    rows = ", ".join(f"{name} {count:,}" for name, count in result["rows"].items())
    console.print(f"[bold]ctr[/] {rows} rows, {result['split']}")
    console.print(result["chosen"], markup=False)
    table = Table("model", *result["metrics"], box=None)
    for name, metrics in {result["model"]: result["metrics"], **result["baselines"]}.items():
        table.add_row(name, *(f"{value:.4f}" for value in metrics.values()))
    console.print(table)
    for name, gain in result["brings"].items():
        console.print(
            f"[dim]{name} brings {gain['difference']:.5f} logloss ({gain['low']:.5f} to {gain['high']:.5f})[/]"
        )
    for name, metrics in result["conversion"].items():
        shown = ", ".join(f"{measure} {value:,.4g}" for measure, value in metrics.items())
        console.print(f"conversion, {name}: {shown}", markup=False)
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in result["seconds"].items())
    console.print(f"[dim]{seconds}, peak {result['peak_mb']:,} MB[/]")
