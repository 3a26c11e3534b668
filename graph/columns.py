"""Arrow columns of several origins made one: types that agree, nodes merged by id, properties in canonical form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def common_type(kinds: Iterable[pa.DataType]) -> pa.DataType:
    """The type that holds all of them: int64 widens to float64, whatever else differs becomes text."""
    distinct = {kind for kind in kinds if not pa.types.is_null(kind)}
    if len(distinct) <= 1:
        return next(iter(distinct), pa.null())
    if distinct == {pa.int64(), pa.float64()}:
        return pa.float64()
    if all(pa.types.is_list(kind) for kind in distinct):
        return pa.list_(common_type(kind.value_type for kind in distinct))
    return pa.string()


def as_type(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """The column in that type; lists as text are joined by bars."""
    if column.type == kind:
        return column
    if pa.types.is_list(column.type) and kind == pa.string():
        return pc.binary_join(column.cast(pa.list_(pa.string())), "|")
    return column.cast(kind)


def stack(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables one below the other; a column that one lacks is null there, types are made to agree."""
    kinds: dict[str, list[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            kinds.setdefault(field.name, []).append(field.type)
    types = {name: common_type(found) for name, found in kinds.items()}
    even = []
    for table in tables:
        columns = {
            name: as_type(table.column(name), kind) if name in table.column_names else pa.nulls(table.num_rows, kind)
            for name, kind in types.items()
        }
        even.append(pa.table(columns))
    return pa.concat_tables(even)


def merge_nodes(tables: Sequence[pa.Table]) -> pa.Table:
    """One row an `id`, in id order; of each property the last value that is not null."""
    if not tables:
        return pa.table({"id": pa.array([], pa.string())})
    rows = stack(tables)
    ids = pc.unique(rows.column("id"))
    ids = ids.take(pc.sort_indices(ids))
    code = pc.index_in(rows.column("id"), value_set=ids).to_numpy()
    merged = {"id": ids}
    for name in rows.column_names:
        if name != "id":
            merged[name] = _last(rows.column(name).combine_chunks(), code, len(ids))
    return pa.table(merged)


def _last(column: pa.Array, code: np.ndarray[tuple[int], np.dtype[np.int32]], groups: int) -> pa.Array:
    place = np.full(groups, -1, np.int64)
    valid = np.flatnonzero(pc.is_valid(column).to_numpy(zero_copy_only=False))
    place[code[valid]] = valid
    return column.take(pa.array(place, mask=place < 0))


def canonical(table: pa.Table) -> pa.Table:
    """`id` first, then the properties by name; without those that are null everywhere; each in one chunk."""
    names = [name for name in sorted(table.column_names) if name != "id"]
    kept = [name for name in names if table.column(name).null_count < table.num_rows]
    columns = {name: table.column(name).combine_chunks() for name in ("id", *kept)}
    return pa.table(columns)
