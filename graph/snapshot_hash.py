"""The content hash of a snapshot: over what it holds in a fixed little-endian layout, not over files.

Other versions of the libraries write other bytes of the same content, and each store has its own order; neither shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.snapshot import Snapshot

LAYOUT = "interlace snapshot 1"


def content_hash(snapshot: Snapshot) -> str:
    """SHA-256 over everything in the snapshot, in its canonical order: 64 hex digits, the same on every machine."""
    digest = hashlib.sha256(LAYOUT.encode())
    for name, data in _content(snapshot):
        digest.update(f"\0{name}\0{data.nbytes}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _content(snapshot: Snapshot) -> Iterator[tuple[str, memoryview]]:
    for name in ("users", "items", "entities"):
        yield from _column(name, pa.array(getattr(snapshot, name).ids, pa.string()))
    yield from _column("relations", pa.array(snapshot.relations, pa.string()))
    for group in ("interactions", "triples"):
        for name, array in vars(getattr(snapshot, group)).items():
            yield f"{group} {name}", _bytes(array)
    yield "friendships", _bytes(snapshot.friendships)
    yield "identities", memoryview(json.dumps(sorted(snapshot.identities.items())).encode())
    if snapshot.doubts:
        yield "doubts", memoryview(json.dumps(sorted(snapshot.doubts.items())).encode())
    if len(snapshot.same_items):
        for name, array in vars(snapshot.same_items).items():
            yield f"same items {name}", _bytes(array)
    for name, table in (("item", snapshot.item_properties), ("user", snapshot.user_properties)):
        yield from _properties(name, table)
    for name, embedding in sorted(snapshot.embeddings.items()):
        yield f"{name} encoder", memoryview(json.dumps([embedding.encoder, embedding.version]).encode())
        yield f"{name} present", _bytes(embedding.present)
        yield f"{name} vectors {embedding.vectors.shape}", _bytes(embedding.vectors)


def _properties(name: str, table: pa.Table) -> Iterator[tuple[str, memoryview]]:
    """Columns by name, whatever their order, how they are chunked, or which are wholly absent."""
    for column in sorted(table.column_names):
        values = table.column(column)
        if values.null_count < len(values):
            yield from _column(f"{name} {column}", values.combine_chunks())


def _column(name: str, column: pa.Array) -> Iterator[tuple[str, memoryview]]:
    """Type, presence and values; lists as their lengths and their values."""
    kind = column.type
    yield f"{name} {_named(kind)} present", _bytes(pc.is_valid(column).to_numpy(zero_copy_only=False))
    if pa.types.is_list(kind):
        yield f"{name} lengths", _bytes(_numbers(pc.list_value_length(column)).astype(np.int64))
        yield from _column(f"{name} values", column.flatten())
    elif pa.types.is_string(kind):
        yield f"{name} lengths", _bytes(_numbers(pc.binary_length(column)).astype(np.int64))
        yield f"{name} text", _text(column.drop_null())
    else:
        yield f"{name} values", _bytes(_numbers(column))


def _named(kind: pa.DataType) -> str:
    """The type's name; Parquet calls the values of a list otherwise than Arrow does."""
    return f"list<item: {_named(kind.value_type)}>" if pa.types.is_list(kind) else str(kind)


def _text(column: pa.Array) -> memoryview:
    """All of the strings' bytes, one after the other."""
    if not len(column):
        return memoryview(b"")
    compact = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(column)], pa.int32()), column), "")
    return memoryview(compact.cast(pa.binary())[0].as_buffer()).cast("B")


def _numbers(column: pa.Array) -> NDArray[Any]:
    filler = False if pa.types.is_boolean(column.type) else 0
    found: NDArray[Any] = pc.fill_null(column, filler).to_numpy(zero_copy_only=False)
    return found


def _bytes(values: NDArray[Any]) -> memoryview:
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return memoryview(little.reshape(-1).view(np.uint8).data)
