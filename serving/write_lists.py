"""Every user's list into a file (Parquet, CSV), block by block.

It is written aside and renamed when it is whole, so what stands under its name is always complete.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.errors import InvalidData
from serving.all_lists import Lists
from serving.index_files import Blobs
from serving.live import Live

SCHEMA = pa.schema([
    ("user", pa.large_string()), ("rank", pa.int16()), ("item", pa.large_string()), ("score", pa.float32()),
])  # fmt: skip
ROWS_A_GROUP = 500_000


@dataclass(frozen=True)
class Written:
    """Users who got a list, and how many rows all lists have."""

    users: int
    rows: int


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


def ids_of(blobs: Blobs, more: Iterable[str] = ()) -> pa.Array:
    """Ids by position as an Arrow array over the index's own bytes, nothing copied unless there are `more`."""
    buffers = [None, pa.py_buffer(blobs.offsets), pa.py_buffer(blobs.data)]
    found = pa.Array.from_buffers(pa.large_string(), len(blobs), buffers)
    new = list(more)
    return pa.concat_arrays([found, pa.array(new, pa.large_string())]) if new else found


def write_file(live: Live, blocks: Iterable[Lists], out: Path, advance: Callable[[int], None]) -> Written:
    """Writes columns user, rank (from 1), item, score. `advance` is told how many more users are done.

    Raises `InvalidData` for a name that ends in neither `.parquet` nor `.csv`.
    """
    opened = check_name(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    users, items = ids_of(live.index.user_ids), ids_of(live.index.item_ids, (one.id for one in live.fresh))
    done = rows = 0
    try:
        writer = opened(aside)
        for lists, tables in _grouped(blocks, lambda found: _table(users, items, found)):
            writer.write_table(pa.concat_tables(tables))
            done, rows = done + lists, rows + sum(map(len, tables))
            advance(lists)
        writer.close()
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(out)
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()
    return Written(done, rows)


def check_name(out: Path) -> Callable[[Path], _Writer]:
    """How a file of this name is written; raises `InvalidData` for one that says no format."""
    found = {".parquet": _parquet, ".csv": _csv}.get(out.suffix)
    if found is None:
        raise InvalidData(f"a file {out.name!r}", valid="a name that ends in .parquet or .csv", remedy="rename it")
    return found


def _parquet(path: Path) -> _Writer:
    import pyarrow.parquet as pq

    writer: _Writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
    return writer


def _csv(path: Path) -> _Writer:
    from pyarrow import csv

    writer: _Writer = csv.CSVWriter(path, SCHEMA)
    return writer


def _grouped(blocks: Iterable[Lists], table: Callable[[Lists], pa.Table]) -> Iterator[tuple[int, list[pa.Table]]]:
    """Users and tables of some blocks each: small row groups would make a large file slow to read."""
    users, tables, rows = 0, list[pa.Table](), 0
    for found in blocks:
        tables.append(table(found))
        users, rows = users + len(found.users), rows + len(tables[-1])
        if rows >= ROWS_A_GROUP:
            yield users, tables
            users, tables, rows = 0, [], 0
    if tables:
        yield users, tables


def _table(users: pa.Array, items: pa.Array, found: Lists) -> pa.Table:
    lengths = found.lengths
    there = np.arange(found.items.shape[1]) < lengths[:, None]
    ranks = np.broadcast_to(np.arange(1, found.items.shape[1] + 1, dtype=np.int16), found.items.shape)
    columns = [
        users.take(_flat(np.repeat(found.users, lengths), pa.int64())),
        _flat(ranks[there], pa.int16()),
        items.take(_flat(found.items[there], pa.int32())),
        _flat(found.scores[there], pa.float32()),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _flat(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    """`pa.array(values)`, which would import pandas to see whether it is its: two seconds."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])
