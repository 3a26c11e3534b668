"""`interlace doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.session import Home, Json, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from serving.doctor import Check

MARKS = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}

Port = Annotated[int | None, typer.Option("--port", help="Port to look at.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "doctor",
        rich_help_panel="Operate",
        epilog=examples(
            ("interlace doctor", "check everything; exits 1 when something fails"),
            ("interlace doctor --store bolt://db:7687", "is that Neo4j reachable"),
        ),
    )(doctor)


def doctor(
    ctx: typer.Context, port: Port = None, home: Home = None, store: Store = None, as_json: Json = False
) -> None:
    """Check Python, packages, store, MLflow, encoders, GPU, disk and port, and say how to mend what is wrong."""
    session = start(ctx, home, store, as_json, port=port)
    from serving.doctor import examine

    with session.reporter.step("examining") as step:
        checks = list(examine(session.settings, step.note))
    failed = any(check.status == "fail" for check in checks)
    payload = {"ok": not failed, "checks": [asdict(check) for check in checks]}
    session.answer(payload, lambda console: show(console, checks))
    if failed:
        raise typer.Exit(1)


def show(console: Console, checks: list[Check]) -> None:
    """One row a check; what to do stands under what is wrong."""
    from rich.table import Table

    table = Table("", "check", "found", box=None)
    for check in checks:
        remedy = f"\n[yellow]{check.remedy}[/]" if check.remedy else ""
        table.add_row(MARKS[check.status], check.name, check.detail + remedy)
    console.print(table)
