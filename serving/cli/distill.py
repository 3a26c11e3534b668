"""`interlace distill`: a small ranker taught by a large one, quality beside size and speed in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.compress import Folder, Task
from serving.cli.session import Home, Json, Store, examples, require, start
from serving.cli.train import Budget, MinValue, Seed, complete_model

if TYPE_CHECKING:
    from rich.console import Console

Teacher = Annotated[
    str,
    typer.Option("--teacher", metavar="NAME", autocompletion=complete_model,
                 help="A model, several joined by + (ease+lightgcn), or auto."),
]  # fmt: skip
Size = Annotated[int, typer.Option("--size", min=1, max=4096, help="Numbers a user and an item.")]
Epochs = Annotated[int, typer.Option("--epochs", min=1, max=10_000, help="Of teaching.")]
Rate = Annotated[float, typer.Option("--learning-rate", min=1e-6, max=1.0, help="Adam's step.")]
Temperature = Annotated[
    float, typer.Option("--temperature", min=0.01, max=100.0, help="Lower: more of the teacher's very best items.")
]
Keep = Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Save the student there.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Adds this group's command."""
    app.command(
        "distill",
        rich_help_panel="Operate",
        epilog=examples(
            ("interlace distill my-shop/", "EASE's lists into 32 numbers a user and an item"),
            ("interlace distill my-shop/ --teacher ease+lightgcn --size 16", "a blend's lists into 16"),
            ("interlace distill ml-1m/ --teacher auto --budget 300 --json", "what auto chooses, one object"),
            ("interlace train --model distilled --set teacher=ease+lightgcn", "register and serve one"),
        ),
    )(distill)


def distill(
    ctx: typer.Context,
    path: Folder,
    teacher: Teacher = "ease",
    size: Size = 32,
    epochs: Epochs = 30,
    learning_rate: Rate = 0.01,
    temperature: Temperature = 0.3,
    budget: Budget = 120.0,
    keep: Keep = None,
    task: Task = "top-n",
    min_value: MinValue = None,
    seed: Seed = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Teach a small ranker what a large one ranks first, and measure what is lost and what is saved.

    Both are fitted on train and ranked on validation, which the student never reads; test is not read.
    """
    session = start(ctx, home, store, as_json, seed=seed)
    require(path)
    from serving.progress import EpochMonitor
    from training.distill import distill as measure
    from training.models.distilled import DistilledConfig

    config = DistilledConfig(
        teacher, size, epochs, learning_rate=learning_rate, temperature=temperature, seed=session.settings.seed
    )
    with session.reporter.step(f"distilling {teacher} on {path}") as step:
        result = measure(
            path, config=config, task=task, min_value=min_value, budget=budget, keep=keep, note=step.note,
            monitor=EpochMonitor(step),
        )  # fmt: skip
    payload = result.as_dict()
    session.answer(payload, lambda console: show(console, payload))


def show(console: Console, result: dict[str, Any]) -> None:
    """The table for people."""
    from rich.table import Table

    console.print(f"{result['users']:,} users, {result['items']:,} items, validation")
    table = Table("model", "ndcg@10", "lost", "bytes", "times smaller", "score ms a user", box=None)
    for role, row in zip(("teacher", "student"), result["rows"], strict=True):
        table.add_row(
            f"{role}: {result['teacher'] if role == 'teacher' else row['model']}", f"{row['ndcg@10']:.4f}",
            f"{row['lost']:+.2%}" if "lost" in row else "", f"{row['bytes']:,}", f"{row['smaller']:.2f}",
            f"{row['score_ms_a_user']:.3f}",
        )  # fmt: skip
    console.print(table)
    gap = result["rows"][1]["difference"]
    console.print(f"difference {gap['difference']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]", markup=False)
    if result["kept"]:
        console.print(f"kept in {result['kept']}", markup=False, soft_wrap=True)
