"""Properties of a general graph to the kinds that both stores hold; typed CSV headers (`year:int`) to columns.

Kept as they are: text (the empty one too), int64, float64, booleans and lists of these. Times become ISO 8601, bytes
base64, what is nested JSON.
"""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import InvalidData
from graph.sources.values import Checks, mask_of

KINDS = {"string": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
LISTED = "[]"
_INTEGER = r"^[+-]?\d{1,19}$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DATE_TIME = "%Y-%m-%dT%H:%M:%S"


def safe_property(name: str) -> str:
    """A property's name as Cypher allows it; `head` and `tail` get a `_` behind: they name the ends."""
    found = re.sub(r"[^A-Za-z0-9_]", "_", name.strip())[:127]
    found = f"_{found}" if not found or found[0].isdigit() else found
    return f"{found}_" if found in {"head", "tail"} else found


def typed_name(kind: pa.DataType, name: str) -> str:
    """Header of a CSV column: the name alone for text, else `name:kind`."""
    if pa.types.is_list(kind):
        return f"{name}:{_kind_name(kind.value_type)}{LISTED}"
    found = _kind_name(kind)
    return name if found == "string" else f"{name}:{found}"


def _kind_name(kind: pa.DataType) -> str:
    return next((name for name, ours in KINDS.items() if ours == kind), "string")


def split_name(header: str, *, file: str) -> tuple[str, str]:
    """Name and kind of a CSV column. Raises `InvalidData` for a kind that is none."""
    name, separator, kind = header.rpartition(":")
    if not separator:
        return header, "string"
    if kind.removesuffix(LISTED) in KINDS:
        return name, kind
    raise InvalidData(
        f"{file}: the column {header!r} has an unknown kind",
        valid=", ".join([*KINDS, *(f"{kind}{LISTED}" for kind in KINDS)]),
        remedy="correct the header",
    )


def from_text(column: pa.Array, kind: str, name: str, checks: Checks) -> pa.Array:
    """A CSV column (text, null where empty) in its kind; what does not fit is refused."""
    if kind.endswith(LISTED):
        return _lists(column, kind.removesuffix(LISTED), name, checks)
    if kind == "string":
        return column
    if kind == "bool":
        lower = pc.utf8_lower(column)
        return _cast(lower, pc.match_substring_regex(lower, "^(true|false)$"), kind, name, checks)
    fits = pc.match_substring_regex(column, _INTEGER if kind == "int" else _NUMBER)
    return _cast(column, fits, kind, name, checks)


def _cast(column: pa.Array, fits: pa.Array, kind: str, name: str, checks: Checks) -> pa.Array:
    checks.refuse(mask_of(pc.invert(fits)), f"{name} {{}} is no {kind}", column)
    kept = pc.if_else(pc.fill_null(fits, False), column, pa.scalar(None, pa.string()))
    try:
        found = kept.cast(KINDS[kind])
    except pa.ArrowInvalid:  # nineteen digits may be too many
        found = pa.array([_integer(text) for text in kept.to_pylist()], pa.int64())
        checks.refuse(mask_of(pc.and_(pc.is_valid(kept), pc.is_null(found))), f"{name} {{}} is too large", column)
    if kind == "float":
        checks.refuse(mask_of(pc.is_inf(found)), f"{name} {{}} is too large", column)
    return found


def _integer(text: str | None) -> int | None:
    value = None if text is None else int(text)
    return value if value is not None and -(2**63) <= value < 2**63 else None


def _lists(column: pa.Array, kind: str, name: str, checks: Checks) -> pa.Array:
    """Cells are JSON arrays."""
    bad = np.zeros(len(column), np.bool_)
    found: list[list[Any] | None] = []
    for place, text in enumerate(column.to_pylist()):
        values = None if text is None else _parsed(text, kind)
        bad[place] = text is not None and values is None
        found.append(values)
    checks.refuse(bad, f"{name} {{}} is no JSON list of {kind}", column)
    return pa.array(found, pa.list_(KINDS[kind]))


_FITTING: dict[str, tuple[type, ...]] = {"string": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}


def _parsed(text: str, kind: str) -> list[Any] | None:
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    fits = _FITTING[kind]
    if not isinstance(values, list) or not all(isinstance(one, fits) for one in values):
        return None
    if kind != "bool" and any(isinstance(one, bool) for one in values):
        return None
    return values


def normal(column: pa.Array, name: str, checks: Checks) -> pa.Array:
    """A column of Parquet or JSON in one of the kinds that both stores hold."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return normal(column.dictionary_decode(), name, checks)
    if pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_null(kind):
        return column
    if pa.types.is_integer(kind):
        return _whole(column, name, checks)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        found = column.cast(pa.float64())
        return pc.if_else(pc.is_finite(found), found, pa.scalar(None, pa.float64()))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _plain_lists(column, name, checks)
    return _as_text(column)


def _whole(column: pa.Array, name: str, checks: Checks) -> pa.Array:
    if column.type == pa.uint64():
        large = pc.greater(column, pa.scalar(2**63 - 1, pa.uint64()))
        checks.refuse(mask_of(large), f"{name} {{}} is too large", column)
        column = pc.if_else(large, pa.scalar(None, pa.uint64()), column)
    return column.cast(pa.int64())


def _plain_lists(column: pa.Array, name: str, checks: Checks) -> pa.Array:
    inner = column.type.value_type
    if pa.types.is_nested(inner):
        return _as_text(column)
    column = column.cast(pa.list_(inner)) if not pa.types.is_list(column.type) else column
    holes = np.zeros(len(column), np.bool_)
    flat = column.flatten()
    if flat.null_count:
        parents = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
        holes[parents[mask_of(pc.is_null(flat))]] = True
        checks.refuse(holes, f"{name} holds a list with a hole")
    if pa.types.is_null(inner):
        return column.cast(pa.list_(pa.string()))
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = normal(flat, name, Checks(len(flat)))
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pc.is_null(column))


def _as_text(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_large_string(kind):
        return column.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return _iso(column)
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return column.cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array([None if one is None else base64.b64encode(one).decode() for one in column.to_pylist()])
    texts = [None if one is None else orjson.dumps(one, default=str).decode() for one in column.to_pylist()]
    return pa.array(texts, pa.string())


def _iso(column: pa.Array) -> pa.Array:
    zone = "%z" if column.type.tz else ""
    texts = pc.strftime(column, format=_DATE_TIME + zone)
    return pc.replace_substring_regex(texts, r"\.0+([+-]|$)", r"\1")
