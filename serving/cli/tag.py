"""`interlace tag`: words onto items that nobody labelled, with a confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.session import Home, Json, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from encoders.zeroshot import TagReport

Labels = Annotated[
    str | None,
    typer.Option("--labels", metavar="A,B,C", show_default=False, help="The words, separated by commas."),
]  # fmt: skip
From = Annotated[
    str | None,
    typer.Option("--from", metavar="LABEL", show_default="Genre, else Category",
                 help="The words are the names of this label's nodes; items that are known to have them calibrate."),
]  # fmt: skip
Top = Annotated[int, typer.Option("--top", min=1, max=100, help="At most so many tags an item.")]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", min=0, max=1, help="Only tags of at least this confidence.",
                 show_default="0.3 for probabilities, 0.95 for percentiles"),
]  # fmt: skip
Refit = Annotated[bool, typer.Option("--refit", help="Learn the scales and the calibration from the catalogue anew.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's command."""
    app.command(
        "tag",
        rich_help_panel="Build the graph",
        epilog=examples(
            ("interlace tag", "the graph's own genres onto every item with a vector"),
            ("interlace tag --labels 'space travel,heist,road trip'", "words of your own"),
            ("interlace tag --from Brand --top 1", "the names of another label's nodes"),
        ),
    )(tag)


def tag(
    ctx: typer.Context,
    labels: Labels = None,
    source: From = None,
    top: Top = 3,
    threshold: Threshold = None,
    refit: Refit = False,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Tag items with words by their texts, pictures and sounds, without an example (zero-shot).

    Writes (Item)-[:TAGGED {confidence}]->(ZeroShotTag). Items whose vectors did not change are left alone.
    """
    session = start(ctx, home, store, as_json)
    from encoders.zeroshot import tag_items
    from serving.progress import parts

    words = labels.split(",") if labels is not None else None
    with session.store() as graph, session.reporter.step("tagging") as step:
        report = tag_items(
            graph, home=session.home, labels=words, source=source, top=top, threshold=threshold, refit=refit,
            progress=parts(step),
        )  # fmt: skip
    session.answer(report.as_dict(), lambda console: show(console, report))


def show(console: Console, report: TagReport) -> None:
    """What was done, for people."""
    edges = report.edges
    console.print(f"{report.items:,} items, {report.compared:,} of them compared with {report.labels} labels")
    console.print(
        f"tags: {edges.created:,} new, {edges.changed:,} changed, {edges.removed:,} gone, {edges.kept:,} as before"
    )
    console.print(
        "confidences are " + ("probabilities" if report.calibrated else "percentiles: no item's labels are known")
    )
    for modality, why in report.skipped.items():
        console.print(f"[yellow]without {modality}:[/] {why}")
