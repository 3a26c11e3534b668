"""`interlace train-encoder`: the catalogue's own CLIP, learned from its pictures and texts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.session import Home, Json, Session, Store, examples, require, start

if TYPE_CHECKING:
    from rich.console import Console

    from encoders.train_clip import ClipReport, ClipTraining
    from graph.snapshot import EmbeddingTable

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="[FOLDER]", show_default="the graph's items", help="A dataset folder, without a store."),
]  # fmt: skip
Size = Annotated[int, typer.Option("--size", min=8, max=4096, help="Width of the common space.")]
Epochs = Annotated[int, typer.Option("--epochs", min=1, max=10_000, help="At most so many; validation stops before.")]
Rate = Annotated[float, typer.Option("--learning-rate", min=1e-6, max=1.0, help="AdamW's step.")]
Dropout = Annotated[float, typer.Option("--dropout", min=0.0, max=0.95, help="Of the frozen towers' features.")]
Lora = Annotated[
    int,
    typer.Option(
        "--lora", min=0, max=256, help="Adapt the towers too, by matrices of this rank; wants a GPU. 0: do not."
    ),
]
Track = Annotated[bool, typer.Option("--track/--no-track", help="Log settings, curve and recall to MLflow.")]
EXPERIMENT = "encoders"


def add_to(app: typer.Typer) -> None:
    """Adds this group's command."""
    app.command(
        "train-encoder",
        rich_help_panel="Build the graph",
        epilog=examples(
            ("interlace train-encoder", "from the pictures and texts that are on the graph"),
            ("interlace train-encoder my-shop/ --size 512", "from a folder; the space is 512 wide"),
            ("interlace train-encoder --lora 8", "the towers learn too, in minutes on a GPU"),
            ("interlace encode --image catalogue-image:.interlace/encoders/catalogue-clip.safetensors", "use it"),
        ),
    )(train_encoder)


def train_encoder(
    ctx: typer.Context,
    folder: Folder = None,
    size: Size = 256,
    epochs: Epochs = 60,
    learning_rate: Rate = 1e-3,
    dropout: Dropout = 0.7,
    lora: Lora = 0,
    track: Track = True,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Train a CLIP of your own catalogue: pictures and texts in one space, so that words find pictures.

    The shipped towers stay frozen and two projections are learned, in seconds; with --lora the towers are adapted from
    there. A tenth of the items is held out: the answer says how often a picture finds its own text among theirs, and a
    text its picture, before and after.
    """
    session = start(ctx, home, store, as_json)
    from encoders.train_clip import ClipTraining, train_clip
    from serving.progress import parts

    training = ClipTraining(
        embedding_size=size, epochs=epochs, learning_rate=learning_rate, dropout=dropout, seed=session.settings.seed
    )
    if lora:
        report = _adapted(session, folder, lora, training)
    else:
        tables = _tables(session, folder)
        with session.reporter.step("training the catalogue's CLIP") as step:
            report = train_clip(tables, home=session.home, training=training, progress=parts(step))
    if track:
        _log(session, training, report)
    session.answer(report.as_dict(), lambda console: show(console, report))


def _adapted(session: Session, folder: Path | None, rank: int, frozen: ClipTraining) -> ClipReport:
    from encoders.train_towers import TowerTraining, train_towers
    from serving.progress import parts

    training = TowerTraining(rank=rank, epochs=min(frozen.epochs, TowerTraining().epochs), frozen=frozen)
    pairs = _pairs(session, folder)
    with session.reporter.step("adapting the towers of the catalogue's CLIP") as step:
        return train_towers(pairs, home=session.home, training=training, progress=parts(step))


def _pairs(session: Session, folder: Path | None) -> list[tuple[bytes, str]]:
    """Pictures' files and texts of the items that have both: of a folder, or of the graph and HOME/media."""
    from encoders.encode import MEDIA
    from encoders.item_pages import item_pages
    from encoders.sources import MAX_BYTES, item_text, read_file

    if folder is None:
        with session.store() as graph:
            rows = [row for page in item_pages(graph) for row in page]
        root = session.home / MEDIA
    else:
        require(folder)
        from graph.snapshot_read import read_folder

        rows, root = read_folder(folder).snapshot.item_properties.to_pylist(), folder
    told = ((row.get("image"), item_text(row.get("title"), row.get("text"), row.get("summary"))) for row in rows)
    return [(read_file(root, image, MAX_BYTES["image"]), text) for image, text in told if image and text]


def _tables(session: Session, folder: Path | None) -> dict[str, EmbeddingTable]:
    """Vectors by modality: of a folder, encoded now; or those on the graph."""
    if folder is None:
        from encoders.zeroshot_fit import graph_tables

        with session.store() as graph:
            return graph_tables(graph)
    require(folder)
    from encoders.encode import embed_folder
    from graph.snapshot_read import read_folder
    from serving.progress import parts

    snapshot = read_folder(folder).snapshot
    with session.reporter.step("encoding") as step:
        return embed_folder(snapshot, folder, home=session.home, progress=parts(step))


def _log(session: Session, training: ClipTraining, report: ClipReport) -> None:
    from training.tracking import open_tracker

    with open_tracker(session.settings.mlflow).run(EXPERIMENT, "catalogue CLIP") as run:
        run.params(asdict(training) | {"pairs": report.pairs, "held_out": report.held_out, "version": report.version})
        for epoch, loss in enumerate(report.losses, 1):
            run.metrics({"valid_loss": loss}, step=epoch, prefix="epoch/")
        for name, recall in (("before", report.before), ("after", report.after)):
            run.metrics({f"recall@10 {way}": value for way, value in asdict(recall).items()}, prefix=f"test/{name} ")


def show(console: Console, report: ClipReport) -> None:
    """What was learned, for people."""
    from rich.table import Table

    table = Table("recall@10 of held-out pairs", "before", "after", box=None)
    for way, before in asdict(report.before).items():
        table.add_row(way.replace("_", " "), f"{before:.3f}", f"{asdict(report.after)[way]:.3f}")
    console.print(table)
    console.print(
        f"{report.held_out} of {report.pairs:,} pairs held out; {report.epochs} epochs were best", style="dim"
    )
    family = "adapted" if report.file.endswith("-lora.safetensors") else "catalogue"
    console.print(f"open it as {family}-image:{report.file} and {family}-text:{report.file}", markup=False)
