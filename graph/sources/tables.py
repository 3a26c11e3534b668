"""Files of rows to Arrow tables, block by block: CSV (any delimiter), Parquet, JSON Lines; plain or gzip.

CSV columns come as strings: what they mean is for `graph.sources.clean` to say.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from graph.errors import InvalidData, NotFound
from graph.sources.chunks import REFUSED_SCHEMA, ROW, Raw, refused_table

BLOCK_BYTES = 8 << 20
BLOCK_ROWS = 250_000


@dataclass(frozen=True)
class Dialect:
    """How a text table is written. `names`: column names where the file has no header.

    `nulls`: an empty field is no value, a quoted empty one is the empty text (else both are the empty text).
    """

    delimiter: str = ","
    quoted: bool = True
    encoding: str = "utf-8"
    names: tuple[str, ...] = ()
    nulls: bool = False


COMMAS = Dialect()


def read_table(path: Path, dialect: Dialect = COMMAS) -> Iterator[Raw]:
    """Every row of a file, by what its name ends in. Raises `InvalidData` for one that is damaged or empty."""
    kind = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    readers = {"parquet": _parquet, "jsonl": _json_lines}
    chunks = readers[kind](path) if kind in readers else _csv(path, dialect)
    rows = 0
    try:
        for raw in chunks:
            rows += raw.rows.num_rows + raw.refused.num_rows
            yield raw
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}", remedy="check the path") from error
    except PermissionError as error:
        raise InvalidData(f"{path} may not be read", valid="a file you may read", remedy="mend its rights") from error
    except (OSError, EOFError, zlib.error) as error:
        if getattr(error, "errno", None) is not None:  # the disk's fault, not the content's
            raise
        raise InvalidData(
            f"{path} is not a whole gzip file ({error})", valid="a .gz file", remedy="fetch or pack it again"
        ) from error
    if rows == 0:
        raise empty(path)


def empty(path: Path) -> InvalidData:
    """The error for a file without rows."""
    return InvalidData(f"{path} is empty", valid="a header and at least one row", remedy="fill the file, or remove it")


def _csv(path: Path, dialect: Dialect) -> Iterator[Raw]:
    names = list(dialect.names) or _header(path, dialect)
    malformed = _Malformed(0 if dialect.names else 1)
    position = 1
    try:
        with _text(path, dialect) as stream:
            for batch in _reader(stream, dialect, names, malformed):
                numbers = malformed.numbers(position, batch.num_rows)
                position = int(numbers[-1]) + 1 if len(numbers) else position
                table = pa.Table.from_batches([batch]).append_column(ROW, pa.array(numbers))
                yield Raw(table, malformed.take())
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _unreadable(path, dialect, error) from error
    left = malformed.take()
    if left.num_rows:
        empty_rows = pa.table({name: pa.array([], pa.string()) for name in names} | {ROW: pa.array([], pa.int64())})
        yield Raw(empty_rows, left)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """The file's bytes, unpacked where its name ends in `.gz`."""
    with path.open("rb") as file:
        if path.name.endswith(".gz"):
            with gzip.open(file, "rb") as unpacked:
                yield unpacked
        else:
            yield file


