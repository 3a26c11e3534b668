"""`interlace compress-encoder`: a smaller text or image encoder, quality beside size and speed in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.session import Home, Json, Store, examples, require, start
from serving.cli.train import Seed

if TYPE_CHECKING:
    from rich.console import Console

Folder = Annotated[
    Path, typer.Argument(metavar="PATH", help="A dataset folder: its texts or pictures teach and measure.")
]
Name = Annotated[
    str,
    typer.Option(
        "--encoder", metavar="NAME", help="minilm, efficientnet-lite0 or sentence-transformers:FOLDER (a BERT)."
    ),
]
How = Annotated[
    str, typer.Option("--how", metavar="WAY", help="int8 (extra onnx), prune or distill; the last two for texts.")
]
Keep = Annotated[
    float | None,
    typer.Option("--keep", metavar="SHARE", help="Of each layer's neurons.", show_default="prune .75, distill 1"),
]
Layers = Annotated[
    int | None, typer.Option("--layers", metavar="N", help="Layers kept.", show_default="prune all, distill half")
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", min=0, max=1000, help="Of teaching; 0: cut and not taught.",
                 show_default="prune 0, distill 4"),
]  # fmt: skip
Rate = Annotated[float, typer.Option("--learning-rate", min=1e-7, max=1.0, help="AdamW's step.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's command."""
    app.command(
        "compress-encoder",
        rich_help_panel="Operate",
        epilog=examples(
            ("interlace compress-encoder my-shop/", "the shipped text encoder in int8"),
            ("interlace compress-encoder my-shop/ --encoder efficientnet-lite0", "the shipped image encoder in int8"),
            (
                "interlace compress-encoder my-shop/ --how prune",
                "a quarter of its neurons taken out, the others take over",
            ),
            ("interlace compress-encoder my-shop/ --how distill --layers 3", "three of its layers, taught by all six"),
            ("interlace encode --text onnx-text:.interlace/encoders/minilm-int8", "use it"),
        ),
    )(compress_encoder)


def compress_encoder(
    ctx: typer.Context,
    path: Folder,
    encoder: Name = "minilm",
    how: How = "int8",
    keep: Keep = None,
    layers: Layers = None,
    epochs: Epochs = None,
    learning_rate: Rate = 3e-4,
    seed: Seed = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Make an encoder smaller and faster, and measure what that costs on texts or pictures it was not fitted on.

    The result is a folder below HOME/encoders that opens as an encoder of its own: vectors of the two never mix.
    """
    session = start(ctx, home, store, as_json, seed=seed)
    require(path)
    from encoders.compress.run import compress_encoder as make
    from encoders.compress.student import Tuning
    from encoders.registry import open_encoder
    from graph.snapshot_read import read_folder
    from serving.downstream import content_quality
    from serving.progress import parts

    tuning = Tuning(
        -1 if layers is None and how == "distill" else layers or 0,
        keep if keep is not None else 0.75 if how == "prune" else 1.0,
        epochs if epochs is not None else 0 if how == "prune" else 4,
        learning_rate, seed=session.settings.seed,
    )  # fmt: skip
    data = read_folder(path)
    with session.reporter.step(f"compressing {encoder} by {how}") as step:
        made = make(data.snapshot, path, home=session.home, name=encoder, how=how, tuning=tuning, progress=parts(step))
    modality = open_encoder(encoder).modality
    with session.reporter.step("ranking with its vectors"):
        made = made.with_downstream(
            content_quality(data, path, home=session.home, modality=modality, seed=session.settings.seed)
        )
    payload = made.as_dict()
    session.answer(payload, lambda console: show(console, payload))


def show(console: Console, result: dict[str, Any]) -> None:
    """The table for people."""
    from rich.table import Table

    console.print(f"{result['held_out']:,} of {result['things']:,} things held out")
    names = list(result["rows"][0]["downstream"])
    table = Table("encoder", "MB", "a second", "cosine", "recall@10 of neighbours", *names, box=None)
    for row in result["rows"]:
        table.add_row(
            row["encoder"].partition(":")[0], f"{row['megabytes']:.1f}", f"{row['a_second']:.1f}",
            f"{row['cosine']:.4f}", f"{row['neighbours']:.4f}", *(f"{row['downstream'][name]:.4f}" for name in names),
        )  # fmt: skip
    console.print(table)
    console.print(f"open it as {result['encoder']}", markup=False, soft_wrap=True)
