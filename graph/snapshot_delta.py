"""The deltas of several versions read as one: which nodes were touched, which relationships came, changed and went.

What a delta says of a node is only that it changed: how it is now is read from the store (`graph.snapshot_apply`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from graph.changes import Delta
from graph.existing import unknown_time
from graph.schema import FRIEND, IS, ITEM, RESERVED_TYPES, SAME_AS, TYPE_TO_KIND, USER
from graph.snapshot_build import KIND_CODES, NOT_ENTITIES

GONE = "gone"


@dataclass(frozen=True)
class Rows:
    """Relationships that a delta names: there afterwards, or gone. `step` orders all that the deltas say."""

    step: int
    present: bool
    head: pa.ChunkedArray
    tail: pa.ChunkedArray


@dataclass(frozen=True)
class ActRows:
    """Interactions of one kind that a delta names."""

    rows: Rows
    kind: int
    value: NDArray[np.float32]
    time: NDArray[np.int64]


@dataclass
class Changed:
    """Everything that happened since a snapshot. `cut`: label -> id -> the step at which the node was deleted."""

    nodes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    cut: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    acts: list[ActRows] = field(default_factory=list)
    facts: dict[tuple[str, str, str], list[Rows]] = field(default_factory=lambda: defaultdict(list))
    friends: list[Rows] = field(default_factory=list)
    people: list[Rows] = field(default_factory=list)
    same: list[Rows] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing that a snapshot holds happened."""
        return not (self.nodes or self.acts or self.facts or self.friends or self.people or self.same)


def read_changes(deltas: Iterable[Delta]) -> Changed:
    """Reads deltas, oldest first."""
    changed = Changed()
    for step, (what, key, path) in enumerate(_files(deltas)):
        rows = pq.read_table(path)
        if len(key) == 1:
            _node(changed, key[0], rows.column("id").to_pylist(), step if what == GONE else None)
        else:
            _edge(changed, key, rows, step, what)
    return changed


def _files(deltas: Iterable[Delta]) -> Iterator[tuple[str, tuple[str, ...], Path]]:
    for delta in deltas:
        for path in sorted(delta.folder.glob("*.parquet")):
            _, what, *key = path.name.removesuffix(".parquet").split(".")
            if what != "old":
                yield what, tuple(key), path


def _node(changed: Changed, label: str, ids: list[str], cut: int | None) -> None:
    changed.nodes[label].update(ids)
    if cut is not None:
        changed.cut[label].update(dict.fromkeys(ids, cut))


def _edge(changed: Changed, key: tuple[str, ...], table: pa.Table, step: int, what: str) -> None:
    kind, head_label, tail_label = key
    rows = Rows(step, what != GONE, table.column("head"), table.column("tail"))
    if kind in TYPE_TO_KIND:
        says_value = what != "set" or "value" in table.column_names  # Not so where other properties were set.
        if (head_label, tail_label) == (USER, ITEM) and says_value:
            changed.acts.append(_acts(rows, kind, table))
    elif kind == FRIEND and head_label == tail_label == USER:
        changed.friends.append(rows)
    elif kind == IS and head_label == USER:
        changed.people.append(rows)
    elif kind == SAME_AS and head_label == tail_label == ITEM:
        changed.same.append(rows)
    elif kind not in RESERVED_TYPES and _is_fact(head_label, tail_label):
        changed.facts[kind, head_label, tail_label].append(rows)


def _is_fact(head_label: str, tail_label: str) -> bool:
    if tail_label == ITEM:
        return head_label != USER and (head_label == ITEM or head_label not in NOT_ENTITIES)
    return tail_label not in NOT_ENTITIES and (head_label in {USER, ITEM} or head_label not in NOT_ENTITIES)


def _acts(rows: Rows, kind: str, table: pa.Table) -> ActRows:
    value = np.full(table.num_rows, np.nan, np.float32)
    if "value" in table.column_names and not pa.types.is_null(table.column("value").type):
        value = pc.fill_null(table.column("value").cast(pa.float64()), np.nan).to_numpy().astype(np.float32)
    times = table.column("at").combine_chunks() if "at" in table.column_names else None
    return ActRows(rows, KIND_CODES[TYPE_TO_KIND[kind]], value, unknown_time(times, table.num_rows))
