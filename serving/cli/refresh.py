"""`interlace refresh`: everything again, only where something changed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.session import Home, Json, Session, Store, examples, start

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from serving.refresh_choice import Choice
    from serving.refresh_runs import RunRecord, StepRecord

Full = Annotated[
    bool, typer.Option("--full", help="Do every step whatever is recorded, and choose models anew.")
]  # fmt: skip
Only = Annotated[
    str | None,
    typer.Option("--only", metavar="STEP", show_default=False,
                 help="That step alone: ingest, retain, encode, tags, snapshot, train, publish or write-back."),
]  # fmt: skip
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say which steps would run, and why; do nothing.")]
Status = Annotated[bool, typer.Option("--status", help="Show the last runs; do nothing.")]
Forget = Annotated[
    Path | None,
    typer.Option("--forget", metavar="PATH", show_default=False,
                 help="Read this source no more; the graph keeps what came from it."),
]  # fmt: skip
MinValue = Annotated[
    float | None,
    typer.Option("--min-value", help="Only interactions of at least this value are likes.",
                 show_default="as the last time"),
]  # fmt: skip
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="Choose among these models alone; may be repeated; auto: all.",
                 show_default="as the last time"),
]  # fmt: skip
Budget = Annotated[
    float | None,
    typer.Option("--budget", min=1, metavar="SECONDS", help="A choice of models fits for about so long.",
                 show_default="as the last time, at first 600"),
]  # fmt: skip
Every = Annotated[
    str | None,
    typer.Option("--every", metavar="SPAN", show_default=False,
                 help="Stay, and refresh so often: 30m, 6h, 1d.", rich_help_panel="Schedule"),
]  # fmt: skip
CronText = Annotated[
    str | None,
    typer.Option("--cron", metavar="'M H D M W'", show_default=False, rich_help_panel="Schedule",
                 help="Stay, and refresh at these times of this machine's clock, as in cron: '0 3 * * *'."),
]  # fmt: skip
Jitter = Annotated[
    float,
    typer.Option("--jitter", min=0, metavar="SECONDS", rich_help_panel="Schedule",
                 help="Up to so much later each time, by chance."),
]  # fmt: skip
AtOnce = Annotated[
    bool, typer.Option("--now", help="The first refresh at once, then by the schedule.", rich_help_panel="Schedule")
]
Trigger = Annotated[str, typer.Option("--trigger", hidden=True)]
RunId = Annotated[str, typer.Option("--run-id", hidden=True)]


def add_to(app: typer.Typer) -> None:
    """Adds this group's command."""
    app.command(
        "refresh",
        rich_help_panel="Learn from it",
        epilog=examples(
            (
                "interlace refresh",
                "what changed since the last time: ingest, encode, snapshot, train, publish, write back",
            ),
            ("interlace refresh --dry-run", "which steps would run, and which of their inputs changed"),
            ("interlace refresh --full", "all of it; models are chosen anew and must beat those that serve"),
            ("interlace refresh --only encode", "one step, when those before it are done"),
            ("interlace refresh --status", "the last runs, with what each step did"),
            ("interlace refresh --forget old-shop/", "a source that is no more"),
            ("interlace refresh --every 6h --now", "one now, then every six hours, until it is stopped"),
            ("interlace refresh --cron '0 3 * * *'", "every night at three"),
        ),
    )(refresh)


