"""Events as the task `events` reads them: when and where they are, who answered when, and where people live.

Between the snapshot and `training.events.cut`. An event is an item with a property `starts`; other items (artists that
people hear, groups, places) are none, and say what people like.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.errors import InvalidData
from graph.snapshot import NO_TIME, Snapshot
from graph.snapshot_read import FolderData
from training.data import SideInformation
from training.prepare import side_information
from training.profiles import as_numbers
from training.split import first_of_each_pair, ordered_positives

Floats = NDArray[np.float64]
FEWEST = 20
"""Events below which there is nothing to cut."""


@dataclass(frozen=True)
class Places:
    """Of users or of items: degrees, NaN where unknown, and codes of cities (shared by both), -1 where unknown."""

    latitude: Floats
    longitude: Floats
    city: NDArray[np.int64]

    @property
    def located(self) -> NDArray[np.bool_]:
        """(n,): whose coordinates are known."""
        return np.asarray(np.isfinite(self.latitude) & np.isfinite(self.longitude))


@dataclass(frozen=True)
class EventLog:
    """`starts`, `published` (num_items,): Unix seconds, NaN for none; `wall`: the start by the clock on the wall there.

    `user`, `item`, `time` (answers,): positive answers, one a pair (its first), `NO_TIME` where unknown.
    """

    starts: Floats
    wall: Floats
    published: Floats
    places: Places
    homes: Places
    user: NDArray[np.int32]
    item: NDArray[np.int32]
    time: NDArray[np.int64]
    side: SideInformation
    entities: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(num_users, num_items)."""
        return len(self.homes.city), len(self.starts)

    @property
    def is_event(self) -> NDArray[np.bool_]:
        """(num_items,)."""
        return np.isfinite(self.starts)

    @property
    def timed(self) -> bool:
        """Does any answer to an event say when it was given."""
        return bool((self.is_event[self.item] & (self.time != NO_TIME)).any())


def read_events(folder: FolderData, *, min_value: float | None = None) -> EventLog:
    """As `events_of`, and `InvalidData` for a folder with fixed parts, which are not by time."""
    if folder.part is not None:
        raise InvalidData(
            "train and test parts that are fixed, for a split by time",
            valid="one file of interactions with their times",
            remedy="put the parts together into interactions.csv",
        )
    return events_of(folder.snapshot, min_value=min_value, order=folder.order)


def events_of(
    snapshot: Snapshot, *, min_value: float | None = None, order: NDArray[np.int64] | None = None
) -> EventLog:
    """The log of a snapshot; `order` (interactions,) breaks ties of time. Raises `InvalidData` for fewer than `FEWEST`
    items with a start, and for times and degrees that are none.
    """
    items, users = snapshot.item_properties, snapshot.user_properties
    starts, offset = _times(items, "starts")
    if np.isfinite(starts).sum() < FEWEST:
        raise InvalidData(
            f"{np.isfinite(starts).sum()} items with a start",
            valid=f"at least {FEWEST} events: items of items.csv with a time (ISO 8601 or Unix seconds) in `starts`",
            remedy="add the column `starts` to items.csv",
        )
    kept = ordered_positives(snapshot.interactions, min_value, order)
    rows = snapshot.interactions.take(kept[first_of_each_pair(snapshot.interactions, kept)])
    cities = _cities(items, users)
    return EventLog(
        starts, starts + offset, _times(items, "published")[0],
        _places(items, cities), _places(users, cities),
        rows.user, rows.item, rows.time, side_information(snapshot), snapshot.entities.ids,
    )  # fmt: skip


def _column(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).combine_chunks() if name in table.column_names else pa.nulls(table.num_rows, pa.string())


def _numbers(table: pa.Table, name: str) -> Floats:
    """NaN where there is none. Raises `InvalidData` for a word."""
    found = as_numbers(_column(table, name))
    if found is None:
        raise InvalidData(
            f"a {name} that is no number", valid="degrees, such as 52.37", remedy=f"mend the column `{name}`"
        )
    return found


def _times(table: pa.Table, name: str) -> tuple[Floats, Floats]:
    """Unix seconds, NaN for none; and the seconds that the clock on the wall is ahead of UTC, as written."""
    column = _column(table, name)
    numbers = as_numbers(column)
    if numbers is not None:
        return numbers, np.zeros(len(numbers))
    parsed = [(np.nan, 0.0) if text is None else _moment(text, name) for text in column.cast(pa.string()).to_pylist()]
    both = np.array(parsed, np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _moment(text: str, name: str) -> tuple[float, float]:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidData(
            f"{name} {text!r} is no time",
            valid="ISO 8601 (2026-05-01T20:00:00+02:00) or Unix seconds, one way throughout",
            remedy=f"mend the column `{name}` of items.csv",
        ) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    offset = at.utcoffset()
    return at.timestamp(), offset.total_seconds() if offset else 0.0


def _cities(items: pa.Table, users: pa.Table) -> pa.Array:
    """Every city that is named, whatever its case."""
    named = [pc.utf8_lower(_column(table, "city").cast(pa.string())) for table in (items, users)]
    return pc.unique(pa.chunked_array(named)).drop_null()


def _places(table: pa.Table, cities: pa.Array) -> Places:
    city = pc.index_in(pc.utf8_lower(_column(table, "city").cast(pa.string())), value_set=cities)
    codes = city.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Places(_numbers(table, "latitude"), _numbers(table, "longitude"), codes)
