"""Validated pieces of an ingest, kept until all of it is known to be good: in memory, and on disk beyond a limit.

Between `graph.sources` and `graph.plan`. Rows are kept by label or by relationship type, and in buckets by the hash of
their id or head, so that what belongs together can be read together in bounded memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.util import hash_array

from graph.columns import stack
from graph.private import Cipher
from graph.schema import USER, NodeBatch
from graph.sources.batches import Piece
from graph.sources.chunks import ROW

FILE = "__file__"
"""Name of the column that holds the number of the file a row came from; `ROW` holds the row's number in it."""
ROWS_IN_MEMORY = 1_000_000
BYTES_A_BUCKET = 128 << 20


class Nodes(NamedTuple):
    """Nodes of a label."""

    label: str


class Edges(NamedTuple):
    """Relationships of a type between two labels."""

    type: str
    head_label: str
    tail_label: str


Key: TypeAlias = Nodes | Edges


class Stage:
    """Everything that one ingest has read. `source_bytes`, the size of the files, decides the number of buckets.

    `cipher`: of users' private properties, encrypted before anything of them is written anywhere.
    """

    def __init__(self, folder: Path, source_bytes: int, cipher: Cipher | None = None) -> None:
        self._folder = folder
        self._cipher = cipher
        self.buckets = 1 + source_bytes // BYTES_A_BUCKET
        self._tables: dict[tuple[Key, int], list[pa.Table]] = defaultdict(list)
        self._spilled: dict[tuple[Key, int], list[Path]] = defaultdict(list)
        self._rows = 0
        self._files = 0

    def add(self, piece: Piece, file: int) -> None:
        """Keeps a piece that came from the file of this number."""
        batch = piece.batch
        files = pa.array(np.full(batch.rows.num_rows, file, np.int32))
        whole = batch.rows
        if self._cipher is not None and isinstance(batch, NodeBatch) and batch.label == USER:
            whole = self._cipher.hide_rows(whole)
        rows = whole.append_column(ROW, piece.numbers).append_column(FILE, files)
        if isinstance(batch, NodeBatch):
            key: Key = Nodes(batch.label)
        else:
            key = Edges(batch.type, batch.head_label, batch.tail_label)
        for bucket, part in self._split(rows, "id" if isinstance(key, Nodes) else "head"):
            self._tables[key, bucket].append(part)
        self._rows += rows.num_rows
        if self._rows > ROWS_IN_MEMORY:
            self._spill()

    def nodes(self) -> list[Nodes]:
        """Labels that have nodes, sorted."""
        return sorted({key for key, _ in self._keys() if isinstance(key, Nodes)})

    def edges(self) -> list[Edges]:
        """Relationship types with their labels, sorted."""
        return sorted({key for key, _ in self._keys() if isinstance(key, Edges)})

    def read(self, key: Key) -> Iterator[pa.Table]:
        """What is kept under a key, bucket by bucket, in the order in which it came."""
        for bucket in range(self.buckets):
            spilled = [pq.read_table(path) for path in self._spilled.get((key, bucket), ())]
            tables = [*spilled, *self._tables.get((key, bucket), ())]
            if tables:
                yield stack(tables).combine_chunks()

    def _keys(self) -> set[tuple[Key, int]]:
        return {*self._tables, *self._spilled}

    def _split(self, rows: pa.Table, name: str) -> Iterator[tuple[int, pa.Table]]:
        if self.buckets == 1:
            yield 0, rows
            return
        texts = rows.column(name).combine_chunks().dictionary_encode()
        hashes = hash_array(texts.dictionary.to_numpy(zero_copy_only=False), categorize=False)
        bucket = (hashes % self.buckets)[texts.indices.to_numpy()]
        for number in np.unique(bucket).tolist():
            yield number, rows.filter(pa.array(bucket == number))

    def _spill(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for place, tables in self._tables.items():
            path = self._folder / f"{self._files}.parquet"
            pq.write_table(stack(tables), path, compression="lz4")
            self._spilled[place].append(path)
            self._files += 1
        self._tables.clear()
        self._rows = 0
