"""`interlace bench`: one task measured on one dataset folder, without a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.session import Home, Json, Session, Store, examples, require, start
from serving.cli.train import (
    Budget,
    MinValue,
    ModelName,
    Seed,
    Settings,
    Tuned,
    parse_settings,
    read_tuned,
    show_leaks,
    show_models,
)

if TYPE_CHECKING:
    from rich.console import Console

TASKS = "top-n, next-item, ranking-99, social or kg"
Task = Annotated[str, typer.Argument(metavar="TASK", help=f"What is ranked and measured: {TASKS}.")]
Folder = Annotated[Path, typer.Argument(metavar="PATH", help="A dataset folder.")]
Refit = Annotated[bool, typer.Option("--refit", help="Fit once more on train and validation before the test.")]
Embed = Annotated[bool, typer.Option("--embed/--no-embed", help="Encode texts and images of the folder.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "bench",
        rich_help_panel="Operate",
        epilog=examples(
            ("interlace bench top-n my-shop/", "everything that `auto` tries, beside popularity"),
            ("interlace bench next-item beauty/ --model ease --json", "one model, one object"),
            ("interlace bench top-n ml-1m/ --model ease --settings ml-1m", "with what `interlace tune ml-1m/` found"),
            ("interlace bench top-n ml-1m/ --min-value 4 --refit", "a rating of 4 is a like"),
        ),
    )(bench)  # fmt: skip


def bench(
    ctx: typer.Context,
    task: Task,
    path: Folder,
    model: ModelName = "auto",
    settings: Settings = None,
    tuned: Tuned = "",
    refit: Refit = False,
    min_value: MinValue = None,
    budget: Budget = 600.0,
    embed: Embed = True,
    seed: Seed = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Measure a model on a task: choices by validation, the test part read once, popularity beside it."""
    session = start(ctx, home, store, as_json, seed=seed)
    require(path)
    from training.bench import bench as measure

    with session.reporter.step(f"{task} on {path}") as step:
        result = measure(
            task,
            path,
            model=model,
            overrides=read_tuned(tuned, model, session) | parse_settings(settings or []),
            refit=refit,
            min_value=min_value,
            budget=budget,
            seed=session.settings.seed,
            embed=_embedder(session) if embed else None,
            progress=step.note,
        )
    payload = result.as_dict()
    session.answer(payload, lambda console: show(console, payload))


def _embedder(session: Session) -> Any:
    def embed(snapshot: Any, folder: Path) -> Any:
        from encoders.encode import embed_folder

        return embed_folder(snapshot, folder, home=session.home)

    return embed


def show(console: Console, result: dict[str, Any]) -> None:
    """The result for people."""
    console.print(f"[bold]{result['task']}[/] {result['users']:,} users, {result['items']:,} items, {result['split']}")
    console.print(result["chosen"])
    show_models(console, {result["model"]: result["metrics"], **result["baselines"]})
    show_leaks(console, result["leaks"])
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in result["seconds"].items())
    console.print(f"[dim]{seconds}, peak {result['peak_mb']:,} MB[/]")
