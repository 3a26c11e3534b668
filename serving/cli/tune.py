"""`interlace tune`: the best settings of a model, searched by validation within a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from serving.cli.bench import Embed
from serving.cli.scale import Ray
from serving.cli.session import Home, Json, Session, Store, examples, require, start
from serving.cli.train import PANEL, MinValue, Seed, Settings, SplitWay, parse_settings

if TYPE_CHECKING:
    from rich.console import Console

    from graph.snapshot_read import FolderData
    from training.data import TrainingData
    from training.tune import Seen, TuneReport

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="[PATH]", help="A dataset folder. [dim]default: the graph[/]", show_default=False),
]
Model = Annotated[str, typer.Option("--model", metavar="NAME", help="A model, or all: each with the same budget.")]
Trials = Annotated[
    int | None, typer.Option("--trials", min=1, help="Trials that the study holds in the end. [dim]default: 30[/]",
                             show_default=False),
]  # fmt: skip
Minutes = Annotated[
    float | None, typer.Option("--minutes", min=0.01, help="Time for all of it; models share it evenly.",
                               show_default=False),
]  # fmt: skip
Processes = Annotated[int, typer.Option("--processes", min=1, help="Processes that share the trials and the cores.")]
StudyName = Annotated[
    str, typer.Option("--study", metavar="NAME", help="The same name goes on where it was. [dim]default: the data's[/]",
                      show_default=False),
]  # fmt: skip
Task = Annotated[str, typer.Option("--task", help="With PATH: validation as `interlace bench TASK` has it.")]
PrunerName = Annotated[
    Literal["halving", "hyperband", "none"], typer.Option("--pruner", help="What ends a network's bad trial early.")
]
UNLIMITED = 1_000_000


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "tune",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace tune --model ease", "30 trials on the graph's snapshot"),
            ("interlace tune ml-1m/ --model all --minutes 60 --processes 4", "every model, the same time for each"),
            ("interlace tune --model lightgcn --set epochs=50 --study long", "again after Ctrl-C: it goes on"),
            ("interlace train --model ease --settings STUDY", "train with the best settings of a study"),
        ),
    )(tune)  # fmt: skip


def tune(
    ctx: typer.Context,
    path: Folder = None,
    model: Model = "all",
    trials: Trials = None,
    minutes: Minutes = None,
    processes: Processes = 1,
    study: StudyName = "",
    pruner: PrunerName = "halving",
    ray: Ray = "",
    settings: Settings = None,
    task: Task = "top-n",
    embed: Embed = True,
    split: SplitWay = "random",
    min_value: MinValue = None,
    seed: Seed = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Search a model's settings with Optuna; every trial is an MLflow run, the test part is not looked at."""
    session = start(ctx, home, store, as_json, seed=seed)
    from training.study import Studies
    from training.tracking import open_tracker
    from training.tune import ALL, TRIALS, Budget, models_of
    from training.tune import tune as search
    from training.zoo import find

    if model != ALL:
        find(model)
    if path is None:
        dataset, data, about = _of_graph(session, split, min_value)
    else:
        require(path)
        dataset, data, about = _of_folder(session, path, task, min_value, embed=embed)
    models_of(model, data)
    count = trials or (UNLIMITED if minutes else TRIALS)
    budget = Budget(count, None if minutes is None else 60 * minutes, processes, pruner, ray)
    with session.reporter.step(f"tuning {model}") as step:
        report = search(
            model,
            data,
            about,
            studies=Studies.of(session.home, study or dataset),
            tracker=open_tracker(session.settings.mlflow),
            experiment=dataset,
            budget=budget,
            overrides=parse_settings(settings or []),
            watch=lambda seen: step.note(progress(seen)),
        )
    session.answer(report.as_dict(), lambda console: show(console, report))
    if report.interrupted:
        raise typer.Exit(130)


def progress(seen: Seen) -> str:
    """How far a study is, in one line."""
    of = "" if seen.of == UNLIMITED else f" of {seen.of}"
    best = "" if seen.best is None else f", best validation ndcg@10 {seen.best:.4f}"
    return f"{seen.model}: {seen.done}{of} trials{best}"


def _of_graph(session: Session, split: Any, min_value: float | None) -> tuple[str, TrainingData, dict[str, Any]]:
    from serving.workflow import freeze
    from training.prepare import prepare
    from training.split import split_of
    from training.train import Plan

    with session.reporter.step("reading the graph"), session.store() as graph:
        frozen = freeze(graph, session.home, session.settings.consent_defaults)
    seed = session.settings.seed
    parts = split_of(frozen.snapshot, how=split, min_value=min_value, seed=seed)
    text = Plan(how=split, min_value=min_value, seed=seed).split_text
    return frozen.dataset, prepare(frozen.snapshot, parts, seed=seed).data, {"snapshot": frozen.hash, "split": text}


def _of_folder(
    session: Session, path: Path, task: str, min_value: float | None, *, embed: bool
) -> tuple[str, TrainingData, dict[str, Any]]:
    from graph.snapshot_hash import content_hash
    from graph.snapshot_read import read_folder
    from training.tasks import find_task, task_data

    asked, seed = find_task(task), session.settings.seed
    with session.reporter.step(f"reading {path}") as step:
        folder = read_folder(path)
        if embed:
            step.note("encoding text and images")
            folder = _embedded(session, folder, path)
        parts = task_data(asked, folder, min_value=min_value, seed=seed)
    least = "every value" if min_value is None else f"values from {min_value:g}"
    about = {"snapshot": content_hash(folder.snapshot), "split": f"{task}: {parts.split}, {least}, seed {seed}"}
    return path.resolve().name, parts.prepared.data, about


def _embedded(session: Session, folder: FolderData, path: Path) -> FolderData:
    from dataclasses import replace

    from encoders.encode import embed_folder

    tables = embed_folder(folder.snapshot, path, home=session.home)
    return replace(folder, snapshot=folder.snapshot.with_embeddings(tables))


def show(console: Console, report: TuneReport) -> None:
    """One row a model, best first."""
    from rich.table import Table

    table = Table("model", "validation ndcg@10", "trials", "pruned", "settings", box=None)
    for one in report.models:
        settings = ", ".join(f"{name}={_short(value)}" for name, value in (one.settings or {}).items())
        quality = "" if one.validation is None else f"{one.validation:.4f}"
        table.add_row(one.model, quality, str(one.trials), str(one.pruned), settings)
    console.print(table)
    if report.interrupted:
        console.print("stopped: the same command goes on from here")
    elif report.models:
        best = report.models[0].model
        console.print(f"[dim]use it:[/] interlace train --model {best} --settings {report.study}")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
