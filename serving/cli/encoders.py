"""`interlace train-encoder`: the catalogue's own encoders, learned from what belongs together in it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graph.errors import InvalidData
from serving.cli.encoder_pairs import Liked, train_audio_tags, train_liked_together
from serving.cli.session import Home, Json, Session, Store, examples, require, start

if TYPE_CHECKING:
    from rich.console import Console

    from encoders.contrast import ContrastTraining, PairsReport
    from encoders.train_clip import ClipReport, ClipTraining
    from graph.snapshot import EmbeddingTable

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="[FOLDER]", show_default="the graph's items", help="A dataset folder, without a store."),
]  # fmt: skip
PairsName = Literal["image-text", "audio-tags", "liked-together"]
What = Annotated[
    PairsName,
    typer.Option("--pairs", help="What belongs together: pictures and their texts, sounds and the words for them "
                 "(attributes, titles), or items that the same people liked."),
]  # fmt: skip
Modalities = Annotated[
    list[str] | None,
    typer.Option("--modality", metavar="NAME", show_default="each that the items have",
                 help="liked-together: text, image or audio; may be repeated, for vectors in one space."),
]  # fmt: skip
From = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="LABEL", show_default="all, and titles",
                 help="audio-tags: the words are the names of these attributes: Genre, Mood; may be repeated."),
]  # fmt: skip
Audio = Annotated[
    str | None,
    typer.Option("--audio", metavar="NAME", show_default="signal",
                 help="Encoder of a folder's sounds; a graph's are those it was encoded with."),
]  # fmt: skip
MinValue = Annotated[
    float | None,
    typer.Option("--min-value", help="liked-together: only values of at least this are likes.", show_default=False),
]  # fmt: skip
Size = Annotated[
    int | None,
    typer.Option("--size", min=8, max=4096, help="Width of the common space.", show_default="256; 64 for audio-tags"),
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", min=1, max=10_000, help="At most so many; validation stops before.",
                 show_default="60; 300 for audio-tags, 100 for liked-together"),
]  # fmt: skip
Rate = Annotated[
    float | None,
    typer.Option("--learning-rate", min=1e-6, max=1.0, help="AdamW's step.",
                 show_default="0.001; 0.0001 for liked-together"),
]  # fmt: skip
Dropout = Annotated[
    float | None,
    typer.Option("--dropout", min=0.0, max=0.95, help="Of the frozen towers' features.",
                 show_default="0.7; 0.6 for audio-tags, 0.5 for liked-together"),
]  # fmt: skip
Lora = Annotated[
    int,
    typer.Option(
        "--lora", min=0, max=256, help="image-text: adapt the towers too, by matrices of this rank; wants a GPU. 0: no."
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
            ("interlace train-encoder my-shop/ --pairs audio-tags --from Genre --from Mood", "words find sounds"),
            ("interlace train-encoder --pairs liked-together --modality image", "pictures near, where tastes are"),
            ("interlace encode --image catalogue-image:.interlace/encoders/catalogue-clip.safetensors", "use it"),
        ),
    )(train_encoder)


def train_encoder(
    ctx: typer.Context,
    folder: Folder = None,
    pairs: What = "image-text",
    modality: Modalities = None,
    source: From = None,
    audio: Audio = None,
    min_value: MinValue = None,
    size: Size = None,
    epochs: Epochs = None,
    learning_rate: Rate = None,
    dropout: Dropout = None,
    lora: Lora = 0,
    track: Track = True,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Train encoders of your own catalogue from what belongs together in it, so that words find pictures and sounds.

    The encoders as they came stay frozen and projections into one space are learned, in seconds; with --lora the towers
    of image-text are adapted from there. A tenth of the items is held out: the answer says how often one finds its
    counterpart among theirs, both ways, before and after. What was made opens by name in interlace encode.
    """
    session = start(ctx, home, store, as_json)
    given = {"embedding_size": size, "epochs": epochs, "learning_rate": learning_rate, "dropout": dropout}
    chosen = {name: value for name, value in given.items() if value is not None} | {"seed": session.settings.seed}
    _check_options(pairs, {"--modality": modality, "--from": source, "--audio": audio, "--min-value": min_value,
                           "--lora": lora or None})  # fmt: skip
    training: ContrastTraining
    report: ClipReport | PairsReport
    if pairs == "image-text":
        training, report = _image_text(session, folder, lora, chosen)
    elif pairs == "audio-tags":
        training, report = train_audio_tags(session, folder, chosen, labels=source, encoder=audio)
    else:
        wanted = Liked(tuple(modality or ()), min_value, audio)
        training, report = train_liked_together(session, folder, chosen, wanted)
    if track:
        _log(session, training, report)
    session.answer(report.as_dict(), lambda console: show(console, report))


OF_ONE: dict[str, tuple[PairsName, ...]] = {
    "--modality": ("liked-together",), "--from": ("audio-tags",), "--min-value": ("liked-together",),
    "--audio": ("audio-tags", "liked-together"), "--lora": ("image-text",),
}  # fmt: skip
"""Options that mean something for some pairs alone."""


def _check_options(pairs: PairsName, given: dict[str, Any]) -> None:
    for option, value in given.items():
        if value is not None and pairs not in OF_ONE[option]:
            raise InvalidData(f"{option} with --pairs {pairs}", valid=f"with --pairs {' or '.join(OF_ONE[option])}",
                              remedy="leave one of them out")  # fmt: skip


def _image_text(
    session: Session, folder: Path | None, lora: int, chosen: dict[str, Any]
) -> tuple[ClipTraining, ClipReport]:
    from encoders.train_clip import ClipTraining, train_clip
    from serving.progress import parts

    training = replace(ClipTraining(), **chosen)
    if lora:
        return training, _adapted(session, folder, lora, training)
    tables = _tables(session, folder)
    with session.reporter.step("training the catalogue's CLIP") as step:
        return training, train_clip(tables, home=session.home, training=training, progress=parts(step))


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


def _log(session: Session, training: ContrastTraining, report: ClipReport | PairsReport) -> None:
    from training.tracking import open_tracker

    found = report.as_dict()
    pairs = found.get("pairs") if isinstance(found.get("pairs"), str) else "image-text"
    told = {"pairs": found["pairs"], "held_out": report.held_out, "version": report.version}
    told |= {"items": found["items"]} if "items" in found else {}
    with open_tracker(session.settings.mlflow).run(EXPERIMENT, f"catalogue encoders: {pairs}") as run:
        run.params(asdict(training) | told)
        for epoch, loss in enumerate(report.losses, 1):
            run.metrics({"valid_loss": loss}, step=epoch, prefix="epoch/")
        for name in ("before", "after"):
            run.metrics({f"recall@10 {way}": value for way, value in found[name].items()}, prefix=f"test/{name} ")


def show(console: Console, report: ClipReport | PairsReport) -> None:
    """What was learned, for people."""
    from rich.table import Table

    found = report.as_dict()
    table = Table("recall@10 of held-out items", "before", "after", "by chance", box=None)
    for way, before in found["before"].items():
        chance = found["chance"][way] if isinstance(found["chance"], dict) else found["chance"]
        table.add_row(way.replace("_", " "), f"{before:.3f}", f"{found['after'][way]:.3f}", f"{chance:.3f}")
    console.print(table)
    items = found["items"] if "items" in found else found["pairs"]
    console.print(f"{report.held_out} of {items:,} items held out; {report.epochs} epochs were best", style="dim")
    console.print(f"open it as {' and '.join(report.opens)}", markup=False, soft_wrap=True)
