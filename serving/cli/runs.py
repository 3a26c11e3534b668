"""`interlace runs`: what was trained and tuned, and what made the difference."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.session import Home, Json, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from training.runs import Comparison, RunRow

Experiment = Annotated[
    str, typer.Option("--experiment", metavar="NAME", help="Only of this data set. [dim]default: all[/]",
                      show_default=False),
]  # fmt: skip
Nested = Annotated[bool, typer.Option("--nested", help="Members of blends and trials of tunings too.")]
Most = Annotated[int, typer.Option("-n", min=1, help="How many, newest first.")]
Names = Annotated[
    list[str], typer.Argument(metavar="RUN RUN …", help="Ids or their beginnings, version:N, champion or challenger."),
]  # fmt: skip
Measure = Annotated[str, typer.Option("--measure", help="What is tested user by user.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    group.command(
        "list",
        epilog=examples(
            ("interlace runs list", "the twenty newest"),
            ("interlace runs list --experiment shop --nested -n 100", "one data set's, members and trials too"),
        ),
    )(list_)
    group.command(
        "compare",
        epilog=examples(
            ("interlace runs compare 3f2a 91bc", "what differs, and whether it matters"),
            ("interlace runs compare champion version:7 version:8 --json", "two rivals of the champion, as one object"),
            ("interlace runs compare 3f2a 91bc --measure recall@10", "tested by recall"),
        ),
    )(compare)
    app.add_typer(
        group,
        name="runs",
        rich_help_panel="Learn from it",
        help="List runs, and compare them user by user.",
        epilog=examples(
            ("interlace runs list", "the newest runs"),
            ("interlace runs compare A B", "settings, measures, a paired test"),
        ),
    )


def list_(
    ctx: typer.Context,
    experiment: Experiment = "",
    nested: Nested = False,
    most: Most = 20,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """List runs of training and tuning with what they measured."""
    session = start(ctx, home, store, as_json)
    from training.runs import list_runs
    from training.tracking import open_tracker

    rows = list_runs(open_tracker(session.settings.mlflow), experiment=experiment, nested=nested, most=most)
    session.answer({"runs": [asdict(row) for row in rows]}, lambda console: show_list(console, rows))


def show_list(console: Console, rows: list[RunRow]) -> None:
    """One line a run."""
    from datetime import UTC, datetime

    from rich.table import Table

    from training.runs import quality

    table = Table("run", "begun", "experiment", "name", "model", "status", "validation", "test ndcg@10", box=None)
    for row in rows:
        begun = datetime.fromtimestamp(row.begun / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        name = f"  {row.name}" if row.parent else row.name
        table.add_row(row.id[:8], begun, row.experiment, name, row.model, row.status.lower(),
                      _number(quality(row, "validation")), _number(quality(row)))  # fmt: skip
    console.print(table if rows else "no runs yet: interlace train")


def compare(
    ctx: typer.Context,
    runs: Names,
    measure: Measure = "ndcg@10",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show runs side by side: settings that differ, measures, and each against the first by a paired test (Holm)."""
    session = start(ctx, home, store, as_json)
    from serving.workflow import open_registry
    from training.runs import compare_runs

    found = compare_runs(open_registry(session.settings.mlflow), runs, measure=measure, seed=session.settings.seed)
    session.answer(found.as_dict(), lambda console: show_comparison(console, found))


def show_comparison(console: Console, found: Comparison) -> None:
    """Two tables, and a line a test."""
    from rich.table import Table

    heads = [f"{row.model or row.name} {row.id[:8]}" for row in found.runs]
    params = Table("settings that differ", *heads, box=None)
    for name, values in found.params.items():
        params.add_row(name, *("" if value is None else value[:80] for value in values))
    metrics = Table("measure", *heads, box=None)
    for name, numbers in found.metrics.items():
        metrics.add_row(name, *(_number(number) for number in numbers))
    console.print(params)
    console.print(metrics)
    for run, test in found.tests.items():
        word = "differs from" if test.adjusted < 0.05 else "is not significantly different from"
        console.print(
            f"{run[:8]} {word} {found.runs[0].id[:8]}: {found.measure} {test.difference:+.4f} "
            f"[{test.low:+.4f}, {test.high:+.4f}], p = {test.p_value:.4f}, with Holm's correction {test.adjusted:.4f}",
            markup=False,
        )
    for run, why in found.untested.items():
        console.print(f"{run[:8]} was not tested: {why}", markup=False)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
