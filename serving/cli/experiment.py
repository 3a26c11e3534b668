"""`interlace experiment`: A/B tests and interleavings, from the size to the report."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.errors import InvalidData, NotFound
from serving.cli.online_options import Impressions
from serving.cli.session import Home, Json, Session, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from serving.experiment_runs import Run
    from serving.experiments import Experiment

Name = Annotated[str, typer.Argument(metavar="NAME", help="An experiment of experiments.yaml.")]
File = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", help="Definitions. [dim]default: HOME/experiments.yaml[/]", show_default=False
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="The page. [dim]default: HOME/reports/NAME.html[/]", show_default=False),
]
Track = Annotated[bool, typer.Option("--track/--no-track", help="Log the report in MLflow.")]
Baseline = Annotated[float, typer.Option("--baseline", help="The rate now, or the mean with --deviation.")]
Lift = Annotated[float, typer.Option("--lift", help="What shall be found, relative: 0.1 is a tenth more.")]
Power = Annotated[float, typer.Option("--power", help="Chance to find it when it is there.")]
Alpha = Annotated[float, typer.Option("--alpha", help="Chance to find something where there is nothing.")]
Deviation = Annotated[
    float | None, typer.Option("--deviation", show_default=False, help="Of a mean: standard deviation by user.")
]
Past = Annotated[float, typer.Option("--past", help="Correlation with the users' past, which CUPED takes out.")]
Arms = Annotated[int, typer.Option("--arms", help="Arms, with the control.")]
Daily = Annotated[
    int | None, typer.Option("--daily", min=1, show_default=False, help="New users a day, of all arms: how many days.")
]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    group.command("list", epilog=examples(("interlace experiment list", "what is defined, and what goes on")))(list_)
    group.command(
        "size",
        epilog=examples(
            ("interlace experiment size --baseline 0.05 --lift 0.1 --power 0.8", "a rate, and a tenth more of it"),
            ("interlace experiment size --baseline 12 --deviation 30 --lift 0.05 --past 0.6 --daily 2000", "a mean"),
        ),
    )(size)
    group.command(
        "start", epilog=examples(("interlace experiment start more-diverse", "as it is defined now, until stopped"))
    )(start_)  # fmt: skip
    group.command(
        "stop", epilog=examples(("interlace experiment stop more-diverse", "everybody gets the usual answer again"))
    )(stop)  # fmt: skip
    group.command(
        "report",
        epilog=examples(
            ("interlace experiment report more-diverse", "at any time, as often as you like"),
            ("interlace experiment report more-diverse --out report.html --json", "one object, and the page there"),
        ),
    )(report)
    app.add_typer(
        group,
        name="experiment",
        rich_help_panel="Learn from it",
        help="A/B tests and interleavings that may be looked at any time.",
        epilog=examples(
            ("interlace experiment size --baseline 0.05 --lift 0.1", "how many users it takes"),
            ("interlace experiment start NAME", "begin"), ("interlace experiment report NAME", "look"),
        ),
    )  # fmt: skip


def list_(ctx: typer.Context, file: File = None, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """List the experiments that are defined, and those that were started."""
    session = start(ctx, home, store, as_json)
    from serving.experiment_runs import ExperimentRuns

    with closing(ExperimentRuns(session.home)) as runs:
        known, running = runs.all(), {one.experiment.name for one in runs.running()}
    defined = _definitions(session, file, needed=False)
    started = {one.experiment.name: one for one in reversed(known)}
    rows = [_row(name, defined.get(name), started.get(name), name in running) for name in {**defined, **started}]
    session.answer({"experiments": rows}, lambda console: show_list(console, rows))


def _row(name: str, defined: Experiment | None, run: Run | None, going: bool) -> dict[str, Any]:
    one = run.experiment if run is not None and going else defined
    if one is None:
        assert run is not None
        one = run.experiment
    return {
        "name": name, "state": "running" if going else "ended" if run else "defined", "form": one.form,
        "arms": {arm.name: dict(arm.options) for arm in one.arms}, "traffic": one.traffic, "metrics": list(one.metrics),
        "started": run.since if run else None, "stopped": (run.stopped or one.end) if run else None,
    }  # fmt: skip


def show_list(console: Console, rows: list[dict[str, Any]]) -> None:
    """A line an experiment."""
    from rich.table import Table

    table = Table("experiment", "", "form", "arms", "since", box=None)
    for row in rows:
        since = "" if row["started"] is None else f"{datetime.fromtimestamp(row['started'], UTC):%Y-%m-%d %H:%M}"
        table.add_row(row["name"], row["state"], row["form"], ", ".join(row["arms"]), since)
    console.print(table if rows else "none is defined: docs/guide/experiments-online.md has one to copy")


def size(
    ctx: typer.Context,
    baseline: Baseline,
    lift: Lift,
    power: Power = 0.8,
    alpha: Alpha = 0.05,
    deviation: Deviation = None,
    past: Past = 0.0,
    arms: Arms = 2,
    daily: Daily = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Say how many users an experiment needs."""
    session = start(ctx, home, store, as_json)
    from training.online.design import Question
    from training.online.design import size as users

    found = users(Question(baseline, lift, power, alpha, deviation, past, arms))
    days = None if daily is None else -(-found.total // daily)
    payload = {**asdict(found), "total": found.total, "days": days}

    def show(console: Console) -> None:
        console.print(f"{found.sequential:,} users an arm ({found.total:,} in all) when it may be looked at any time")
        console.print(f"{found.fixed:,} users an arm when it is looked at once, at the end")
        console.print(f"[dim]finds a difference of {found.effect:.4g} in {power:.0%} of the experiments[/]")
        if days is not None:
            console.print(f"{days:,} days with {daily:,} new users a day")

    session.answer(payload, show)


def start_(
    ctx: typer.Context, name: Name, file: File = None, home: Home = None, store: Store = None, as_json: Json = False
) -> None:
    """Start an experiment as it is defined now: every server of this home follows within a second."""
    session = start(ctx, home, store, as_json)
    from serving.business import resolve
    from serving.experiment_runs import ExperimentRuns

    defined = _definitions(session, file, needed=True)
    if name not in defined:
        raise NotFound(f"no experiment {name!r} is defined", valid=", ".join(defined) or "none is",
                       remedy=f"define it in {_file(session, file)}")  # fmt: skip
    with closing(ExperimentRuns(session.home)) as runs:
        run = runs.start(resolve(session.home, defined[name]))
    arms = {arm.name: dict(arm.options) for arm in run.experiment.arms}
    payload = {"name": name, "started": run.started, "since": run.since, "arms": arms}
    session.answer(payload, lambda console: console.print(f"{name} goes on: interlace experiment report {name}"))


def stop(
    ctx: typer.Context, name: Name, home: Home = None, store: Store = None, as_json: Json = False
) -> None:  # fmt: skip
    """End an experiment: everybody gets what all get again. Its report stays."""
    session = start(ctx, home, store, as_json)
    from serving.experiment_runs import ExperimentRuns

    with closing(ExperimentRuns(session.home)) as runs:
        run = runs.stop(name)
    payload = {"name": name, "started": run.started, "stopped": run.stopped}
    session.answer(payload, lambda console: console.print(f"{name} has ended"))


def report(
    ctx: typer.Context,
    name: Name,
    out: Out = None,
    impressions: Impressions = "served",
    track: Track = True,
    file: File = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Say what an experiment shows so far, and write it as a page. May be asked at any time, as often as you like."""
    session = start(ctx, home, store, as_json)
    from serving.experiment_runs import ExperimentRuns
    from serving.experiments_report import make_report

    with closing(ExperimentRuns(session.home)) as runs:
        run = runs.latest(name)
    found = make_report(session.home, run, impressions=impressions, now=datetime.now(UTC),
                        notes=_changed(session, file, run))  # fmt: skip
    path = out or session.home / "reports" / f"{name}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(found.html, encoding="utf-8")
    payload = {**found.payload, "page": str(path)}
    if track:
        from serving.experiments_report import track_report
        from training.tracking import open_tracker

        payload["run"] = track_report(open_tracker(session.settings.mlflow), run, found)
    session.answer(payload, lambda console: show_report(console, payload))


def _changed(session: Session, file: Path | None, run: Run) -> list[str]:
    """Says so where the definition is another by now."""
    from dataclasses import replace

    from serving.business import resolve

    try:
        now = _definitions(session, file, needed=False).get(run.experiment.name)
        same = now is None or resolve(session.home, now) == run.experiment
    except (InvalidData, NotFound):
        same = False
        now = replace(run.experiment)
    return (
        [] if same else ["The definition was changed since the experiment started; this is the one that was started."]
    )


def show_report(console: Console, found: dict[str, Any]) -> None:
    """The verdict and a line a measure."""
    from rich.table import Table

    from serving.cli.metrics import number
    from training.online.tallies import MEASURES

    for arm, text in found["verdicts"].items():
        console.print(f"[bold]{arm}[/]: {text}", highlight=False)
    for note in found["notes"]:
        console.print(f"[yellow]{note}[/]")
    if found["form"] == "interleave":
        low, high = found["low"], found["high"]
        console.print(f"preference {found['value']:+.3f} ({low:+.3f} to {high:+.3f}) of {found['users']:,} users")
    else:
        table = Table("measure", "arm", "control", "arm's", "difference, at any look", "p", "users", "", box=None)
        for row in (*found["measures"], *found["guards"]):
            share = MEASURES[row["measure"]].format == "share"
            shown = [number(row[key], share) for key in ("control", "treated", "value", "low", "high")]
            between = f"{shown[2]} ({shown[3]} to {shown[4]})" if shown[2] else ""
            name = row["measure"] if row["allowed"] is None else f"{row['measure']} (guard)"
            table.add_row(name, row["arm"], shown[0], shown[1], between, f"{row['p_value']:.3g}", f"{row['users']:,}",
                          row["state"])  # fmt: skip
        console.print(table)
    console.print(f"[dim]{found['page']}[/]")


def _file(session: Session, file: Path | None) -> Path:
    from serving.experiments_file import FILE

    return file or session.home / FILE


def _definitions(session: Session, file: Path | None, *, needed: bool) -> dict[str, Experiment]:
    from serving.experiments_file import read_experiments

    path = _file(session, file)
    return read_experiments(path) if needed or file is not None or path.exists() else {}
