"""`interlace metrics`: the business's numbers from what was shown and what people did."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graph.errors import InvalidData
from serving.cli.online_options import Impressions, Since, Until, Window, moment, span
from serving.cli.session import Home, Json, Store, examples, start

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

    from training.online.business import Row

By = Annotated[
    Literal["all", "day", "model", "arm"],
    typer.Option("--by", help="A number for each day (UTC), model version (of the index) or arm of an experiment."),
]
Graph = Annotated[bool, typer.Option("--graph", help="With the interactions that the published index was made from.")]
Check = Annotated[bool, typer.Option("--bootstrap", help="Intervals by the bootstrap too, beside the delta method's.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", show_default=False, help="Write the table: .csv or .parquet.")
]
FORMATS = (".csv", ".parquet")


def add_to(app: typer.Typer) -> None:
    """Adds this group's command."""
    app.command(
        "metrics",
        rich_help_panel="Learn from it",
        epilog=examples(
            ("interlace metrics --since 7d", "click rate, conversion, order value, time, returning users"),
            ("interlace metrics --by model --since 2026-12-01", "each version of the index that answered"),
            ("interlace metrics --by day --out days.parquet", "a table for other tools"),
            ("interlace metrics --graph --by day --json", "what people did since the graph began"),
        ),
    )(metrics)


def metrics(
    ctx: typer.Context,
    by: By = "all",
    since: Since = None,
    until: Until = None,
    graph: Graph = False,
    impressions: Impressions = "served",
    window: Window = "1d",
    check: Check = False,
    out: Out = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Click rate, conversion, order value, watch and listening time, and returning users, with 95% intervals.

    From HOME/events.sqlite and the log of what was shown; intervals take a user's rows together (delta method).
    """
    session = start(ctx, home, store, as_json)
    if out is not None and out.suffix not in FORMATS:
        raise InvalidData(f"a table as {out.suffix or out.name!r}", valid=", ".join(FORMATS), remedy="name such a file")
    from serving.business import Span, read_log
    from training.online.business import numbers, table

    now = datetime.now(UTC)
    log = read_log(
        session.home, Span(moment(since, now), moment(until, now)), graph=graph, impressions=impressions,
        now=now.timestamp(),
    )  # fmt: skip
    rows = numbers(log, by=by, window=span(window), check=check, seed=session.settings.seed)
    if out is not None:
        write(table(rows), out)
    payload: dict[str, Any] = {
        "by": by, "events": len(log.acts), "impressions": len(log.shown), "rows": [row.as_dict() for row in rows],
    }  # fmt: skip
    session.answer(payload, lambda console: show(console, rows, by, payload))


def write(table: pa.Table, path: Path) -> None:
    """CSV or Parquet, by the name."""
    import pyarrow.parquet as pq
    from pyarrow import csv

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        pq.write_table(table, path)


def show(console: Console, rows: list[Row], by: str, counts: dict[str, Any]) -> None:
    """A line a number."""
    from rich.table import Table

    from training.online.tallies import MEASURES

    console.print(f"{counts['events']:,} events, {counts['impressions']:,} impressions")
    table = Table(by, "measure", "value", "95% interval", "of", "users", box=None)
    for row in rows:
        share = MEASURES[row.measure].format == "share"
        value, low, high = (number(part, share) for part in (row.ratio.value, row.ratio.low, row.ratio.high))
        interval = f"{low} to {high}" if low else ""
        of = f"{row.ratio.numerator:,.6g} / {row.ratio.denominator:,.6g}"
        table.add_row(row.group, row.measure, value, interval, of, f"{row.ratio.users:,}")
    console.print(table if rows else "nothing was logged in this time: POST /v1/events, and INTERLACE_EXPOSURES=all")


def number(value: float, share: bool) -> str:
    """A number as people read it; nothing for NaN."""
    if value != value:  # noqa: PLR0124  NaN
        return ""
    return f"{100 * value:.2f}%" if share else f"{value:,.4g}"
