"""Columns to values: ids, numbers, times, lists. Whole columns at once; what does not fit is marked with a reason."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.errors import InvalidData
from graph.sources.chunks import REFUSED_SCHEMA, ROW

Mask: TypeAlias = NDArray[np.bool_]

DAY = 86_400
FIRST_YEAR = -62_135_596_800
"""Unix seconds of the year 1, the first that ISO 8601 readers take."""
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_LONGEST_SHOWN = 80


class Checks:
    """Which rows of a table are refused, and why: the first reason counts."""

    def __init__(self, rows: int) -> None:
        self.bad: Mask = np.zeros(rows, np.bool_)
        self._reasons: dict[int, str] = {}

    def refuse(self, mask: Mask, reason: str, values: pa.Array | None = None) -> None:
        """Marks rows. `reason` may hold `{}`, which the row's value takes the place of."""
        for row in np.flatnonzero(mask & ~self.bad).tolist():
            self._reasons[row] = reason if values is None else reason.format(_shown(values[row].as_py()))
        self.bad |= mask

    def split(self, rows: pa.Table, raw: pa.Table) -> tuple[pa.Table, pa.Table]:
        """The good rows of `rows`, and the refused ones of `raw` as a table of refused rows."""
        if not self.bad.any():
            return rows, REFUSED_SCHEMA.empty_table()
        refused = raw.filter(pa.array(self.bad))
        reasons = [self._reasons[row] for row in np.flatnonzero(self.bad).tolist()]
        return rows.filter(pa.array(~self.bad)), as_refused(refused, reasons)


def as_refused(rows: pa.Table, reasons: list[str]) -> pa.Table:
    """Rows as refused ones, each shown as a JSON list of its values."""
    shown = rows.drop_columns([ROW]).to_pylist()
    texts = [orjson.dumps(list(row.values()), default=str).decode() for row in shown]
    return pa.table([rows.column(ROW).cast(pa.int64()), pa.array(reasons, pa.string()), texts], schema=REFUSED_SCHEMA)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def mask_of(values: pa.Array) -> Mask:
    """A boolean column as numpy, null as False."""
    found: Mask = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return found


def ids(column: pa.Array, name: str, checks: Checks) -> pa.Array:
    """Ids as strings, exactly as they are. An empty one is refused."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    if pa.types.is_integer(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        column = column.cast(pa.string())
    elif not pa.types.is_string(column.type):
        raise InvalidData(
            f"the column {name!r} holds {kind}, not ids", valid="text or whole numbers", remedy="write ids as text"
        )
    checks.refuse(~mask_of(pc.greater(pc.binary_length(column), 0)), f"{name} is empty")
    return column


def texts(column: pa.Array) -> pa.Array:
    """Text, with the empty one as null; other kinds written out."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def numbers(column: pa.Array, name: str, checks: Checks) -> pa.Array:
    """Finite float64, null where empty."""
    if not _is_text(column):
        try:
            found = column.cast(pa.float64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidData(
                f"the column {name!r} holds {column.type}, not numbers", valid="numbers", remedy="correct the column"
            ) from error
        found = pc.if_else(pc.is_nan(found), pa.scalar(None, pa.float64()), found)
        checks.refuse(mask_of(pc.is_inf(found)), f"{name} {{}} is not a finite number", found)
        return found
    trimmed = texts(pc.utf8_trim_whitespace(column))
    fits = pc.match_substring_regex(trimmed, _NUMBER)
    checks.refuse(mask_of(pc.invert(fits)), f"{name} {{}} is not a number", trimmed)
    found = pc.if_else(fits, trimmed, pa.scalar(None, pa.string())).cast(pa.float64())
    checks.refuse(mask_of(pc.is_inf(found)), f"{name} {{}} is too large a number", trimmed)
    return found


def _is_text(column: pa.Array) -> bool:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def whole_numbers(column: pa.Array, name: str, checks: Checks) -> pa.Array:
    """int64, null where empty; `1995.0` is 1995, `1995.5` is refused."""
    found = numbers(column, name, checks)
    checks.refuse(mask_of(pc.not_equal(pc.floor(found), found)), f"{name} {{}} is not a whole number", found)
    checks.refuse(mask_of(pc.greater(pc.abs(found), 2.0**53)), f"{name} {{}} is too large", found)
    kept = pc.if_else(pa.array(checks.bad), pa.scalar(None, pa.float64()), found)
    return kept.cast(pa.int64())


def times(column: pa.Array, name: str, checks: Checks, now: float) -> pa.Array:
    """Unix seconds as int64, null where empty, from Unix seconds, ISO 8601 or Arrow's own times.

    Refused: what is neither, and times more than a day after `now` (clocks and time zones differ).
    """
    if pa.types.is_temporal(column.type):
        seconds = pc.floor(pc.divide(column.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64()), 1e6))
    elif _is_text(column):
        seconds = _from_text(texts(pc.utf8_trim_whitespace(column)), name, checks)
    else:
        seconds = numbers(column, name, checks)
    late = mask_of(pc.greater(seconds, now + DAY))
    checks.refuse(late, f"{name} {{}} is in the future (Unix seconds are wanted, not milliseconds)", seconds)
    checks.refuse(mask_of(pc.less(seconds, FIRST_YEAR)), f"{name} {{}} is before the year 1", seconds)
    kept = pc.if_else(pa.array(checks.bad), pa.scalar(None, pa.float64()), pc.floor(seconds))
    return kept.cast(pa.int64())


