"""JSON Lines from columns: arrow joins whole columns at once, no Python object a row.

Numbers keep their kind (a float is written with a point), nulls are left out, strings are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from graph.schema import safe_name

_NEEDS_ESCAPE = r'[\x00-\x1f"\\]'


def lines(head: str, fixed: Mapping[str, pa.Array], rows: pa.Table) -> memoryview:
    """One object a row: `head` (an opened object that holds a member), the `fixed` members, the columns of `rows`."""
    pieces: list[pa.Array | str] = [head]
    pieces += [_member(name, _quoted(values)) for name, values in fixed.items()]
    for name in rows.column_names:
        column = rows.column(name).combine_chunks()
        pieces.append(_member(safe_name(name), encode(column)))
    return _bytes(_join(*pieces, "}\n", rows=rows.num_rows))


def encode(column: pa.Array) -> pa.Array:
    """JSON text of each value; null where there is none."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return encode(column.dictionary).take(column.indices)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _strings(column.cast(pa.large_string()))
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return column.cast(pa.large_string())
    if pa.types.is_floating(kind):
        return _floats(column.cast(pa.float64()))
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.large_string())
    return _objects(column)


def _strings(column: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(column, _NEEDS_ESCAPE)).as_py():
        return _objects(column)
    return _quoted(column)


def _quoted(column: pa.Array) -> pa.Array:
    return _join('"', column.cast(pa.large_string()), '"', rows=len(column), nulls="emit_null")


def _floats(column: pa.Array) -> pa.Array:
    unique = column.dictionary_encode()
    texts = pa.array([orjson.dumps(value).decode() for value in unique.dictionary.to_pylist()], pa.large_string())
    return texts.take(unique.indices)


def _objects(column: pa.Array) -> pa.Array:
    texts = [None if value is None else orjson.dumps(value) for value in column.to_pylist()]
    return pa.array(texts, pa.large_binary()).cast(pa.large_string())


def _member(name: str, texts: pa.Array) -> pa.Array:
    return _join(f',"{name}":', texts, rows=len(texts), nulls="emit_null")


def _join(*pieces: pa.Array | str, rows: int, nulls: str = "replace") -> pa.Array:
    scalars = [pa.scalar(piece, pa.large_string()) if isinstance(piece, str) else piece for piece in pieces]
    if not any(isinstance(piece, pa.Array) for piece in scalars):
        scalars[0] = pa.array([pieces[0]] * rows, pa.large_string())
    empty = pa.scalar("", pa.large_string())
    return pc.binary_join_element_wise(*scalars, empty, null_handling=nulls, null_replacement="")


def _bytes(texts: pa.Array) -> memoryview:
    """The texts one after the other, without a copy."""
    if len(texts) == 0:
        return memoryview(b"")
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(texts.buffers()[2])[offsets[0] : offsets[-1]]
