"""Checks what a general graph source brings before it is staged: ids made graph-wide, ends that exist.

Part of `graph.gather`. An end counts as known when a node of the source came before it, or the store holds it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas.util import hash_array

from graph.existing import Queries, nodes_by_id
from graph.schema import ITEM, PLATFORM, USER, Batch, EdgeBatch, NodeBatch
from graph.sources.batches import graph_ids
from graph.sources.chunks import GraphChunk
from graph.sources.values import Checks


class GraphChecks:
    """Knows the nodes met so far by the hashes of their ids: eight bytes a node. `platform`: None keeps ids."""

    def __init__(self, store: Queries, platform: str | None) -> None:
        self._store = store
        self._platform = platform
        self._known: dict[str, IdHashes] = {}
        self._labels: set[str] | None = None

    def checked(self, chunk: GraphChunk) -> GraphChunk:
        """The chunk with graph-wide ids, without the relationships that an end is missing of."""
        batch = chunk.batch if self._platform is None else _with_platform(chunk.batch, self._platform)
        if isinstance(batch, NodeBatch):
            self._known.setdefault(batch.label, IdHashes()).add(batch.rows.column("id").combine_chunks())
            return replace(chunk, batch=batch)
        checks = Checks(batch.rows.num_rows)
        for end, label in (("head", batch.head_label), ("tail", batch.tail_label)):
            ids = batch.rows.column(end).combine_chunks()
            checks.refuse(self._missing(label, ids), f"{end}: no {label} with id {{}}", ids)
        if not checks.bad.any():
            return replace(chunk, batch=batch)
        numbered = batch.rows.append_column("__row__", chunk.numbers)
        rows, refused = checks.split(numbered, numbered)
        kept = EdgeBatch(batch.type, batch.head_label, batch.tail_label, rows.drop_columns(["__row__"]))
        return replace(
            chunk,
            batch=kept,
            numbers=rows.column("__row__").combine_chunks(),
            refused=pa.concat_tables([chunk.refused, refused]),
        )

    def _missing(self, label: str, ids: pa.Array) -> NDArray[np.bool_]:
        known = self._known.setdefault(label, IdHashes())
        missing = ~known.holds(ids)
        if missing.any():
            known.add(self._in_store(label, pc.unique(ids.filter(pa.array(missing)))))
            missing = ~known.holds(ids)
        return missing

    def _in_store(self, label: str, ids: pa.Array) -> pa.Array:
        if self._labels is None:
            self._labels = {row[0] for row in self._store.query("labels_known")}
        found = nodes_by_id(self._store, label, ids, ()) if label in self._labels else {}
        return pa.array(list(found), pa.string())


class IdHashes:
    """A set of ids, as sorted hashes; what is new is sorted in when somebody asks."""

    def __init__(self) -> None:
        self._sorted = np.empty(0, np.uint64)
        self._new: list[NDArray[np.uint64]] = []
        self._waiting = 0

    def add(self, ids: pa.Array) -> None:
        if len(ids):
            self._new.append(hash_ids(ids))
            self._waiting += len(ids)

    def holds(self, ids: pa.Array) -> NDArray[np.bool_]:
        """A mask: which of these are in the set."""
        if self._waiting:
            self._sorted = np.unique(np.concatenate([self._sorted, *self._new]))
            self._new, self._waiting = [], 0
        if not len(self._sorted):
            return np.zeros(len(ids), np.bool_)
        hashes = hash_ids(ids)
        places = np.minimum(np.searchsorted(self._sorted, hashes), len(self._sorted) - 1)
        found: NDArray[np.bool_] = self._sorted[places] == hashes
        return found


def hash_ids(ids: pa.Array) -> NDArray[np.uint64]:
    """64 bits for each id."""
    encoded = ids.dictionary_encode()
    hashes: NDArray[np.uint64] = hash_array(encoded.dictionary.to_numpy(zero_copy_only=False), categorize=False)
    found: NDArray[np.uint64] = hashes[encoded.indices.to_numpy(zero_copy_only=False)]
    return found


def _with_platform(batch: Batch, platform: str) -> Batch:
    """Native ids as graph-wide ones; users and items say which platform they are of, items their kind."""
    rows = batch.rows
    if isinstance(batch, NodeBatch) and batch.label == PLATFORM:  # what a source says of its platform as a whole
        return NodeBatch(PLATFORM, rows.set_column(0, "id", pa.array([platform] * rows.num_rows, pa.string())))
    for name in ("id",) if isinstance(batch, NodeBatch) else ("head", "tail"):
        place = rows.column_names.index(name)
        rows = rows.set_column(place, name, graph_ids(platform, rows.column(name).combine_chunks()))
    if not isinstance(batch, NodeBatch):
        return EdgeBatch(batch.type, batch.head_label, batch.tail_label, rows)
    if batch.label in {USER, ITEM}:
        rows = _filled(rows, "platform", platform)
    if batch.label == ITEM:
        rows = _filled(rows, "kind", "item")
    return NodeBatch(batch.label, rows)


def _filled(rows: pa.Table, name: str, value: str) -> pa.Table:
    """The column with `value` where it has none."""
    if name not in rows.column_names:
        return rows.append_column(name, pa.array([value] * rows.num_rows, pa.string()))
    column = pc.fill_null(rows.column(name).cast(pa.string()), value)
    return rows.set_column(rows.column_names.index(name), name, column)
