"""`interlace rerank`: what a second look at a first stage's candidates brings, every way in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.enrich import show_cost
from serving.cli.session import Home, Json, Session, Store, embedder, examples, require, start
from serving.cli.train import MinValue, Seed, complete_model

if TYPE_CHECKING:
    from rich.console import Console

    from encoders.language.ask import Asker
    from graph.snapshot import Snapshot
    from training.rerank.language import Judge

WAYS = "mmr, dpp, calibration, lambdamart, cross-encoder, language"
COLUMNS = ("ndcg@10", "recall@10", "hr@10", "diversity@10", "coverage@10", "miscalibration@10")
HEADS = ("ndcg", "recall", "hr", "diverse", "coverage", "miscal.")

Folder = Annotated[Path, typer.Argument(metavar="PATH", help="A dataset folder.")]
Task = Annotated[str, typer.Option("--task", help="What is ranked and measured: top-n, next-item or ranking-99.")]
First = Annotated[
    str,
    typer.Option("--first", metavar="NAME", autocompletion=complete_model,
                 help="The first stage: auto (every model, blended), or one of docs/reference/models.md."),
]  # fmt: skip
Ways = Annotated[
    str,
    typer.Option("--ways", metavar="WAY,WAY", show_default="all that the data allows but language", help=f"Of {WAYS}."),
]  # fmt: skip
Candidates = Annotated[int, typer.Option("--candidates", help="Best items of the first stage that are re-ranked.")]
Keep = Annotated[
    float,
    typer.Option("--keep", help="Share of validation's ndcg@10 that mmr, dpp and calibration must leave."),
]
Budget = Annotated[
    float,
    typer.Option("--budget", min=1, metavar="SECONDS",
                 help="Half for auto as the first stage, the rest for the cross-encoders (all of it without auto)."),
]  # fmt: skip
Users = Annotated[int, typer.Option("--users", min=1, help="At most so many users of each part, drawn by the seed.")]
Embed = Annotated[bool, typer.Option("--embed/--no-embed", help="Encode texts and images of the folder.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "rerank",
        rich_help_panel="Operate",
        epilog=examples(
            ("interlace rerank my-shop/", "auto's candidates, re-ranked every way that the data allows"),
            ("interlace rerank ml-1m/ --first ease --ways mmr,dpp --keep 0.95", "how diverse for a twentieth of ndcg"),
            ("interlace rerank ml-1m/ --first ease --ways lambdamart", "boosted trees; extra lightgbm"),
            ("interlace rerank ml-1m/ --first ease --ways language --users 100", "the language model that is set"),
            ("interlace rerank ml-1m/ --ways cross-encoder --budget 1800 --json", "BERT, four losses, one object"),
        ),
    )(rerank)  # fmt: skip


def rerank(
    ctx: typer.Context,
    path: Folder,
    task: Task = "top-n",
    first: First = "auto",
    ways: Ways = "",
    candidates: Candidates = 50,
    keep: Keep = 0.98,
    budget: Budget = 600.0,
    users: Users = 5000,
    min_value: MinValue = None,
    embed: Embed = True,
    seed: Seed = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Re-rank a first stage's candidates: diverse (mmr, dpp), calibrated, or learned (lambdamart, cross-encoder).

    The way language asks the language model that is set; it is tried only when it is named.

    The first stage learns from train; each way learns and chooses on validation, cross-fitted by users; test is read
    once. The table tells what each way changes, with a paired interval against the first stage.
    """
    session = start(ctx, home, store, as_json, seed=seed)
    require(path)
    from training.rerank.compare import RerankPlan, check
    from training.rerank.compare import rerank as measure

    named = tuple(dict.fromkeys(way.strip() for way in ways.split(",") if way.strip()))
    plan = RerankPlan(task, first, named, candidates, keep, budget, users, min_value, session.settings.seed)
    check(plan)
    with judging(session, named) as judge, session.reporter.step(f"re-ranking {first} on {path}") as step:
        result = measure(path, plan, embed=embedder(session) if embed else None, judge=judge.open, note=step.note)
    payload = result.as_dict() | judge.cost()
    session.answer(payload, lambda console: show(console, payload))


@dataclass
class Judging:
    """The language model of this run, None where no way needs one, and what it cost."""

    session: Session
    asker: Asker | None = None

    @property
    def open(self) -> Callable[[Snapshot], Judge] | None:
        """What opens a judge over a snapshot."""
        if self.asker is None:
            return None
        from serving.language_way import SnapshotJudge

        return partial(SnapshotJudge, self.asker)

    def cost(self) -> dict[str, Any]:
        """`language`: calls, tokens, price; nothing without a model."""
        if self.asker is None:
            return {}
        from serving.language import prices

        return {"language": self.asker.tally.as_dict(prices(self.session.settings))}


@contextmanager
def judging(session: Session, ways: tuple[str, ...]) -> Iterator[Judging]:
    """Opens the language model where the way `language` is named. Raises `Unsupported` when none is set."""
    if "language" not in ways:
        yield Judging(session)
        return
    from serving.language import open_asker

    with open_asker(session.settings) as asker:
        yield Judging(session, asker)


def show(console: Console, result: dict[str, Any]) -> None:
    """The table for people."""
    from rich.table import Table

    console.print(f"[bold]{result['task']}[/] {result['users']:,} users, {result['items']:,} items, {result['split']}")
    console.print(f"first stage: {result['first']}", markup=False)
    share = f"{result['found']:.1%}"
    console.print(f"its best {result['candidates']} hold {share} of the test items: no re-ranking can show the others")
    table = Table("at 10", *HEADS, "CPU s", box=None)
    for row in result["rows"]:
        table.add_row(row["name"], *(f"{row[name]:.4f}" for name in COLUMNS), f"{row['cpu_s']:.1f}")
    console.print(table)
    console.print("[dim]ndcg@10 beside the first stage, and what was chosen on validation[/]")
    for row in result["rows"][1:]:
        console.print(f"{row['name']}: {difference(row['difference'])}; {row['chosen']}", markup=False)
    if "language" in result:
        show_cost(console, result["language"])
    for name, why in result["skipped"].items():
        console.print(f"[yellow]left out[/] {name}: {why}")


def difference(test: dict[str, float]) -> str:
    """A paired difference in words; what is not significant after Holm's correction says so."""
    sure = "" if test["adjusted"] < 0.05 else ", may be luck"
    return f"{test['difference']:+.4f} ({test['low']:+.4f} to {test['high']:+.4f}{sure})"
