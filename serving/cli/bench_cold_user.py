"""`interlace bench cold-user`: several test parts, one for each number of interactions that are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graph.errors import Unsupported
from serving.cli.bench_options import BenchOptions
from serving.cli.session import Session, embedder
from serving.cli.train import parse_settings

if TYPE_CHECKING:
    from rich.console import Console

Given = Annotated[
    Literal["first", "random", "asked"] | None,
    typer.Option("--given", show_default="first",
                 help="cold-user: which interactions are known: the first, random ones, or asked: those on the "
                      "onboarding list."),
]  # fmt: skip
COLUMNS = ("recall@10", "ndcg@10", "hr@10", "recall@20", "ndcg@20")


def of_newcomers_alone(task: str, given: Given) -> None:
    """Raises `Unsupported` where `--given` was named for another task."""
    if given is not None and task != "cold-user":
        raise Unsupported(f"--given in the task {task!r}", valid="the task cold-user", remedy="leave it out")


def bench_newcomers(session: Session, path: Path, options: BenchOptions, given: Given) -> None:
    """Measures and answers."""
    from training.bench_cold_users import bench_cold_user

    options.in_one_process("cold-user")
    if options.tuned or options.refit or options.ablation:
        raise Unsupported(
            "--settings, --refit or --ablation in the task 'cold-user'",
            valid="--model, --set, --given, --min-value, --budget and --seed",
            remedy="leave it out",
        )
    with session.reporter.step(f"cold-user on {path}") as step:
        result = bench_cold_user(
            path,
            model=options.model,
            min_value=options.min_value,
            budget=options.budget,
            seed=session.settings.seed,
            way=given or "first",
            overrides=parse_settings(options.settings or []),
            embed=embedder(session) if options.embed else None,
            progress=step.note,
        )
    payload = result.as_dict()
    session.answer(payload, lambda console: show(console, payload))


def show(console: Console, result: dict[str, Any]) -> None:
    """The result for people."""
    from rich.table import Table

    users = ", ".join(f"{count:,} {part}" for part, count in result["users"].items())
    console.print(f"[bold]cold-user[/] users: {users}; {result['items']:,} items; {result['split']}")
    table = Table("known", "model", *COLUMNS, "of all known", "p", box=None)
    for given, metrics in result["metrics"].items():
        p_value = result["beats_popularity"][given]["p_value"]
        measures = (f"{metrics[name]:.4f}" for name in COLUMNS)
        mean = result["given"][given]
        known = given if given == "all" or mean == int(given) else f"{given} (mean {mean:.1f})"
        table.add_row(known, result["model"], *measures, f"{result['of_full'][given]:.0%}", f"{p_value:.4f}")
        for name, baseline in result["baselines"].items():
            table.add_row("", name, *(f"{baseline[given][column]:.4f}" for column in COLUMNS), "", "")
    console.print(table)
    for given, text in result["chosen"].items():
        console.print(f"{given} known: {text}", markup=False, style="dim")
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in result["seconds"].items())
    console.print(f"[dim]{seconds}, a newcomer in {result['fold_in_ms']:.1f} ms, peak {result['peak_mb']:,} MB[/]")
