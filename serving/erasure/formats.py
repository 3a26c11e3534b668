"""What a file says, value by value, whatever it is written in: Parquet, SQLite, JSON, NumPy, safetensors, zip, gzip,
an index's blobs, text; of anything else its bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from serving.index_files import BYTES, OFFSETS

SQLITE = b"SQLite format 3\0"
PARQUET, GZIP, ZIP, NUMPY = b"PAR1", b"\x1f\x8b", b"PK\x03\x04", b"\x93NUMPY"
TEXTS = frozenset({".log", ".txt", ".csv", ".json", ".jsonl", ".md", ".html", ".yaml", ".yml", ".svg", ".tsv", ".pub"})
PIECE = 1 << 24
NAMES = "_names"
"""Ends the name of an index's blobs that are searched by name: each is a title, a space and an id."""


@dataclass(frozen=True)
class Cell:
    """A value of its own. `where`: the column, table or key that says what it is."""

    where: str
    text: str


@dataclass(frozen=True)
class Bytes:
    """Bytes without structure, of a file or a part of one."""

    where: str
    data: bytes


@dataclass(frozen=True)
class Text:
    """Running text."""

    where: str
    text: str


Said: TypeAlias = Cell | Bytes | Text


def contents(path: Path) -> Iterator[Said]:
    """Everything that a file says. Raises `OSError` for one that cannot be read."""
    with path.open("rb") as file:
        head = file.read(16)
    if head == SQLITE:
        yield from _sqlite(path)
    elif head[:4] == PARQUET:
        yield from _parquet(pq.ParquetFile(path))
    elif path.name.endswith(BYTES) and (offsets := _offsets(path)).is_file():
        yield from _blobs(path, np.load(offsets))
    else:
        yield from _of(path.name, path.read_bytes())


def _of(name: str, data: bytes) -> Iterator[Said]:
    """What bytes say, by how they begin."""
    if data[:2] == GZIP:
        yield from _of(name.removesuffix(".gz"), gzip.decompress(data))
    elif data[:4] == ZIP:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for member in packed.namelist():
                yield Cell("name in a zip", member)
                yield from _of(f"{name}/{member}", packed.read(member))
    elif data[:4] == PARQUET:
        yield from _parquet(pq.ParquetFile(pa.BufferReader(data)))
    elif data[:6] == NUMPY:
        yield from _numpy(name, data)
    elif name.endswith(".safetensors"):
        size = int.from_bytes(data[:8], "little")
        yield from _json(name, orjson.loads(data[8 : 8 + size]))
    else:
        yield from _plain(name, data)


def _plain(name: str, data: bytes) -> Iterator[Said]:
    suffixes = Path(name).suffixes
    if name.endswith(".json"):
        try:
            yield from _json(name, json.loads(data))
            return
        except ValueError:
            pass  # said to be JSON, and is none: its bytes are searched
    if TEXTS.intersection(suffixes):
        for line in data.decode("utf-8", "surrogateescape").splitlines():
            yield from _line(name, line)
    else:
        yield Bytes(name, data)


def _line(name: str, line: str) -> Iterator[Said]:
    if line.startswith("{") and ".jsonl" in name:
        try:
            yield from _json(name, orjson.loads(line.encode("utf-8", "surrogateescape")))
            return
        except orjson.JSONDecodeError:
            pass  # cut off: as text
    yield Text(name, line)


def _json(where: str, value: Any) -> Iterator[Said]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield Cell(where, str(key))
            yield from _json(str(key), one)
    elif isinstance(value, list):
        for one in value:
            yield from _json(where, one)
    elif isinstance(value, str):
        yield Cell(where, value)


def _parquet(file: pq.ParquetFile) -> Iterator[Said]:
    for group in range(file.num_row_groups):
        table = file.read_row_group(group)
        for name in table.column_names:
            column = table.column(name)
            while pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
                column = pc.list_flatten(column)
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                yield from (Cell(name, one) for one in pc.unique(column).to_pylist() if one)


def _sqlite(path: Path) -> Iterator[Said]:
    address = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=30)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
            for column in columns:
                text = f'SELECT DISTINCT "{column}" FROM "{table}" WHERE typeof("{column}") IN (\'text\', \'blob\')'  # noqa: S608  its own names
                for (value,) in database.execute(text):
                    yield from _value(f"{table}.{column}", value)
    yield Bytes(f"free pages of {path.name}", path.read_bytes())


def _value(where: str, value: str | bytes) -> Iterator[Said]:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if text[:1] in ("{", "["):
        try:
            yield from _json(where, orjson.loads(text))
            return
        except orjson.JSONDecodeError:
            pass  # begins like JSON, and is none
    yield Cell(where, text)


def _offsets(path: Path) -> Path:
    return path.with_name(f"{path.name.removesuffix(BYTES)}{OFFSETS}.npy")


def _blobs(path: Path, offsets: np.ndarray[Any, Any]) -> Iterator[Said]:
    data, where = path.read_bytes(), path.name.removesuffix(BYTES)
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        text = data[start:end].decode("utf-8", "surrogateescape")
        if text.startswith("{"):
            yield from ((one if one.where != where else Cell(where, one.text)) for one in _value(where, text)
                        if isinstance(one, Cell))  # fmt: skip
        elif where.endswith(NAMES):
            # No word of «Ordinary People ml:1» says what ml:1 is.
            title, _, identity = text.rstrip("\n").rpartition(" ")
            yield from (Cell(where, title), Cell(where, identity))
        else:
            yield Cell(where, text)


def _numpy(name: str, data: bytes) -> Iterator[Said]:
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.kind in "US":
        yield from (Cell(name, str(one)) for one in np.unique(array).tolist())
