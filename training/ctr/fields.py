"""Categorical fields and bags of an impression: ids, profile, properties, time, attributes. One method for all data.

A field's value 0 stands for what is unknown or rare. Types are inferred: numbers of many values are cut at quantiles,
words that few users (or items) share are folded, columns without two values left are dropped. Read by
`training.ctr.features`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import NO_TIME, Snapshot
from training.ctr.rows import Clicks
from training.split import TRAIN

MIN_ROWS = 3
"""Train rows below which an id has no embedding of its own."""
MIN_SHARED = 5
"""Users (or items) that must share a profile value."""
MAX_VALUES = 100
"""Distinct numbers above which a column is cut at quantiles."""
BINS = 20
NOT_FIELDS = frozenset({"id", "text", "image", "audio", "video", "title"})
_CODE = re.compile(r"0\d")
_YEAR = re.compile(r"\((\d{4})\)\s*$")


@dataclass(frozen=True)
class Field:
    """`values` (rows,) in 0..size-1; 0 is unknown or rare."""

    name: str
    values: NDArray[np.int32]
    size: int


@dataclass(frozen=True)
class Bag:
    """An item's values of one relation: `members` is (items, size), rows of ones."""

    name: str
    members: csr_matrix


def fields(clicks: Clicks, *, ids: bool = True) -> list[Field]:
    """Ids where they are wanted, profile of the user, properties and year of the item, hour, weekday and period."""
    rows, snapshot = clicks.rows, clicks.snapshot
    train = clicks.part == TRAIN
    found = [
        Field(name, *_ids(of, train, len(known)))
        for name, of, known in (("user", rows.user, snapshot.users), ("item", rows.item, snapshot.items))
        if ids
    ]
    for side, table, of in (("user", snapshot.user_properties, rows.user), ("item", _items(snapshot), rows.item)):
        for name in table.column_names:
            if name in NOT_FIELDS:
                continue
            codes, size = _codes(table.column(name))
            if size > 2:
                found.append(Field(f"{side} {name}", codes[of], size))
    return [*found, *_time_fields(rows.time, train)]


def _ids(of: NDArray[np.int32], train: NDArray[np.bool_], count: int) -> tuple[NDArray[np.int32], int]:
    kept = np.bincount(of[train], minlength=count) >= MIN_ROWS
    codes = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return codes[of], int(kept.sum()) + 1


def _items(snapshot: Snapshot) -> pa.Table:
    """The items' properties with a year, from the title's end where there is no column."""
    table = snapshot.item_properties
    if "year" in table.column_names or "title" not in table.column_names:
        return table
    titles = table.column("title").to_pylist()
    found = [_YEAR.search(title) if isinstance(title, str) else None for title in titles]
    years = [int(match.group(1)) if match else None for match in found]
    return table.append_column("year", pa.array(years, pa.int64()))


def numbers(clicks: Clicks) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """(name, (rows,)) of numeric columns of many values, NaN where unknown."""
    sides = (
        ("user", clicks.snapshot.user_properties, clicks.rows.user),
        ("item", _items(clicks.snapshot), clicks.rows.item),
    )
    for side, table, of in sides:
        for name in table.column_names:
            values = _numbers(table.column(name)) if name not in NOT_FIELDS else None
            if values is not None and len(np.unique(values[~np.isnan(values)])) > MAX_VALUES:
                yield f"{side} {name}", values[of].astype(np.float32)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64] | None:
    """As numbers, where at least nine in ten of the known values are; None for words and for codes like 02139."""
    if pa.types.is_boolean(column.type) or pa.types.is_nested(column.type):
        return None
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    if not pa.types.is_string(column.type):
        return None
    words = column.to_pylist()
    if any(word is not None and _CODE.match(word) for word in words):
        return None
    values = np.array([_number(text) for text in words])
    known = len(column) - column.null_count
    return values if known and (~np.isnan(values)).sum() >= 0.9 * known else None


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else np.nan
    except ValueError:
        return np.nan


def _codes(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], int]:
    """(entities,) codes and their count."""
    if pa.types.is_nested(column.type) or column.null_count == len(column):
        return np.zeros(len(column), np.int32), 1
    values = _numbers(column)
    if values is not None and len(np.unique(values[~np.isnan(values)])) > MAX_VALUES:
        return _binned(values, values[~np.isnan(values)])
    words = pc.dictionary_encode(column.combine_chunks().cast(pa.string()))
    codes = words.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    shared = np.bincount(codes[codes >= 0], minlength=len(words.dictionary)) >= MIN_SHARED
    names = np.r_[0, np.where(shared, np.cumsum(shared), 0)]
    return names[codes + 1].astype(np.int32), int(shared.sum()) + 1


def _binned(values: NDArray[np.float64], known: NDArray[np.float64]) -> tuple[NDArray[np.int32], int]:
    """Codes 1.. by quantiles of `known`, 0 for NaN."""
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.empty(0)
    codes = np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values, side="right"))
    return codes.astype(np.int32), len(edges) + 2


def _time_fields(time: NDArray[np.int64], train: NDArray[np.bool_]) -> list[Field]:
    """Hour and weekday (UTC), and the period: quantiles of train's times, so that later times are the last period."""
    known = time != NO_TIME
    if not (known & train).any() or len(np.unique(time[known & train])) < BINS:
        return []
    hour = np.where(known, 1 + time // 3600 % 24, 0).astype(np.int32)
    weekday = np.where(known, 1 + (time // 86_400 + 3) % 7, 0).astype(np.int32)
    period, size = _binned(np.where(known, time.astype(np.float64), np.nan), time[known & train].astype(np.float64))
    return [Field("hour", hour, 25), Field("weekday", weekday, 8), Field("period", period, size)]


def bags(snapshot: Snapshot) -> list[Bag]:
    """Attributes of items by relation; a tail that fewer than `MIN_SHARED` items have is left out."""
    triples, count = snapshot.triples, len(snapshot.items)
    found = []
    for number, name in enumerate(snapshot.relations):
        rows = np.flatnonzero((triples.relation == number) & (triples.head < count))
        if not len(rows):
            continue
        tails, code = np.unique(triples.tail[rows], return_inverse=True)
        ones = np.ones(len(rows), np.float32)
        members = csr_matrix((ones, (triples.head[rows], code)), shape=(count, len(tails)))
        members.data[:] = 1.0
        members = members[:, np.flatnonzero(np.diff(members.tocsc().indptr) >= MIN_SHARED)].tocsr()
        if members.shape[1]:
            found.append(Bag(name, members))
    return found
