"""`interlace demo`: the main job on MovieLens 100K, then the page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.session import Home, Json, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from serving.demo import DemoReport

Serve = Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the page at the end.")]
Open = Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")]
Mirror = Annotated[
    Path | None,
    typer.Option("--mirror", metavar="DIR", help="Copy the data from DIR/ml-100k instead of downloading it.",
                 show_default=False),
]  # fmt: skip
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="0 takes a free one.", show_default="8421")]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="Try only this model; may be repeated.", show_default="all"),
]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "demo",
        rich_help_panel="Start here",
        epilog=examples(
            ("interlace demo", "fetch, ingest, encode, train, publish, serve; what is done already is not done again"),
            ("interlace demo --mirror /data", "without a network: /data/ml-100k is copied"),
            ("interlace demo --no-serve --json", "one object: counts, metrics of each model, chosen, seconds a step"),
        ),
    )(demo)


def demo(
    ctx: typer.Context,
    serve: Serve = True,
    open_page: Open = True,
    mirror: Mirror = None,
    port: Port = None,
    model: Models = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Do everything once on MovieLens 100K: graph, embeddings, models, MLflow, index, page."""
    session = start(ctx, home, store, as_json, mirror=mirror, port=port)
    from serving.cli.serve import run
    from serving.demo import Demo
    from serving.steps import Steps

    began = time.perf_counter()
    report = Demo(session.settings, session.reporter, Steps(session.home), tuple(model or ())).run(session.store())
    total = time.perf_counter() - began
    if not serve:
        session.answer({**report.as_dict(), "total_seconds": total}, lambda console: show(console, report, total))
        return
    if not as_json:
        session.answer({}, lambda console: show(console, report, total))
    run(session, session.settings, open_page=open_page and not as_json)


def show(console: Console, report: DemoReport, total: float) -> None:
    """Data, models beside popularity, seconds, and where to look next."""
    from serving.cli.train import show_models

    counts = ", ".join(f"{value:,} {name}" for name, value in report.counts.items() if isinstance(value, int) and value)
    vectors = ", ".join(f"{value:,} {name}" for name, value in report.counts["embeddings"].items())
    console.print(f"\n[bold]Data[/]     {counts}" + (f"; embeddings: {vectors}" if vectors else ""))
    console.print(f"[bold]Chosen[/]   {report.chosen}")
    console.print(f"[bold]Serving[/]  {report.model}, version {report.version}, index {report.index}")
    show_models(console, report.metrics)
    seconds = ", ".join(
        f"{name} {'reused' if name in report.reused else f'{value:.1f}'}" for name, value in report.seconds.items()
    )
    console.print(f"[bold]Seconds[/]  {seconds}; in all {total:.1f}")
    for note in report.notes:
        console.print(f"[yellow]{note}[/]")
    console.print(
        "[bold]Next[/]     interlace recommend movielens:196 --explain\n"
        "         interlace similar movielens:50 --by image\n"
        "         interlace mlflow\n"
        "         interlace ingest YOUR-FOLDER --platform NAME --home my-home\n"
    )
