"""`interlace train` and `evaluate`: from the graph to a registered, measured and published model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graph.errors import InvalidData
from serving.cli.scale import Every, Pieces, PrecisionName, Processes, Ray, Resume, checkpoints, open_team
from serving.cli.session import Home, Json, Session, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from training.train import Plan, TrainReport

PANEL = "Learn from it"
COLUMNS = ("ndcg@10", "recall@10", "hr@10", "mrr@10", "coverage@10")


def complete_model(incomplete: str) -> list[str]:
    """Model names for shell completion."""
    from training.zoo import ZOO

    return [name for name in ("auto", *ZOO) if name.startswith(incomplete)]


ModelName = Annotated[
    str,
    typer.Option("--model", metavar="NAME", autocompletion=complete_model,
                 help="auto (every model, blended), or one of docs/reference/models.md."),
]  # fmt: skip
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the model; may be repeated.", show_default=False),
]
Tuned = Annotated[
    str, typer.Option("--settings", metavar="STUDY|FILE", show_default=False,
                      help="Begin from what `interlace tune` found: a study's name, or its JSON file."),
]  # fmt: skip
SplitWay = Annotated[
    Literal["random", "last-out", "global-time", "stable"],
    typer.Option("--split", help="How validation and test are held out; stable: as a refresh does."),
]
MinValue = Annotated[
    float | None,
    typer.Option("--min-value", help="Only interactions of at least this value are likes.", show_default="all"),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of every random choice.", show_default="42")]
Budget = Annotated[
    float,
    typer.Option("--budget", min=1, metavar="SECONDS", help="auto fits for about so long; networks share the rest."),
]  # fmt: skip
Publish = Annotated[bool, typer.Option(help="Publish the champion's index for `serve` and `recommend`.")]
VersionName = Annotated[
    str, typer.Argument(metavar="[VERSION]", help="A version of `interlace models list`, or an alias.")
]  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "train",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace train --min-value 4", "every model and their blend; a rating of 4 or 5 is a like"),
            ("interlace train --model ease --set regularization=300", "one model, one setting fixed"),
            ("interlace train --model ials --settings my-study", "with the best settings that `tune` found"),
            ("interlace train --split last-out --budget 120", "next-item split, two minutes for `auto`"),
            ("interlace train --model sasrec --processes 4", "each batch shared by four processes"),
        ),
    )(train)
    app.command(
        "evaluate",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace evaluate", "the champion's measures beside popularity"),
            ("interlace evaluate 3 --json", "those of version 3, as one object"),
        ),
    )(evaluate)


def train(
    ctx: typer.Context,
    model: ModelName = "auto",
    settings: Settings = None,
    tuned: Tuned = "",
    split: SplitWay = "random",
    min_value: MinValue = None,
    budget: Budget = 600.0,
    publish: Publish = True,
    processes: Processes = 1,
    pieces: Pieces = 0,
    precision: PrecisionName = None,
    resume: Resume = True,
    every: Every = 60.0,
    ray: Ray = "",
    seed: Seed = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Train, measure on test beside popularity, log to MLflow, register; promote what beats the champion."""
    session = start(ctx, home, store, as_json, seed=seed)
    from training.scale.runtime import Scale
    from training.train import Plan, check

    found = read_tuned(tuned, model, session) | parse_settings(settings or [])
    plan = Plan(model, found, how=split, min_value=min_value, seed=session.settings.seed, budget=budget, plots=True,
                system_metrics=True)  # fmt: skip
    check(plan)
    with open_team(processes, ray) as team:
        scale = Scale(precision, team, pieces, every=every)
        report, published = _run(session, replace(plan, scale=scale), publish=publish, resume=resume)
    payload = {**report.as_dict(), "index": published}
    session.answer(payload, lambda console: show(console, report))


def _run(session: Session, plan: Plan, *, publish: bool, resume: bool) -> tuple[TrainReport, str | None]:
    from serving.progress import EpochMonitor
    from serving.workflow import freeze, guards_of, open_registry, publish_version
    from training.train import Watch, check
    from training.train import train as fit

    check(plan)
    with session.reporter.step("reading the graph"), session.store() as graph:
        frozen = freeze(graph, session.home, session.settings.consent_defaults)
    registry = open_registry(session.settings.mlflow, guards=guards_of(session.settings))
    with session.reporter.step(f"training {plan.model}") as step:
        watch = Watch(step.note, lambda _name: EpochMonitor(step))
        with checkpoints(session.home, frozen.hash, plan, resume=resume) as folder:
            kept = replace(plan, scale=replace(plan.scale, checkpoints=folder))
            report = fit(frozen.snapshot, frozen.hash, registry, kept, dataset=frozen.dataset, watch=watch)
    if not (publish and report.promoted):
        return report, None
    with session.reporter.step("publishing the index") as step:
        folder = publish_version(frozen, registry, registry.find(report.version), session.home, step.note,
                                 k_anonymity=session.settings.k_anonymity)  # fmt: skip
    return report, folder.name


