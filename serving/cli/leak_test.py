"""`interlace leak-test`: how much a trained model tells about the people who taught it, by attacking its recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.session import Home, Json, Store, examples, start
from serving.cli.train import PANEL, Seed, VersionName

if TYPE_CHECKING:
    from rich.console import Console

    from training.privacy.membership import Leakage

Models = Annotated[
    int,
    typer.Option(
        "--models", min=4, metavar="N", help="Models that are fitted, each on half of the users, and attacked."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Adds this group's command."""
    app.command(
        "leak-test",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace leak-test", "the champion: was this person, was this interaction in its training data?"),
            ("interlace leak-test 3 --models 8 --json", "version 3, narrower intervals, one object"),
        ),
    )(leak_test)


def leak_test(
    ctx: typer.Context,
    version: VersionName = "champion",
    models: Models = 4,
    seed: Seed = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Attack models of a version's settings: can members of the training data be told from others? Onto its card."""
    session = start(ctx, home, store, as_json, seed=seed)
    from serving.workflow import freeze, open_registry
    from training.privacy.leak_test import leak_test as attack
    from training.privacy.leak_test import record

    registry = open_registry(session.settings.mlflow)
    found = registry.find(version)
    with session.reporter.step("reading the graph"), session.store() as graph:
        frozen = freeze(graph, session.home, session.settings.consent_defaults)
    with session.reporter.step(f"attacking {found.model}") as step:
        leak = attack(
            registry, found, frozen.snapshot, models=models, seed=session.settings.seed, progress=step.note
        )  # fmt: skip
        record(registry, found, leak, frozen.hash)
    payload = {"version": found.version, "model": found.model, **leak.as_dict(), "snapshot": frozen.hash}
    session.answer(payload, lambda console: show(console, leak, found.model))


def show(console: Console, leak: Leakage, model: str) -> None:
    """The result for people."""
    from rich.table import Table

    console.print(f"[bold]{model}[/]: {leak.models} models on half of the users each, {leak.users:,} users asked about")
    table = Table("was it in the training data", "AUC", "95% interval", "found at 1% false alarms", box=None)
    for name, one in (("this user", leak.user), ("this interaction", leak.interaction)):
        table.add_row(name, f"{one.auc:.3f}", f"{one.low:.3f} to {one.high:.3f}", f"{one.sure:.1%}")
    console.print(table)
    console.print(f"[dim]0.5 is a guess; threat: {leak.threat}[/]")
