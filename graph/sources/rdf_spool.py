"""Statements sorted into buckets by the hash of their subject, on disk: all that is said of one subject is in one.

Memory holds a block at a time, the names of predicates, and ten bytes for each subject (which label it has).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pandas.util import hash_array

from graph.sources.chunks import GraphChunk, Raw
from graph.sources.graph_rows import only_refused

BYTES_A_BUCKET = 64 << 20


class Statements:
    """A folder of buckets. `size`: of the files, in bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._buckets = 1 + size // BYTES_A_BUCKET
        self._files: dict[int, list[Path]] = {}
        self.read = 0

    def add(self, raw: Raw, file: str) -> Iterator[GraphChunk]:
        """Keeps a block; what was refused of it goes on at once."""
        rows = raw.rows
        self.read += rows.num_rows
        if rows.num_rows:
            buckets = hashes(rows.column("subject").combine_chunks()) % self._buckets
            for bucket in np.unique(buckets).tolist():
                self._keep(bucket, rows.filter(pa.array(buckets == bucket)))
        if raw.refused.num_rows:
            yield only_refused(file, raw.refused, raw.refused.num_rows)

    def _keep(self, bucket: int, rows: pa.Table) -> None:
        files = self._files.setdefault(bucket, [])
        path = self._folder / f"{bucket}-{len(files)}.parquet"
        pq.write_table(rows, path, compression="lz4")
        files.append(path)

    def buckets(self) -> Iterator[pa.Table]:
        """Each bucket, its statements by subject, each once."""
        for bucket in sorted(self._files):
            rows = pa.concat_tables([pq.read_table(path) for path in self._files[bucket]])
            keys = [name for name in rows.column_names if name != "__row__"]
            once = rows.group_by(keys, use_threads=False).aggregate([("__row__", "min")])
            once = once.rename_columns([*keys, "__row__"])
            yield once.take(
                pc.sort_indices(once, [("subject", "ascending"), ("__row__", "ascending")])
            ).combine_chunks()


def hashes(texts: pa.Array) -> NDArray[np.uint64]:
    """64 bits for each text."""
    encoded = texts.dictionary_encode()
    unique: NDArray[np.uint64] = hash_array(encoded.dictionary.to_numpy(zero_copy_only=False), categorize=False)
    found: NDArray[np.uint64] = unique[encoded.indices.to_numpy(zero_copy_only=False)]
    return found