def read_tuned(where: str, model: str, session: Session) -> dict[str, Any]:
    """The tuned settings of a model, none where none were asked for."""
    if not where:
        return {}
    from training.study import read_best
    from training.zoo import find

    if model == "auto":
        raise InvalidData("--settings are those of one model, not of auto", valid="--model NAME --settings STUDY",
                          remedy="name the model")  # fmt: skip
    find(model)
    return read_best(where, model, session.home)


def parse_settings(pairs: list[str], *, option: str = "--set") -> dict[str, Any]:
    """`key=value` pairs; values are numbers, true, false, null or words. Raises `InvalidData`."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not (key and separator):
            raise InvalidData(f"{option} {pair!r} is not a setting", valid=f"KEY=VALUE, as in {option} epochs=50",
                              remedy="put an equals sign between name and value")  # fmt: skip
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


def evaluate(
    ctx: typer.Context,
    version: VersionName = "champion",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show what a registered model measured on its test part, once, when it was trained."""
    session = start(ctx, home, store, as_json)
    from dataclasses import asdict

    from serving.workflow import open_registry
    from training.model_files import read_card

    registry = open_registry(session.settings.mlflow)
    found = registry.find(version)
    card = read_card(registry.folder(found))
    payload = {"version": found.version, "aliases": list(found.aliases), **asdict(card)}

    def show_card(console: Console) -> None:
        console.print(f"version [bold]{found.version}[/]: {card.chosen}\nsplit: {card.split}")
        show_models(console, {card.model: card.metrics, "popularity": card.popularity})

    session.answer(payload, show_card)


def show(console: Console, report: TrainReport) -> None:
    """What a training did, for people."""
    console.print(f"[bold]{report.chosen}[/]")
    show_models(console, {**report.models, report.model: report.metrics, "popularity": report.popularity})
    show_feedback(console, report.feedback)
    show_comparisons(console, report.model, report.comparisons)
    show_leaks(console, report.leaks)
    state = "[green]champion[/]" if report.promoted else "[yellow]not promoted[/]"
    console.print(f"version {report.version}: {state}, {report.why}")
    console.print("[dim]see it in[/] interlace mlflow[dim], try it with[/] interlace recommend USER --explain")


def show_feedback(console: Console, feedback: Mapping[str, Mapping[str, Any]]) -> None:
    """What interactions were learned to count, a line a model."""
    for name, told in feedback.items():
        weights = ", ".join(f"{what} {weight:+.2f}" for what, weight in told["weights"].items())
        console.print(f"{name} counts {weights}", markup=False)


def show_comparisons(console: Console, model: str, comparisons: Any) -> None:
    """A model against others, user by user; what is not significant after Holm's correction says so."""
    for name, test in comparisons.items():
        sure = "" if test["adjusted"] < 0.05 else ", may be luck"
        console.print(
            f"{model} against {name}: ndcg@10 {test['difference']:+.4f} [{test['low']:+.4f}, {test['high']:+.4f}], "
            f"p = {test['adjusted']:.4f} after Holm{sure}", markup=False,
        )  # fmt: skip


def show_leaks(console: Console, leaks: Any) -> None:
    """Warnings of the leak check."""
    for leak in leaks:
        text = f"{leak['name']}: {leak['what']} ({leak['count']:,} of {leak['of']:,} {leak['unit']})"
        console.print(f"[yellow]leak check[/] {text}; remedy: {leak['remedy']}")


def show_models(console: Console, models: Any) -> None:
    """One row a model, best first."""
    from rich.table import Table

    table = Table("model", *COLUMNS, box=None)
    for name, metrics in sorted(models.items(), key=lambda pair: -pair[1].get("ndcg@10", 0.0)):
        table.add_row(name, *(f"{metrics.get(column, float('nan')):.4f}" for column in COLUMNS))
    console.print(table)