def refresh(
    ctx: typer.Context,
    full: Full = False,
    only: Only = None,
    dry_run: DryRun = False,
    status: Status = False,
    forget: Forget = None,
    min_value: MinValue = None,
    model: Models = None,
    budget: Budget = None,
    every: Every = None,
    cron: CronText = None,
    jitter: Jitter = 0.0,
    now: AtOnce = False,
    trigger: Trigger = "command",
    run_id: RunId = "",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Bring graph, vectors, models, index and what is written back up to date; steps without news are skipped.

    Sources are those that `interlace ingest` read. A run that was killed is gone on with by the next one, and two never
    overlap. Models keep their settings and weights and learn from the new data; they are chosen anew with --full, when
    the data has grown by a fifth, or after 30 refreshes.
    """
    session = start(ctx, home, store, as_json)
    if forget is not None:
        _forget(session, forget)
    elif status:
        _status(session)
    else:
        from serving.refresh_choice import Choice

        names = None if not model else () if model == ["auto"] else tuple(model)
        choice = Choice(min_value, names, budget)
        if every is not None or cron is not None:
            _stay(session, (every, cron), options_of(choice, full=full, only=only or ""), jitter=jitter, now=now)
            return
        _refresh(session, choice, full=full, only=only or "", dry_run=dry_run, by=(trigger, run_id))


def _refresh(session: Session, choice: Any, *, full: bool, only: str, dry_run: bool, by: tuple[str, str]) -> None:
    from serving.refresh import Refresh

    job = Refresh(session.settings, session.reporter, choice, *by)
    with session.store() as graph:
        if dry_run:
            planned = job.plan(graph, full=full, only=only)
            payload = {"steps": [{"step": one.name, "runs": one.state != "skipped", "why": one.why} for one in planned]}
            session.answer(payload, lambda console: show_plan(console, planned))
            return
        report = job.run(graph, full=full, only=only)
    session.answer(report.as_dict(), lambda console: show_run(console, report.record))


def _stay(
    session: Session, times: tuple[str | None, str | None], options: list[str], *, jitter: float, now: bool
) -> None:
    """One refresh after another, until SIGTERM or SIGINT."""
    import threading

    from serving.schedule import Schedule, refreshes, stopped_by_signals, timetable

    stop = threading.Event()
    spawn = refreshes(session.settings, [*options, *(["--json"] if session.as_json else [])])
    schedule = Schedule(timetable(*times), spawn, session.reporter.say, jitter=jitter, now=now, stop=stop)
    with stopped_by_signals(stop):
        runs = schedule.run()
    session.reporter.say(f"stopped after {runs} refreshes")


def options_of(choice: Choice, *, full: bool, only: str) -> list[str]:
    """The options that ask another process for the same refresh."""
    given = [("--min-value", choice.min_value), ("--budget", choice.budget), ("--only", only or None)]
    found = [part for name, value in given if value is not None for part in (name, str(value))]
    names = ("auto",) if choice.names == () else choice.names or ()
    found += [part for name in names for part in ("--model", name)]
    return [*found, "--full"] if full else found


def _status(session: Session) -> None:
    from serving.refresh_runs import recent

    with session.store() as graph:
        runs = recent(graph)
    session.answer({"runs": [run.as_dict() for run in runs]}, lambda console: show_runs(console, runs))


def _forget(session: Session, path: Path) -> None:
    from graph.errors import NotFound
    from serving.refresh_sources import forget, sources

    if not forget(session.home, path):
        valid = ", ".join(str(one.path) for one in sources(session.home)) or "none: no source is remembered"
        raise NotFound(f"no source {str(path)!r} is remembered", valid=valid, remedy="name one of these")
    session.answer({"forgotten": str(path)}, lambda console: console.print(f"{path} is read no more"))


def show_plan(console: Console, steps: Iterable[StepRecord]) -> None:
    """One row a step: whether it would run, and why."""
    from rich.table import Table

    table = Table("step", "", "why", box=None)
    for step in steps:
        table.add_row(step.name, "[dim]skip[/]" if step.state == "skipped" else "[green]run[/]", step.why)
    console.print(table)


def show_run(console: Console, run: RunRecord) -> None:
    """One row a step: what it did, why, how long it took and what it counted."""
    from rich.table import Table

    table = Table("step", "", "why", "seconds", "counts", box=None)
    for step in run.steps:
        counts = ", ".join(f"{name} {_number(value)}" for name, value in step.counts.items() if value)
        state = {"done": "[green]done[/]", "skipped": "[dim]skipped[/]"}.get(step.state, f"[yellow]{step.state}[/]")
        table.add_row(step.name, state, step.why, f"{step.seconds:.1f}" if step.seconds else "", counts)
    console.print(table)
    if run.error:
        console.print(f"[red]{run.error}[/]")
    serving = f"; model version {run.model_version}, index {run.index}" if run.index else ""
    console.print(f"run {run.id}: {run.state} in {run.seconds or 0.0:.1f} s{serving}")


def show_runs(console: Console, runs: Iterable[RunRecord]) -> None:
    """One row a run, newest first; the newest in full."""
    from rich.table import Table

    table = Table("run", "state", "began", "seconds", "asked by", "steps done", "model", "index", box=None)
    for run in runs:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
        seconds = "" if run.seconds is None else f"{run.seconds:.1f}"
        done = ", ".join(step.name for step in run.steps if step.state == "done") or "none"
        table.add_row(run.id, run.state, began, seconds, run.trigger, done, run.model_version, run.index)
    console.print(table)
    for run in list(runs)[:1]:
        show_run(console, run)


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