def _refused(rows: list[tuple[int, str, str]]) -> pa.Table:
    if not rows:
        return REFUSED_SCHEMA.empty_table()
    return refused_table([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


class _Malformed:
    """Rows with too many or too few columns, as the parser meets them (some blocks ahead of what it hands out)."""

    def __init__(self, header_rows: int) -> None:
        self._header_rows = header_rows
        self._all: list[int] = []
        self._new: list[tuple[int, str, str]] = []

    def __call__(self, row: Any) -> str:
        number = row.number - self._header_rows
        self._all.append(number)
        reason = f"{row.actual_columns} columns where the header has {row.expected_columns}"
        self._new.append((number, reason, row.text))
        return "skip"

    def numbers(self, first: int, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Row numbers of the next `count` good rows, the first of them not before `first`."""
        candidates = np.arange(first, first + count + len(self._all), dtype=np.int64)
        return candidates[~np.isin(candidates, self._all)][:count] if self._all else candidates

    def take(self) -> pa.Table:
        """What was met since the last call."""
        new, self._new = self._new, []
        return _refused(new)


def _reader(stream: Any, dialect: Dialect, names: list[str], malformed: _Malformed) -> Any:
    return pyarrow.csv.open_csv(
        stream,
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False,  # else malformed rows come without their number
            block_size=BLOCK_BYTES,
            column_names=names,
            skip_rows=0 if dialect.names else 1,
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=dialect.delimiter[0] if len(dialect.delimiter) == 1 else _STAND_IN,
            quote_char='"' if dialect.quoted else False,
            newlines_in_values=dialect.quoted,
            invalid_row_handler=malformed,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=dialect.nulls,
            quoted_strings_can_be_null=False,
            null_values=[""] if dialect.nulls else [],
        ),
    )


_STAND_IN = "\x1f"


def _text(path: Path, dialect: Dialect) -> Any:
    """The file's bytes, unpacked, as UTF-8, with a delimiter of one character."""
    stream = pa.input_stream(str(path), compression="gzip" if path.name.endswith(".gz") else None)
    if dialect.encoding != "utf-8":
        stream = pa.transcoding_input_stream(stream, dialect.encoding, "utf-8")
    if len(dialect.delimiter) > 1:
        stream = pa.TransformInputStream(stream, _Replace(dialect.delimiter.encode()))
    return stream


class _Replace:
    """Turns a delimiter of several equal characters into one, also where it lies across two blocks."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._kept = b""

    def __call__(self, block: Any) -> bytes:
        data = self._kept + bytes(block)
        end = len(data.rstrip(self._delimiter[:1])) if len(block) else len(data)
        data, self._kept = data[:end], data[end:]
        return data.replace(self._delimiter, _STAND_IN.encode())


def _header(path: Path, dialect: Dialect) -> list[str]:
    """Column names of the first line. Raises `InvalidData` where there is none, or one twice."""
    with opened(path) as file:
        line = file.readline(1 << 20)
    if not line.strip():
        raise empty(path)
    try:
        text = line.decode(dialect.encoding).removeprefix("\ufeff").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, 1) from error
    fields = next(csv.reader([text], delimiter=dialect.delimiter)) if dialect.quoted else text.split(dialect.delimiter)
    names = [name.strip() for name in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidData(
            f"{path} has the column {twice[0]!r} twice", valid="a header with distinct names", remedy="rename one"
        )
    return names


def _unreadable(path: Path, dialect: Dialect, error: Exception) -> InvalidData:
    if "UTF8" in str(error) or isinstance(error, UnicodeDecodeError):
        return _not_utf8(path, _first_bad_line(path, dialect))
    return InvalidData(f"{path} cannot be read as a table ({error})", valid="CSV", remedy="mend or export it again")


def _not_utf8(path: Path, line: int) -> InvalidData:
    return InvalidData(
        f"{path} is not UTF-8: line {line}",
        valid="text encoded as UTF-8",
        remedy=f"convert it: iconv -f LATIN1 -t UTF-8 {path.name}",
    )


def _first_bad_line(path: Path, dialect: Dialect) -> int:
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode(dialect.encoding)
            except UnicodeDecodeError:
                return number
    return 1


def _parquet(path: Path) -> Iterator[Raw]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            position = 1
            for batch in file.iter_batches(batch_size=BLOCK_ROWS):
                table = pa.Table.from_batches([batch])
                kept = [name for name in table.column_names if not name.startswith("__index_level_")]
                numbers = pa.array(np.arange(position, position + table.num_rows, dtype=np.int64))
                position += table.num_rows
                yield Raw(table.select(kept).append_column(ROW, numbers))
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise InvalidData(
            f"{path} is not a whole Parquet file ({error})", valid="Parquet", remedy="write or fetch it again"
        ) from error


def _json_lines(path: Path) -> Iterator[Raw]:
    with opened(path) as file:
        position = 1
        while lines := file.readlines(BLOCK_BYTES):
            yield _parse_lines(lines, position)
            position += len(lines)


def _parse_lines(lines: list[bytes], first: int) -> Raw:
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[tuple[int, str, str]] = []
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            bad.append((number, f"not JSON: {error}", line.decode("utf-8", "replace").strip()))
            continue
        if isinstance(value, dict):
            objects.append(value)
            numbers.append(number)
        else:
            bad.append((number, "not a JSON object", line.decode().strip()))
    names = dict.fromkeys(name for one in objects for name in one)
    columns = {name: _column([one.get(name) for one in objects]) for name in names}
    columns[ROW] = pa.array(numbers, pa.int64())
    return Raw(pa.table(columns), _refused(bad))


def _column(values: list[Any]) -> pa.Array:
    """The values as they are where they are of one kind, else as text."""
    try:
        found = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([_as_text(value) for value in values], pa.string())
    return found if not pa.types.is_nested(found.type) or pa.types.is_list(found.type) else _texts(values)


def _texts(values: list[Any]) -> pa.Array:
    return pa.array([_as_text(value) for value in values], pa.string())


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
