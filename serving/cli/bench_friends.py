"""`interlace bench friends`: links between people have no catalogue to rank, so another measure, the same command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph.errors import Unsupported
from serving.cli.bench_options import BenchOptions
from serving.cli.session import Session

if TYPE_CHECKING:
    from rich.console import Console


def bench_friendships(session: Session, path: Path, options: BenchOptions) -> None:
    """Measures and answers."""
    from training.bench_friends import bench_friends

    options.in_one_process("friends")
    if options.tuned or options.refit or options.ablation or options.settings or options.model != "auto":
        raise Unsupported(
            "--model, --set, --settings, --refit or --ablation in the task 'friends'", valid="--seed",
            remedy="leave it out",
        )  # fmt: skip
    with session.reporter.step(f"friends on {path}") as step:
        result = bench_friends(path, seed=session.settings.seed, progress=step.note)
    payload = result.as_dict()
    session.answer(payload, lambda console: show(console, payload))


def show(console: Console, result: dict[str, Any]) -> None:
    """The result for people."""
    from rich.table import Table

    console.print(f"[bold]friends[/] {result['users']:,} users, {result['friendships']:,} friendships, "
                  f"{result['hidden']:,} of them hidden")  # fmt: skip
    table = Table("model", *next(iter(result["metrics"].values())), "recall@10 gained", "p", box=None)
    for name, metrics in result["metrics"].items():
        beaten = result["beats"].get(name)
        gain = () if beaten is None else (f"{beaten['difference']:+.4f}", f"{beaten['p_value']:.4f}")
        table.add_row(name, *(f"{value:.4f}" for value in metrics.values()), *gain)
    console.print(table)
    weights = ", ".join(f"{name} {value:+.2f}" for name, value in result["weights"].items())
    console.print(f"weights: {weights}", markup=False, style="dim")
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in result["seconds"].items())
    console.print(f"[dim]{seconds}[/]")