def _from_text(column: pa.Array, name: str, checks: Checks) -> pa.Array:
    numeric = pc.match_substring_regex(column, _NUMBER)
    none = pa.scalar(None, pa.string())
    seconds = pc.if_else(numeric, column, none).cast(pa.float64())
    rest = mask_of(pc.invert(numeric))
    if not rest.any():
        return seconds
    dates = column.filter(pa.array(rest))
    found = pd.to_datetime(pd.Series(dates.to_pylist(), dtype=object), format="ISO8601", utc=True, errors="coerce")
    parsed = np.floor((found - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy())
    values = seconds.to_numpy(zero_copy_only=False).copy()
    values[rest] = parsed
    checks.refuse(rest & np.isnan(values), f"{name} {{}} is neither Unix seconds nor ISO 8601", column)
    return pa.array(values, pa.float64(), from_pandas=True)


def lists(column: pa.Array, separator: str) -> pa.Array:
    """Lists of non-empty trimmed strings; null where there is none."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pc.binary_join(column.cast(pa.list_(pa.string())), "\x1f")
        separator = "\x1f"
    column = texts(column)
    flat = pc.split_pattern(column, separator)
    values = pc.utf8_trim_whitespace(flat.flatten())
    kept = mask_of(pc.greater(pc.binary_length(values), 0))
    ends = np.concatenate([[0], np.cumsum(kept)])
    lengths = pc.fill_null(pc.list_value_length(flat), 0).to_numpy(zero_copy_only=False)
    offsets = ends[np.concatenate([[0], np.cumsum(lengths)])].astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values.filter(pa.array(kept)))


def property_name(name: str) -> str:
    """A column's name as a property: what cannot stand in Cypher becomes `_`; names with a meaning get a `_` behind."""
    found = re.sub(r"[^A-Za-z0-9_]", "_", name.strip())
    found = f"_{found}" if not found or found[0].isdigit() else found
    taken = found in {"id", "platform", "head", "tail", "at"} or "_embedding" in found
    return f"{found}_" if taken else found


def property_values(column: pa.Array) -> pa.Array:
    """A property in one of the kinds that both stores hold: text, int64, float64, bool, list of text or of float64."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return property_values(column.dictionary_decode())
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        found = column.cast(pa.float64())
        return pc.if_else(pc.is_finite(found), found, pa.scalar(None, pa.float64()))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _list_values(column)
    return texts(column)


def _list_values(column: pa.Array) -> pa.Array:
    inner = column.type.value_type
    numeric = pa.types.is_integer(inner) or pa.types.is_floating(inner)
    wanted = pa.list_(pa.float64() if numeric else pa.string())
    filled = pc.greater(pc.list_value_length(column), 0)
    return pc.if_else(filled, column.cast(wanted), pa.scalar(None, wanted))
