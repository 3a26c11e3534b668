"""`interlace data`: the public data sets that Interlace knows where to find."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.session import Home, Json, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set of `interlace data list`.")]
Mirror = Annotated[
    Path | None,
    typer.Option("--mirror", metavar="DIR", help="Copy from DIR/NAME instead of downloading.", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    group.command("list", epilog=examples(("interlace data list", "what there is")))(list_)
    group.command(
        "get",
        epilog=examples(
            ("interlace data get ml-100k", "MovieLens 100K with its knowledge graph and posters"),
            ("interlace data get ml-100k --mirror /data", "the same from a folder, without a network"),
        ),
    )(get)
    app.add_typer(
        group,
        name="data",
        rich_help_panel="Build the graph",
        help="List and fetch public data sets.",
        epilog=examples(
            ("interlace data list", "what there is"), ("interlace data get ml-100k", "fetch one into the home folder")
        ),
    )


def list_(ctx: typer.Context, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """List the data sets that `data get` can fetch, and which of them are here already."""
    session = start(ctx, home, store, as_json)
    from graph.datasets import DATASETS

    found = [_row(name, dataset, session.home / "data" / name) for name, dataset in DATASETS.items()]

    def show(console: Console) -> None:
        from rich.table import Table

        table = Table("name", "what", "here", box=None)
        for row in found:
            table.add_row(row["name"], row["about"], row["path"] or "-")
        console.print(table)

    session.answer({"datasets": found}, show)


def _row(name: str, dataset: Any, folder: Path) -> dict[str, Any]:
    return {"name": name, "about": dataset.about, "path": str(folder) if folder.is_dir() else None}


def get(
    ctx: typer.Context,
    name: Name,
    mirror: Mirror = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Fetch a data set into the home folder. What is there already is not fetched again."""
    session = start(ctx, home, store, as_json, mirror=mirror)
    from graph.datasets import get as fetch

    with session.reporter.step(f"fetching {name}") as step:
        path = fetch(name, home=session.home, mirror=session.settings.mirror, progress=step.note)
    session.answer({"name": name, "path": path}, lambda console: console.print(f"{name} is in [cyan]{path}[/]"))
