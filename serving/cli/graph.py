"""`interlace ingest` and `encode`: what fills the graph."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.session import Home, Json, Store, examples, require, start

if TYPE_CHECKING:
    from rich.console import Console

    from encoders.report import EncodeReport

PANEL = "Build the graph"


class Modality(StrEnum):
    """What the encoders of this version read."""

    TEXT = "text"
    IMAGE = "image"


Source = Annotated[Path, typer.Argument(metavar="PATH", help="Folder or file to read.")]
Platform = Annotated[str, typer.Option("--platform", metavar="NAME", help="Where the ids come from: shop, movielens…")]
Format = Annotated[
    str | None, typer.Option("--format", metavar="NAME", help="folder, recbole or movielens.", show_default="found out")
]
Posters = Annotated[
    Path | None, typer.Option("--posters", metavar="DIR", help="Images named by item id.", show_default=False)
]
Refused = Annotated[
    float, typer.Option("--max-refused", min=0, max=1, help="Share of bad rows that is still accepted.")
]  # fmt: skip
Modalities = Annotated[
    list[Modality] | None,
    typer.Option("--modality", help="What to encode; may be repeated.", show_default="text and image"),
]
Text = Annotated[str | None, typer.Option("--text", metavar="NAME", help="Text encoder.", show_default="offline one")]
Image = Annotated[
    str | None, typer.Option("--image", metavar="NAME", help="Image encoder.", show_default="offline one")
]  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "ingest",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace ingest my-shop/ --platform shop", "a dataset folder: interactions.csv, items.csv…"),
            ("interlace ingest ml-1m/ --platform movielens", "MovieLens' own files, found out by their names"),
            ("interlace ingest ml-100k/ --platform movielens --posters posters/", "with pictures"),
            ("interlace ingest my-shop/ --platform shop --store bolt://db:7687", "into Neo4j"),
        ),
    )(ingest)
    app.command(
        "encode",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace encode", "titles, texts and pictures of all items; what is encoded already costs nothing"),
            ("interlace encode --modality text", "text alone"),
        ),
    )(encode)


def ingest(
    ctx: typer.Context,
    path: Source,
    platform: Platform,
    posters: Posters = None,
    format_: Format = None,
    max_refused: Refused = 0.01,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Load a data set into the graph, all or nothing. Bad rows go to a file with their reason."""
    session = start(ctx, home, store, as_json)
    require(path)
    from graph.ingest import ingest as load

    with session.reporter.step(f"ingesting {path}") as step, session.store() as graph:
        report = load(
            graph,
            path,
            platform=platform,
            home=session.home,
            format=format_,
            posters=posters,
            max_refused=max_refused,
            progress=step.advance,
        )
    session.answer(asdict(report), lambda console: show_fields(console, asdict(report)))


def encode(
    ctx: typer.Context,
    modality: Modalities = None,
    text: Text = None,
    image: Image = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Turn texts and pictures into vectors on the graph, with a vector index."""
    session = start(ctx, home, store, as_json)
    from encoders.encode import encode_items
    from graph.ingest import recover
    from serving.progress import parts

    names = {name: value for name, value in (("text", text), ("image", image)) if value}
    with session.reporter.step("encoding") as step, session.store() as graph:
        recover(graph, session.home)
        report = encode_items(
            graph,
            home=session.home,
            modalities=tuple(one.value for one in modality or Modality),
            names=names or None,
            progress=parts(step),
        )
    session.answer(report.as_dict(), lambda console: show_encoded(console, report))


def show_encoded(console: Console, report: EncodeReport) -> None:
    """One row a modality."""
    from rich.table import Table

    table = Table("", "encoder", "encoded", "from cache", "missing", "refused", "seconds", box=None)
    for one in report.modalities:
        counts = (f"{count:,}" for count in (one.encoded, one.cached, one.missing, one.refused))
        table.add_row(one.modality, one.encoder, *counts, f"{one.seconds:.1f}")
    console.print(table)


def show_fields(console: Console, fields: dict[str, object]) -> None:
    """One line a field of a report; what is empty is left out."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for name, value in fields.items():
        if value not in (None, "", {}, [], ()):
            table.add_row(f"[dim]{name.replace('_', ' ')}[/]", _text(value))
    console.print(table)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(map(_text, value))
    return str(value)
