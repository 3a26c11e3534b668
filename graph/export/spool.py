"""Batches kept on disk until all are read: only then is it known which columns a label or type has, and of what kind.

Between `graph.export.read` and the formats that have columns (CSV, Parquet, RecBole, Neo4j's importer).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from graph.columns import as_type, common_type
from graph.schema import Batch, NodeBatch

Key: TypeAlias = tuple[str, ...]
"""Label; or type, label of the head, label of the tail."""

ROWS_A_FILE = 200_000


@dataclass
class _Sort:
    """What one key has: files, their columns' types, tables that wait."""

    files: list[Path] = field(default_factory=list)
    kinds: dict[str, list[pa.DataType]] = field(default_factory=lambda: defaultdict(list))
    waiting: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    waiting_rows: int = 0


class Spool:
    """A folder of batches by label and type."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sorts: dict[Key, _Sort] = defaultdict(_Sort)
        folder.mkdir(parents=True)

    def add(self, batches: Iterable[Batch]) -> None:
        """Keeps all of them."""
        for batch in batches:
            sort = self._sorts[key_of(batch)]
            for name in batch.rows.schema:
                if name.type not in sort.kinds[name.name]:
                    sort.kinds[name.name].append(name.type)
            sort.waiting.append(batch.rows)
            sort.waiting_rows += batch.rows.num_rows
            sort.rows += batch.rows.num_rows
            if sort.waiting_rows >= ROWS_A_FILE:
                self._flush(sort)
        for sort in self._sorts.values():
            self._flush(sort)

    def sorts(self) -> list[Key]:
        """Labels, then types; sorted."""
        return sorted(self._sorts, key=lambda key: (len(key), key))

    def count(self, key: Key) -> int:
        return self._sorts[key].rows

    def columns(self, key: Key) -> dict[str, pa.DataType]:
        """Names and types: the ids first, then the properties by name. What is of several kinds is text."""
        kinds = {name: common_type(found) for name, found in self._sorts[key].kinds.items()}
        ends = ["id"] if len(key) == 1 else ["head", "tail"]
        names = [*ends, *sorted(name for name in kinds if name not in ends)]
        return {name: pa.string() if pa.types.is_null(kinds[name]) else kinds[name] for name in names}

    def tables(self, key: Key) -> Iterator[pa.Table]:
        """The rows of a key, a file at a time, all with the same columns."""
        kinds = self.columns(key)
        for file in self._sorts[key].files:
            yield _even(pq.read_table(file), kinds)

    def _flush(self, sort: _Sort) -> None:
        if not sort.waiting:
            return
        path = self._folder / f"{sum(len(one.files) for one in self._sorts.values())}.parquet"
        kinds: dict[str, list[pa.DataType]] = defaultdict(list)
        for table in sort.waiting:
            for column in table.schema:
                kinds[column.name].append(column.type)
        common = {name: common_type(found) for name, found in kinds.items()}
        pq.write_table(pa.concat_tables(_even(table, common) for table in sort.waiting), path, compression="lz4")
        sort.files.append(path)
        sort.waiting, sort.waiting_rows = [], 0


def key_of(batch: Batch) -> Key:
    """Under which a batch is kept."""
    if isinstance(batch, NodeBatch):
        return (batch.label,)
    return (batch.type, batch.head_label, batch.tail_label)


def _even(table: pa.Table, kinds: dict[str, pa.DataType]) -> pa.Table:
    columns = {
        name: as_type(table.column(name), kind) if name in table.column_names else pa.nulls(table.num_rows, kind)
        for name, kind in kinds.items()
    }
    return pa.table(columns)
