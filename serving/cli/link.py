"""`interlace link`: who is who across platforms, and which items are the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.session import Home, Json, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from graph.link.run import LinkReport

What = Annotated[bool, typer.Option("--people/--items", help="Link users to people, or items to one another.")]
RulesFile = Annotated[
    Path | None,
    typer.Option("--rules", metavar="FILE", show_default=False, exists=True, dir_okay=False,
                 help="JSON: which property is which column, and what is not compared."),
]  # fmt: skip
Threshold = Annotated[float, typer.Option("--threshold", min=0.05, max=0.999999, help="Least probability of a link.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Report alone: the graph stays as it is.")]
Undo = Annotated[str, typer.Option("--undo", metavar="RUN", show_default=False, help="Take this run's links back.")]
Show = Annotated[bool, typer.Option("--show-values", help="The report shows values as they are, not masked.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's command."""
    app.command(
        "link",
        rich_help_panel="Build the graph",
        epilog=examples(
            ("interlace link --dry-run", "who is who: a report, nothing written"),
            ("interlace link", "(User)-[:IS {probability}]->(Person)"),
            ("interlace link --items --threshold 0.9", "(Item)-[:SAME_AS {probability}]->(Item)"),
            ("interlace link --undo 20260105-101500-people-3f2a", "take a run back"),
        ),
    )(link)


def link(
    ctx: typer.Context,
    people: What = True,
    rules: RulesFile = None,
    threshold: Threshold = 0.3,
    dry_run: Dry = False,
    undo: Undo = "",
    show_values: Show = False,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Link users who are one person, or items that are the same, across platforms: by probability, with a report.

    Weights are learned from the graph itself, without a label. What somebody said (identities) is kept.
    """
    session = start(ctx, home, store, as_json)
    from graph.link.records import ITEMS, PEOPLE, read_rules
    from graph.link.run import run_link, undo_link

    what = PEOPLE if people else ITEMS
    with session.store() as graph, session.reporter.step("link") as step:
        if undo:
            report = undo_link(graph, session.home, undo)
        else:
            report = run_link(
                graph,
                session.home,
                what,
                rules=read_rules(rules, what),
                threshold=threshold,
                dry=dry_run,
                show_values=show_values,
                seed=session.settings.seed,
                progress=step.note,
            )
    session.answer(report.as_dict(), lambda console: _show(console, report))


def _show(console: Console, report: LinkReport) -> None:
    for name, count in report.counts.items():
        console.print(f"{count:>10,}  {name}")
    if report.dry:
        console.print("[dim]--dry-run: nothing was written[/]")
    if report.folder:
        console.print(f"report: {report.folder}/report.html", markup=False)
