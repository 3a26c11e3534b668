"""The report of a run: from the home's logs to a verdict, a page and an MLflow run. Not part of the request path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.business import experiment_log, plan_of
from serving.cli.session import finite
from serving.experiment_runs import Run
from serving.experiments import INTERLEAVE
from training.online.assess import assess
from training.online.interleaving import prefer
from training.online.report_page import ab_page, interleaving_page

if TYPE_CHECKING:
    from training.tracking import Tracker


@dataclass(frozen=True)
class Report:
    """`payload` for programs, `html` for people, `numbers` for MLflow."""

    payload: dict[str, Any]
    html: str
    numbers: dict[str, float]


def make_report(
    home: Path, run: Run, *, now: datetime, impressions: str = "served", notes: Sequence[str] = ()
) -> Report:
    """What the logs of the home say of the run until now."""
    plan = plan_of(run)
    log = experiment_log(home, run, impressions=impressions, now=now.timestamp())
    known = {"name": plan.name, "form": run.experiment.form, "started": run.started, "notes": list(notes)}
    description = run.experiment.description
    if run.experiment.form == INTERLEAVE:
        found = prefer(log, plan)
        page = interleaving_page(found, plan, description=description, made=now, notes=notes)
        shown = {"preference": found.value, "p_value": found.p_value, "low": found.low, "high": found.high}
        return Report({**known, **found.as_dict(), "verdicts": {found.second: found.verdict}}, page, shown)
    done = assess(log, plan)
    page = ab_page(done, description=description, made=now, notes=notes)
    numbers = {
        f"{one.arm}/{one.measure}/{name}": getattr(one, name)
        for one in (*done.measures, *done.guards)
        for name in ("control", "treated", "value", "low", "high", "p_value", "users")
    }
    return Report({**known, **done.as_dict()}, page, numbers | {"split_p_value": done.split.p_value})


def track_report(tracker: Tracker, run: Run, report: Report) -> str:
    """An MLflow run of the experiment `online/NAME`: definition, numbers, page. Returns its id."""
    one = run.experiment
    with tracker.run(f"online/{one.name}", f"report of {one.name}", {"kind": "online experiment"}) as entry:
        entry.params({name: value for name, value in one.as_dict().items() if name != "description"})
        entry.metrics({name: float(value) for name, value in report.numbers.items() if value == value})  # noqa: PLR0124
        entry.text(report.html, "report.html")
        entry.document(finite(report.payload), "report.json")
        return entry.id
