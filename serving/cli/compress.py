"""`interlace compress`: a model's embedding tables in fewer bytes, quality beside size, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.session import Home, Json, Store, examples, require, start
from serving.cli.train import MinValue, Seed, complete_model

if TYPE_CHECKING:
    from rich.console import Console

Folder = Annotated[Path, typer.Argument(metavar="PATH", help="A dataset folder.")]
Task = Annotated[str, typer.Option("--task", help="How data is split and ranked: top-n or next-item.")]
Name = Annotated[
    str,
    typer.Option("--model", metavar="NAME", autocompletion=complete_model, help="A model of factors, such as ials."),
]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "compress",
        rich_help_panel="Operate",
        epilog=examples(
            ("interlace compress my-shop/", "iALS' factors in every form: quality, size, speed"),
            ("interlace compress ml-1m/ --model lightgcn --json", "another model, one object"),
        ),
    )(compress)


def compress(
    ctx: typer.Context,
    path: Folder,
    model: Name = "ials",
    task: Task = "top-n",
    min_value: MinValue = None,
    seed: Seed = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Measure what smaller embedding tables cost: half precision, int8, int6, int4, product quantisation.

    The model is fitted on train and ranked on validation from each form of its tables; test is not read.
    """
    session = start(ctx, home, store, as_json, seed=seed)
    require(path)
    from training.compress import compress as measure

    with session.reporter.step(f"compressing {model} on {path}") as step:
        result = measure(path, model=model, task=task, min_value=min_value, seed=session.settings.seed, note=step.note)
    payload = result.as_dict()
    session.answer(payload, lambda console: show(console, payload))


def show(console: Console, result: dict[str, Any]) -> None:
    """The table for people."""
    from rich.table import Table

    console.print(f"[bold]{result['model']}[/] {result['users']:,} users, {result['items']:,} items, validation")
    table = Table("form", "ndcg@10", "lost", "bytes", "times smaller", "unpack ms", "rank ms a user", box=None)
    for row in result["rows"]:
        table.add_row(
            row["form"], f"{row['ndcg@10']:.4f}", f"{row['lost']:+.2%}", f"{row['bytes']:,}", f"{row['smaller']:.2f}",
            f"{row['unpack_ms']:.2f}", f"{row['rank_ms_a_user']:.3f}",
        )  # fmt: skip
    console.print(table)
    for name, why in result["skipped"].items():
        console.print(f"[yellow]left out[/] {name}: {why}")
