"""`interlace shadow`: a challenger answers beside the champion, unseen, and is compared."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.errors import InvalidData
from serving.cli.session import Home, Json, Session, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from serving.business import ShadowLog

Version = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version of the index, or of a model that was staged or published.")
]
Which = Annotated[
    str | None, typer.Argument(metavar="[VERSION]", help="The challenger; the last one by default.", show_default=False)
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", min=0, max=1, help="Share of the requests. [dim]default: INTERLACE_SHADOW_RATE[/]",
                 show_default=False),
]  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    group.command(
        "start",
        epilog=examples(
            ("interlace shadow start 4", "model version 4, staged before"),
            ("interlace shadow start 4 --rate 0.2", "for a fifth of the requests"),
        ),
    )(start_)
    group.command("stop", epilog=examples(("interlace shadow stop", "no request is answered twice from now on")))(stop)
    group.command(
        "report",
        epilog=examples(
            ("interlace shadow report", "how alike, how broad, how fast, and what clicks can be expected"),
            ("interlace shadow report 4 --json", "of this challenger, as one object"),
        ),
    )(report)
    app.add_typer(
        group,
        name="shadow",
        rich_help_panel="Learn from it",
        help="A challenger answers beside the champion, unseen, and is compared.",
        epilog=examples(("interlace shadow start 4", "begin"), ("interlace shadow report", "look")),
    )


def start_(
    ctx: typer.Context,
    version: Version,
    rate: Rate = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Let a challenger answer a share of the requests too, after their answers were sent; in place of another one."""
    session = start(ctx, home, store, as_json)
    from serving.business import index_version
    from serving.experiment_runs import ExperimentRuns

    with closing(ExperimentRuns(session.home)) as runs:
        run = runs.start_shadow(index_version(session.home, version), rate or session.settings.shadow_rate)
    text = f"{run.version} answers {run.rate:.0%} of the requests too: interlace shadow report"
    session.answer(asdict(run), lambda console: console.print(text))


def stop(ctx: typer.Context, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """End the shadow; what it answered stays for the report."""
    session = start(ctx, home, store, as_json)
    from serving.experiment_runs import ExperimentRuns

    with closing(ExperimentRuns(session.home)) as runs:
        run = runs.stop_shadow()
    session.answer(asdict(run), lambda console: console.print(f"{run.version} answers no more"))


def report(
    ctx: typer.Context, version: Which = None, home: Home = None, store: Store = None, as_json: Json = False
) -> None:
    """Compare the challenger's answers with the champion's.

    Where an experiment's arm explores at the same time, also estimate the clicks that the challenger would get.
    """
    session = start(ctx, home, store, as_json)
    from serving.business import index_version, shadow_log
    from training.online.shadow import compare

    log = shadow_log(session.home, None if version is None else index_version(session.home, version))
    found = compare(log.pairs, log.index.num_items)
    payload = {"challenger": log.version, "champion": log.index.version, **found.as_dict(), **_expected(session, log)}
    session.answer(payload, lambda console: show(console, payload))


def _expected(session: Session, shadow: ShadowLog) -> dict[str, Any]:
    """The counterfactual estimate, or why there is none."""
    from serving.business import Span, challengers, read_log
    from training.online.offline import estimate, slots

    log = read_log(session.home, Span(since=shadow.since))
    try:
        found = estimate(slots(log, challengers(session.home, log, shadow)), seed=session.settings.seed)
    except InvalidData as error:
        return {"clicks": None, "no_clicks": str(error)}
    return {"clicks": found.as_dict(), "no_clicks": None}


def show(console: Console, found: dict[str, Any]) -> None:
    """A line a comparison."""
    from rich.table import Table

    table = Table(f"{found['answers']:,} answers", "champion", "challenger", "", box=None)
    overlap, correlation = found["overlap"], found["correlation"]
    table.add_row("overlap of the first ten", "", "", f"{overlap[0]:.1%} ({overlap[1]:.1%} to {overlap[2]:.1%})")
    table.add_row("the same first item", "", "", f"{found['same_first']:.1%}")
    table.add_row("Kendall's tau of shared items", "", "",
                  f"{correlation[0]:.3f} ({correlation[1]:.3f} to {correlation[2]:.3f})")  # fmt: skip
    table.add_row("coverage of the catalogue", *(f"{value:.1%}" for value in found["coverage"]), "")
    for place, name in enumerate(("median", "95th percentile")):
        table.add_row(f"milliseconds, {name}", *(f"{one[place]:.2f}" for one in found["milliseconds"]), "")
    if found["clicks"]:
        clicks = found["clicks"]
        for name, one in clicks["estimates"].items():
            table.add_row(f"clicks an impression ({name})", f"{clicks['logged']:.4f}", f"{one['value']:.4f}",
                          f"{one['low']:.4f} to {one['high']:.4f}")  # fmt: skip
        table.add_row("effective rows, of", "", f"{clicks['effective_rows']:,.0f}", f"{clicks['rows']:,}")
    console.print(table)
    if found["no_clicks"]:
        console.print(f"no estimate of clicks: {found['no_clicks']}", markup=False)
