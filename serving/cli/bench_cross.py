"""`interlace bench cross-platform`: each platform as the target, with and without what its people did elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.errors import Unsupported
from serving.cli.bench_options import BenchOptions
from serving.cli.session import Session, embedder
from serving.cli.train import parse_settings

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("hr@10", "ndcg@10")
Target = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="NAME", show_default="each platform in turn",
                 help="cross-platform: the platform that is recommended on."),
]  # fmt: skip
Method = Annotated[
    list[str] | None,
    typer.Option("--method", metavar="NAME", show_default="all",
                 help="cross-platform: shared, kernel, mapped or personal; may be repeated."),
]  # fmt: skip
SameUsers = Annotated[
    bool, typer.Option("--same-users", help="cross-platform: equal user ids on two platforms are one person.")
]


@dataclass(frozen=True)
class CrossOptions:
    """What this task alone takes."""

    targets: list[str] | None
    methods: list[str] | None
    same_users: bool

    def of_another(self, task: str) -> None:
        """Raises `Unsupported` where one was given to another task."""
        if self.targets or self.methods or self.same_users:
            raise Unsupported(
                f"--target, --method or --same-users in the task {task!r}",
                valid="the task cross-platform",
                remedy="leave it out",
            )


def bench_people(session: Session, path: Path, options: BenchOptions, cross: CrossOptions) -> None:
    """Measures and answers."""
    from training.bench_cross import bench_cross

    options.in_one_process("cross-platform")
    options.of_clicks_alone("cross-platform")
    if options.tuned or options.ablation:
        raise Unsupported(
            "--settings or --ablation in the task 'cross-platform'",
            valid="--model, --set, --target, --method, --same-users, --refit, --min-value, --budget and --seed",
            remedy="leave it out; --method says what each method brings",
        )
    with session.reporter.step(f"cross-platform on {path}") as step:
        result = bench_cross(
            path,
            model=options.model,
            targets=cross.targets or (),
            methods=cross.methods or (),
            same_users=cross.same_users,
            min_value=options.min_value,
            refit=options.refit,
            budget=options.budget,
            seed=session.settings.seed,
            overrides=parse_settings(options.settings or []),
            embed=embedder(session) if options.embed else None,
            progress=step.note,
        )
    payload = result.as_dict()
    session.answer(payload, lambda console: show(console, payload))


def show(console: Console, result: dict[str, Any]) -> None:
    """The result for people."""
    from rich.table import Table

    for target, one in result["targets"].items():
        console.print(
            f"[bold]{target}[/] {one['users']:,} users, {one['items']:,} items, {one['linked']:,} also on "
            f"{', '.join(one['sources'])}; {one['split']}"
        )
        table = Table("", *COLUMNS, box=None)
        rows = {"with": one["metrics"], "without": one["without"], **one["baselines"]}
        if one["newcomers"]:
            rows[f"nothing here ({one['newcomers']['users']:,})"] = one["newcomers"]["metrics"]
            rows["the same, popularity"] = one["newcomers"]["popularity"]
        for name, metrics in rows.items():
            table.add_row(name, *(f"{metrics[column]:.4f}" for column in COLUMNS))
        console.print(table)
        for name, found in one["differences"].items():
            low, high = found["low"], found["high"]
            console.print(f"{name}: {found['difference']:+.4f} ({low:+.4f} to {high:+.4f}), p {found['p_value']:.4f}")
        for group in one["groups"]:
            on = "on" if group["on"] else "off"
            who = f"{group['known']} known here, {group['elsewhere']} elsewhere ({group['users']:,} users)"
            text = f"{who}: {group['difference']:+.4f}, transfer {on}"
            console.print(text, markup=False, style="dim")
        console.print(f"with: {one['chosen']}", markup=False, style="dim")
        console.print(f"without: {one['chosen_without']}", markup=False, style="dim")
    console.print(f"[dim]peak {result['peak_mb']:,} MB[/]")
