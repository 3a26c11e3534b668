"""Options that commands on what was shown and what people did share."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal

import typer

from graph.errors import InvalidData

Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", show_default=False, help="From this day or time on: 2026-12-01, 7d (ago)."),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", show_default=False, help="Up to this day or time, not with it.")
]
Impressions = Annotated[
    Literal["served", "seen"],
    typer.Option("--impressions", help="served: items of logged answers; seen: what clients sent as `impressed`."),
]
Window = Annotated[
    str, typer.Option("--window", metavar="SPAN", help="How long after an impression a click still belongs to it.")
]


def moment(text: str | None, now: datetime) -> int | None:
    """Unix time of a day, a time (UTC where it does not say) or a span before now. Raises `InvalidData`."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text) if len(text) > 10 else datetime.combine(
            date.fromisoformat(text), datetime.min.time())  # fmt: skip
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except ValueError:
        return int(now.timestamp()) - span(text)


def span(text: str) -> int:
    """Seconds of `30m`, `6h`, `1d`. Raises `InvalidData`."""
    from serving.schedule import parse_every

    try:
        return int(parse_every(text).seconds)
    except InvalidData as error:
        valid = f"{error.valid}; for a moment also 2026-12-01 or 2026-12-01T08:00"
        raise InvalidData(error.what, valid=valid, remedy=error.remedy) from error
