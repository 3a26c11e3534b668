"""`interlace bench`: one task measured on one dataset folder, without a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.bench_cold_user import bench_newcomers
from serving.cli.bench_cross import CrossOptions, Method, SameUsers, Target, bench_people
from serving.cli.bench_ctr import Keep, Track, WithoutIds, bench_clicks
from serving.cli.bench_events import EventOptions, Horizon, TestShare, bench_events_to_come
from serving.cli.bench_friends import bench_friendships
from serving.cli.bench_options import BenchOptions
from serving.cli.scale import Pieces, PrecisionName, Processes, Ray, open_team
from serving.cli.session import Home, Json, Store, embedder, examples, require, start
from serving.cli.train import (
    Budget,
    MinValue,
    ModelName,
    Seed,
    Settings,
    Tuned,
    parse_settings,
    read_tuned,
    show_feedback,
    show_leaks,
    show_models,
)

if TYPE_CHECKING:
    from rich.console import Console

TASKS = "top-n, next-item, ranking-99, social, kg, cold-item, cold-user, cross-platform, friends, events or ctr"
Task = Annotated[str, typer.Argument(metavar="TASK", help=f"What is ranked and measured: {TASKS}.")]
Folder = Annotated[Path, typer.Argument(metavar="PATH", help="A dataset folder.")]
Refit = Annotated[bool, typer.Option("--refit", help="Fit once more on train and validation before the test.")]
Ablation = Annotated[
    bool,
    typer.Option("--ablation", help="Refit without graph, friends and each modality: what does each bring?"),
]
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
            ("interlace bench cold-item films/ --min-value 4", "a fifth of the items is new: ranked by what they are"),
            ("interlace bench cold-user films/ --min-value 4", "newcomers with 0, 1, 3 or 5 interactions known"),
            ("interlace bench friends lastfm/", "a fifth of the friendships hidden, found again"),
            ("interlace bench events concerts/ --horizon 30", "a split by time: what is to come, ranked by what was"),
            ("interlace bench cross-platform both/ --target shop", "with and without what people did elsewhere"),
            ("interlace bench ctr ctr-ml-1m/", "probabilities of labels 0/1, calibrated"),
            ("interlace bench ctr ctr-ml-1m/ --without-ids", "from profiles and attributes alone"),
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
    ablation: Ablation = False,
    processes: Processes = 1,
    pieces: Pieces = 0,
    precision: PrecisionName = None,
    ray: Ray = "",
    without_ids: WithoutIds = False,
    keep: Keep = None,
    track: Track = False,
    target: Target = None,
    method: Method = None,
    same_users: SameUsers = False,
    horizon: Horizon = None,
    test_share: TestShare = None,
    seed: Seed = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Measure a model on a task: choices by validation, the test part read once, popularity beside it."""
    session = start(ctx, home, store, as_json, seed=seed)
    require(path)
    options = BenchOptions(
        model, settings, tuned, refit, min_value, budget, embed, ablation, without_ids, keep, track, processes, pieces,
        precision,
    )  # fmt: skip
    cross, events = CrossOptions(target, method, same_users), EventOptions(horizon, test_share)
    if task == "cross-platform":
        events.of_another(task)
        bench_people(session, path, options, cross)
        return
    cross.of_another(task)
    if task == "events":
        bench_events_to_come(session, path, options, events)
        return
    events.of_another(task)
    if task == "ctr":
        bench_clicks(session, path, options)
        return
    options.of_clicks_alone(task)
    if task == "cold-user":
        bench_newcomers(session, path, options)
        return
    if task == "friends":
        bench_friendships(session, path, options)
        return
    from training.bench import bench as measure
    from training.scale.runtime import Scale

    with open_team(processes, ray) as team, session.reporter.step(f"{task} on {path}") as step:
        result = measure(
            task,
            path,
            model=model,
            overrides=read_tuned(tuned, model, session) | parse_settings(settings or []),
            refit=refit,
            min_value=min_value,
            budget=budget,
            seed=session.settings.seed,
            embed=embedder(session) if embed else None,
            ablation=ablation,
            progress=step.note,
            scale=Scale(precision, team, pieces),
        )
    payload = result.as_dict()
    session.answer(payload, lambda console: show(console, payload))


def show_report(console: Console, report: dict[str, Any]) -> None:
    """What is beside accuracy, in a few lines."""
    found = [f"diversity by {name} {one['value']:.3f}" for name, one in report["diversity"].items()]
    if report["calibration"]:
        found.append(f"miscalibration {report['calibration']['value']:.3f} ({report['calibration']['relation']})")
    found.append(f"popularity lift {report['popularity']['lift']:+.2f}")
    console.print(", ".join(found), markup=False)
    for side in ("users", "items"):
        for name, one in report[side].items():
            if one["gap"] is not None:
                gap, sure = one["gap"], "" if (one["p_value"] or 0.0) < 0.05 else ", may be chance"
                ends = f"{gap['best']} over {gap['worst']}"
                console.print(
                    f"gap of {side} by {name}: {one['measure']} {gap['value']:.3f}, {ends}{sure}", markup=False
                )


def show(console: Console, result: dict[str, Any]) -> None:
    """The result for people."""
    console.print(f"[bold]{result['task']}[/] {result['users']:,} users, {result['items']:,} items, {result['split']}")
    console.print(result["chosen"])
    show_models(console, {result["model"]: result["metrics"], **result["baselines"]})
    show_feedback(console, result["feedback"])
    show_report(console, result["report"])
    show_leaks(console, result["leaks"])
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in result["seconds"].items())
    console.print(f"[dim]{seconds}, peak {result['peak_mb']:,} MB[/]")
