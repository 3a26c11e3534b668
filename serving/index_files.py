"""The pieces an index is made of on disk: blobs (offsets and bytes), rows (CSR) and searchable names.

`serving.publish` writes them, `serving.index` maps them. Reading copies nothing but what is asked for, so workers share
pages and a large index costs a worker no memory of its own.
"""

from __future__ import annotations

import mmap
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

OFFSETS = ".offsets"
BYTES = ".bytes"
MISSING = -1
"""Stands for «no item» at the end of a padded list."""


@dataclass(frozen=True)
class Blobs:
    """Byte strings by position. `find` needs them sorted by bytes (as ids in a snapshot are)."""

    offsets: memoryview
    data: mmap.mmap

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, position: int) -> bytes:
        return self.data[self.offsets[position] : self.offsets[position + 1]]

    def find(self, key: bytes) -> int:
        """Position of `key`, or `MISSING`: log2(n) comparisons, and no dictionary in any worker's memory."""
        low = self.first(key)
        return low if low < len(self) and self[low] == key else MISSING

    def first(self, key: bytes) -> int:
        """Position of the first that is not before `key`."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self[middle] < key:
                low = middle + 1
            else:
                high = middle
        return low


@dataclass(frozen=True)
class Rows:
    """CSR without values: row r is `columns[indptr[r]:indptr[r + 1]]`."""

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def span(self, row: int) -> slice:
        """Where the row lies in `columns` and in every array beside it."""
        return slice(int(self.indptr[row]), int(self.indptr[row + 1]))

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self.columns[self.span(row)]

    def spans(self, rows: NDArray[np.integer], last: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places in `columns` of all these rows, one row after the other, and how many of each row; `last`: at most so
        many, from its end.
        """
        starts, ends = (np.asarray(self.indptr[place], np.int64) for place in (rows, rows + 1))
        if last is not None:
            starts = np.maximum(starts, ends - last)
        counts = ends - starts
        return np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts), counts


@dataclass(frozen=True)
class Names:
    """Folded names, one a line, most popular first; `order` is the position of each line's owner."""

    lines: Blobs
    order: NDArray[np.int32]

    def search(self, query: str, limit: int) -> list[int]:
        """Positions of the `limit` most popular owners whose name holds every word of `query`; all when it is empty."""
        words = [word.encode() for word in fold(query).split()]
        found: list[int] = []
        line = 0
        while line < len(self.lines) and len(found) < limit:
            if words:
                line = self._next(max(words, key=len), line)
                if line == MISSING:
                    break
            text = self.lines[line]
            if all(word in text for word in words):
                found.append(int(self.order[line]))
            line += 1
        return found

    def _next(self, word: bytes, line: int) -> int:
        at = self.lines.data.find(word, self.lines.offsets[line], self.lines.offsets[len(self.lines)])
        return MISSING if at < 0 else bisect_right(self.lines.offsets, at) - 1


def fold(text: str) -> str:
    """Lower case without accents and line breaks: `Amélie` is found by `amelie`."""
    decomposed = unicodedata.normalize("NFKD", text)
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).casefold().split())


def write_array(folder: Path, name: str, array: NDArray[Any]) -> None:
    """`NAME.npy`, contiguous."""
    np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)


def write_blobs(folder: Path, name: str, blobs: Iterable[bytes]) -> None:
    """`NAME.bytes` and `NAME.offsets.npy`; streams, so `blobs` may be a generator over millions."""
    offsets = [0]
    with (folder / f"{name}{BYTES}").open("wb") as file:
        for blob in blobs:
            file.write(blob)
            offsets.append(offsets[-1] + len(blob))
        file.write(b"\n")  # an empty file cannot be mapped
    write_array(folder, f"{name}{OFFSETS}", np.asarray(offsets, np.int64))


def write_rows(folder: Path, name: str, indptr: NDArray[Any], columns: NDArray[Any]) -> None:
    """`NAME.indptr.npy` and `NAME.columns.npy`."""
    write_array(folder, f"{name}.indptr", np.asarray(indptr, np.int64))
    write_array(folder, f"{name}.columns", np.asarray(columns, np.int32))


def write_names(folder: Path, name: str, names: Sequence[str], order: NDArray[Any]) -> None:
    """`names` by position, written in `order`."""
    write_blobs(folder, name, (f"{fold(names[place])}\n".encode() for place in order.tolist()))
    write_array(folder, f"{name}.order", np.asarray(order, np.int32))


def map_array(folder: Path, name: str) -> NDArray[Any]:
    """The array, mapped read-only; its type is what was written."""
    array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)  # numpy.memmap pays a Python call for every slice


def map_blobs(folder: Path, name: str) -> Blobs:
    """What `write_blobs` wrote."""
    with (folder / f"{name}{BYTES}").open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Blobs(map_array(folder, f"{name}{OFFSETS}").data, data)


def map_rows(folder: Path, name: str) -> Rows:
    """What `write_rows` wrote."""
    return Rows(map_array(folder, f"{name}.indptr"), map_array(folder, f"{name}.columns"))


def map_names(folder: Path, name: str) -> Names:
    """What `write_names` wrote."""
    return Names(map_blobs(folder, name), map_array(folder, f"{name}.order"))
