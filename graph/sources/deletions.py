"""The part `deletions` of a dataset folder: rows that name what is to go.

A row names a node (`label`, `id`), or what a user did with an item (`user`, `item`, and `kind` and `at` where only one
of several is meant).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import InvalidData
from graph.schema import KINDS
from graph.sources import values
from graph.sources.chunks import ROW, Chunk, Raw
from graph.sources.clean import Context
from graph.sources.values import Checks, mask_of

COLUMNS = ("label", "id", "user", "item", "kind", "at")
_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"


def clean_deletions(raws: Iterable[Raw], file: str, context: Context) -> Iterator[Chunk]:
    """Chunks with the columns `COLUMNS`, null where a row does not give them."""
    for raw in raws:
        given = raw.rows.combine_chunks()
        _check_columns(given, file)
        rows, refused = _rows(given, context)
        read = given.num_rows + raw.refused.num_rows
        yield Chunk(file, "deletions", rows, pa.concat_tables([raw.refused, refused]), read, context.platform)


def _check_columns(given: pa.Table, file: str) -> None:
    has = set(given.column_names)
    unknown = sorted(has - {*COLUMNS, ROW})
    if unknown or not (has >= {"label", "id"} or has >= {"user", "item"}):
        raise InvalidData(
            f"{file} has the columns {', '.join(sorted(has - {ROW}))}",
            valid="label and id (a node), or user and item, with kind and at where only one of several is meant",
            remedy="correct the header",
        )


def _rows(raw: pa.Table, context: Context) -> tuple[pa.Table, pa.Table]:
    checks = Checks(raw.num_rows)
    columns = {name: _texts(raw, name) for name in COLUMNS}
    node = _given(columns, "label", "id")
    pair = _given(columns, "user", "item")
    checks.refuse(node == pair, "neither label and id nor user and item, or both")
    named = pc.match_substring_regex(columns["label"], _NAME)
    checks.refuse(mask_of(pc.invert(named)), "label {} is none", columns["label"])
    columns["kind"] = pc.utf8_lower(columns["kind"])
    known = pc.is_in(columns["kind"], value_set=pa.array([*KINDS, None], pa.string()))
    checks.refuse(mask_of(pc.invert(known)), f"kind {{}} is none of {', '.join(KINDS)}", columns["kind"])
    at = raw.column("at").combine_chunks() if "at" in raw.column_names else pa.nulls(raw.num_rows, pa.string())
    columns["at"] = values.times(at, "at", checks, context.now)
    return checks.split(pa.table({ROW: raw.column(ROW), **columns}), raw)


def _texts(raw: pa.Table, name: str) -> pa.Array:
    if name not in raw.column_names:
        return pa.nulls(raw.num_rows, pa.string())
    return values.texts(raw.column(name).combine_chunks())


def _given(columns: dict[str, pa.Array], one: str, two: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return mask_of(pc.and_(pc.is_valid(columns[one]), pc.is_valid(columns[two])))
