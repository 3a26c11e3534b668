"""What both bulk paths refuse before a row is sent: numbers that JSON and indexes cannot hold."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import InvalidData


def refuse_odd_numbers(rows: pa.Table) -> None:
    """Raises `InvalidData` where a column (or a list in it) holds NaN or an infinity: leave such a value out (null)."""
    for name in rows.column_names:
        column = rows.column(name)
        if _is_list(column.type):
            column = pc.list_flatten(column)
        if pa.types.is_floating(column.type) and not pc.all(pc.is_finite(column), min_count=0).as_py():
            raise InvalidData(
                f"column {name!r} holds a number that is NaN or infinite",
                valid="finite numbers, null where a value is unknown",
                remedy="leave the value out",
            )


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
