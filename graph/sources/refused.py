"""Rows refused for what other rows say: ids given twice, items nobody described; and how many are too many."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas.util import hash_array

from graph.columns import as_type
from graph.errors import InvalidData
from graph.sources.chunks import ROW, Chunk
from graph.sources.clean import LISTED, NEEDED
from graph.sources.values import Checks, mask_of


@dataclass
class Tally:
    """Rows of one file so far, and those that were refused."""

    read: int = 0
    refused: int = 0
    first: str = ""

    def add(self, read: int, refused: pa.Table) -> None:
        self.read += read
        self.refused += refused.num_rows
        if refused.num_rows and not self.first:
            self.first = f"row {refused.column('row')[0].as_py()}: {refused.column('reason')[0].as_py()}"


def check_refused(file: str, tally: Tally, limit: float, where: str = "") -> None:
    """Raises `InvalidData` when more than `limit` of the rows of a file were refused."""
    if tally.read and tally.refused / tally.read > limit:
        raise InvalidData(
            f"{tally.refused} of {tally.read} rows of {file} were refused, the first is {tally.first}",
            valid=f"at most {limit:.0%} refused rows",
            remedy=f"mend them{where}, or allow more: --max-refused",
        )


class Repeats:
    """Finds rows of one `items` or `users` file whose id came before: the same again is fine, other values are not.

    `[]` columns do not count: their values add up.
    """

    def __init__(self) -> None:
        self._ids: pa.Array = pa.array([], pa.string())
        self._hashes: NDArray[np.uint64] = np.empty(0, np.uint64)

    def check(self, chunk: Chunk) -> Chunk:
        """The chunk without the rows that contradict an earlier one, which it refuses."""
        key = NEEDED[chunk.part][0]
        ids = pa.concat_arrays([self._ids, chunk.rows.column(key).combine_chunks()])
        hashes = np.concatenate([self._hashes, _row_hashes(chunk.rows, key)])
        encoded = ids.dictionary_encode()
        code = encoded.indices.to_numpy()
        first = np.empty(len(encoded.dictionary), np.uint64)
        first[code[::-1]] = hashes[::-1]
        bad = (hashes != first[code])[len(self._ids) :]
        self._ids, self._hashes = encoded.dictionary, first
        if not bad.any():
            return chunk
        return _without(chunk, bad, f"{key} {{}} came before with other values", key)


def refuse_unknown_items(chunk: Chunk, known: pa.Array) -> Chunk:
    """The chunk without the interactions whose item is not among `known`, which it refuses."""
    unknown = ~mask_of(pc.is_in(chunk.rows.column("item").combine_chunks(), value_set=known))
    if not unknown.any():
        return chunk
    return _without(chunk, unknown, "item {} is neither in the items file nor in the graph", "item")


def _without(chunk: Chunk, bad: NDArray[np.bool_], reason: str, key: str) -> Chunk:
    checks = Checks(chunk.rows.num_rows)
    checks.refuse(bad, reason, chunk.rows.column(key).combine_chunks())
    rows, refused = checks.split(chunk.rows, chunk.rows)
    return replace(chunk, rows=rows, refused=pa.concat_tables([chunk.refused, refused]))


def _row_hashes(rows: pa.Table, key: str) -> NDArray[np.uint64]:
    names = [name for name in rows.column_names if name not in {ROW, key} and not name.endswith(LISTED)]
    columns = {name: as_type(rows.column(name), pa.string()).to_numpy() for name in names}
    found: NDArray[np.uint64] = np.zeros(rows.num_rows, np.uint64)
    for values in columns.values():
        found = found * np.uint64(1_000_003) + hash_array(values, categorize=True)
    return found
