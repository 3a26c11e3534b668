"""`interlace`: one app, one file a command group. Commands import what they need when they run: `--help` is quick."""

from __future__ import annotations

import gc
import os
import sys
from functools import partial
from importlib.metadata import version
from typing import Annotated

import typer

from serving.cli import (
    bench,
    compress,
    compress_encoder,
    consent,
    cypher,
    data,
    demo,
    distill,
    doctor,
    encoders,
    enrich,
    erase,
    experiment,
    export,
    friends,
    graph,
    keys,
    leak_test,
    link,
    metrics,
    models,
    playlist,
    recommend,
    refresh,
    related,
    rerank,
    retain,
    runs,
    scenario,
    search,
    serve,
    shadow,
    tag,
    train,
    tune,
)
from serving.cli.errors import ErrorGroup, report_bug
from serving.cli.session import Home, Json, Options, Store, examples

GROUPS = (
    demo,
    data,
    graph,
    encoders,
    enrich,
    tag,
    link,
    export,
    train,
    tune,
    leak_test,
    refresh,
    models,
    runs,
    friends,
    metrics,
    experiment,
    shadow,
    recommend,
    related,
    scenario,
    playlist,
    search,
    cypher,
    serve,
    keys,
    consent,
    retain,
    erase,
    doctor,
    bench,
    rerank,
    compress,
    compress_encoder,
    distill,
)
"""In the order of the help."""


HELP = (
    "A knowledge graph of users, items and attributes in; recommendations with reasons out.\n\n"
    "Raw data becomes a graph ([cyan]ingest[/]), texts and images become vectors on it ([cyan]encode[/]), models "
    "learn from it ([cyan]train[/]), and one service answers with items, reasons and Cypher ([cyan]serve[/])."
)


def show_version(asked: bool) -> None:
    """`--version` prints and ends."""
    if asked:
        typer.echo(f"interlace {version('interlace')}")
        raise typer.Exit


def options(
    ctx: typer.Context,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Keeps the options that stand before the command."""
    ctx.obj = Options(home, store, as_json)


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="interlace",
        cls=ErrorGroup,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=examples(
            ("interlace demo", "everything once, on MovieLens 100K, then the page"),
            ("interlace ingest FOLDER --platform shop", "your own data into the graph"),
            ("interlace train && interlace serve", "models, then the service"),
            ("interlace recommend shop:42 --explain", "what to show user 42, and why"),
        ),
    )
    app.callback(help=HELP)(options)
    for group in GROUPS:
        group.add_to(app)
    return app


app = build()


def main() -> None:
    """Entry point of the `interlace` command."""
    sys.excepthook = report_bug
    command = partial(typer.main.get_command(app), prog_name="interlace")  # `app()` would put typer's own hook there
    try:
        if "TORCHELASTIC_RUN_ID" not in os.environ:
            command()
            return
        from serving.cli.scale import along_with_torchrun

        along_with_torchrun(command)
    finally:
        gc.freeze()  # the interpreter's last collection would walk all that was imported: a second after MLflow
