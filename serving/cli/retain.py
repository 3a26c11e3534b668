"""`interlace retain`: what is older than it may be goes."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.session import Home, Json, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say how much would go; do nothing.")]
File = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="The policy. [dim]default: HOME/retention.yaml[/]", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        "retain",
        rich_help_panel="Operate",
        epilog=examples(
            ("interlace retain --dry-run", "how much is older than HOME/retention.yaml allows"),
            ("interlace retain && interlace refresh", "it goes, and models and index are made without it"),
        ),
    )(retain)


def retain(
    ctx: typer.Context,
    dry_run: DryRun = False,
    file: File = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Remove interactions, events, exposures, audit lines and logs that are older than retention.yaml allows."""
    session = start(ctx, home, store, as_json)
    from serving.refresh_lock import refresh_lock
    from serving.retention import retain as remove_old
    from serving.retention_file import FILE, read_policy

    policy = read_policy(file or session.home / FILE)
    with session.store() as graph:
        if dry_run:
            found = remove_old(graph, session.home, policy, dry_run=True)
        else:
            with refresh_lock(graph, session.home, f"retain-{secrets.token_hex(3)}"):
                found = remove_old(graph, session.home, policy)
    payload = {"dry_run": dry_run, "removed": found}
    session.answer(payload, lambda console: show(console, found, dry_run=dry_run))


def show(console: Console, found: dict[str, Any], *, dry_run: bool) -> None:
    """One row a kind."""
    told = ", ".join(f"{count:,} {name}" for name, count in found.items() if count) or "nothing"
    console.print(f"{'would go' if dry_run else 'gone'}: {told}")
    if told != "nothing" and not dry_run:
        console.print("[dim]interlace refresh makes models and index without it[/]")
