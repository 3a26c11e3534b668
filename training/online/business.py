"""The business's numbers: every measure of `tallies.MEASURES`, by day, by model or by arm, with intervals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from graph.errors import InvalidData
from training.online.attribution import WINDOW_SECONDS
from training.online.log import Ints, Log
from training.online.ratios import Ratio, bootstrap, ratio
from training.online.tallies import DAY, MEASURES, Groups, single_group, tally

CHECKED = ("bootstrap_low", "bootstrap_high")
BY = ("all", "day", "model", "arm")


@dataclass(frozen=True)
class Row:
    """One measure of one group. `bootstrap`: its interval by the bootstrap, None where nobody asked."""

    group: str
    measure: str
    ratio: Ratio
    bootstrap: tuple[float, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        boot = (
            {} if self.bootstrap is None else {"bootstrap_low": self.bootstrap[0], "bootstrap_high": self.bootstrap[1]}
        )
        return {"group": self.group, "measure": self.measure, **self.ratio.as_dict(), **boot}


def numbers(
    log: Log, *, by: str = "all", window: int = WINDOW_SECONDS, check: bool = False, seed: int = 42
) -> list[Row]:
    """A row for each group and measure that has data. `by`: all, day (UTC), model or arm; `check`: bootstrap too.

    By model or arm, what cannot be laid to an impression (orders, time, returning) counts for users who saw one model,
    or one arm of the experiment, alone. Raises `InvalidData` for another `by`.
    """
    if by not in _GROUPINGS:
        raise InvalidData(f"by {by!r}", valid=", ".join(BY), remedy="name one of these")
    found = []
    for names, groups in _GROUPINGS[by](log):
        tallies = tally(log, groups, window)
        for place, name in enumerate(names):
            rows = tallies.rows(place)
            for measure, what in MEASURES.items():
                above, below = (side[rows] for side in tallies.sides(what))
                if below.sum() > 0:
                    boot = bootstrap(above, below, seed=seed) if check else None
                    found.append(Row(name, measure, ratio(above, below), boot))
    return found


def table(rows: list[Row]) -> pa.Table:
    """The rows as Arrow, a column each."""
    return pa.Table.from_pylist([row.as_dict() for row in rows])


Grouping = tuple[list[str], Groups]


def _all(log: Log) -> Iterator[Grouping]:
    yield ["all"], Groups(np.zeros(len(log.shown), np.int64), np.zeros(len(log.acts), np.int64))


def _day(log: Log) -> Iterator[Grouping]:
    days = np.unique(np.concatenate([log.shown.at, log.acts.at]) // DAY)
    names = [datetime.fromtimestamp(int(day) * DAY, UTC).date().isoformat() for day in days]
    shown, acts = (np.searchsorted(days, part.at // DAY) for part in (log.shown, log.acts))
    yield names, Groups(shown, acts, days * DAY)


def _model(log: Log) -> Iterator[Grouping]:
    yield list(log.models), Groups(log.shown.model, single_group(log, log.shown.model))


def _arm(log: Log) -> Iterator[Grouping]:
    """One grouping an experiment: a user is in several at the same time."""
    for experiment in sorted({name for text in log.arms for name in json.loads(text)}):
        names, codes = arms_of(log, experiment)
        yield [f"{experiment}/{name}" for name in names], Groups(codes, single_group(log, codes))


def arms_of(log: Log, experiment: str) -> tuple[list[str], Ints]:
    """The arms of one experiment that the log knows, sorted, and the code of each shown row's (-1: none)."""
    of_text = [json.loads(text).get(experiment) for text in log.arms]
    names = sorted({one for one in of_text if one is not None})
    codes = np.array([-1 if one is None else names.index(one) for one in [*of_text, None]], np.int64)
    return names, codes[log.shown.arms]


_GROUPINGS: Mapping[str, Callable[[Log], Iterator[Grouping]]] = MappingProxyType(
    {"all": _all, "day": _day, "model": _model, "arm": _arm}
)
