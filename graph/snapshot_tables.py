"""Properties and vectors of a snapshot brought up to date with nodes read anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.columns import canonical, stack
from graph.snapshot import EmbeddingTable
from graph.snapshot_ids import Moved
from graph.snapshot_nodes import MODALITIES, VectorRows, as_table


class ReadAll(Exception):
    """The deltas alone cannot say what the graph holds now: it must be read as a whole. Never leaves this package."""


@dataclass(frozen=True)
class Fresh:
    """Nodes of a label as they are now."""

    ids: list[str]
    properties: list[dict[str, Any]]


def properties(
    old: pa.Table, label: str, moved: Moved, fresh: Fresh, mixed: frozenset[str]
) -> tuple[pa.Table, frozenset[str]]:
    """The table with the rows of the touched nodes replaced, and which columns are of several types now."""
    if not len(moved.touched) and not fresh.ids:
        return old, mixed
    odd: set[str] = set()
    kept = np.ones(old.num_rows, np.bool_)
    kept[moved.touched] = False
    tables = [canonical(old.filter(pa.array(kept))), canonical(as_table(fresh.ids, fresh.properties, odd))]
    mixed = _mixed(label, tables, odd, mixed, replaced=bool(len(moved.touched)))
    rows = stack([table for table in tables if table.num_rows] or tables[:1])
    places = moved.places.new[np.flatnonzero(kept)]
    own = moved.positions(pa.chunked_array([fresh.ids], pa.string()))
    order = np.argsort(np.concatenate([places, own]), kind="stable")
    return canonical(rows.take(pa.array(order))), mixed


def _mixed(
    label: str, tables: Sequence[pa.Table], odd: set[str], mixed: frozenset[str], *, replaced: bool
) -> frozenset[str]:
    """Refuses what a whole reading might see otherwise: the type of a column comes from all of its values."""
    old, new = (dict(zip(table.column_names, table.schema.types, strict=True)) for table in tables)
    found = set(mixed)
    for name in {*old, *new}:
        several = f"{label}.{name}" in mixed
        types = {table[name] for table in (old, new) if name in table}
        numbers = types <= {pa.int64(), pa.float64()}
        if (several and replaced) or ((several or name in odd or len(types) > 1) and not numbers):
            raise ReadAll(f"values of {label}.{name} are of several types")
        if name in odd or len(types) > 1:
            found.add(f"{label}.{name}")
    return frozenset(found)


def vectors(
    old: Mapping[str, EmbeddingTable], moved: Moved, fresh: Fresh, others: frozenset[str]
) -> Mapping[str, EmbeddingTable]:
    """Every modality's table with the rows of the touched items replaced."""
    if not len(moved.touched) and not fresh.ids:
        return old
    rows = VectorRows()
    rows.take(fresh.ids, fresh.properties)
    if others:
        raise ReadAll(f"vectors of several encoders: {', '.join(sorted(others))}")
    found = {}
    for modality in MODALITIES:
        table = _one_modality(old.get(modality), rows.rows.get(modality, {}), moved)
        if table is not None and table.present.any():
            found[modality] = table
    return found


def _one_modality(
    old: EmbeddingTable | None, fresh: Mapping[tuple[str, str], Mapping[str, NDArray[np.float32]]], moved: Moved
) -> EmbeddingTable | None:
    kept = moved.places.new.copy()
    kept[moved.touched] = -1
    stay = np.flatnonzero(kept >= 0)
    if old is not None and not old.present[stay].any():
        old = None
    made_by = {*fresh, *([(old.encoder, old.version)] if old else [])}
    if not made_by:
        return None
    if len(made_by) > 1:
        raise ReadAll("vectors of several encoders")
    given = next(iter(fresh.values()), {})
    dims = {*(len(vector) for vector in given.values()), *([old.dim] if old else [])}
    if len(dims) > 1:
        raise ReadAll("vectors of several lengths")
    table = np.zeros((moved.places.size, dims.pop()), np.float32)
    present = np.zeros(moved.places.size, np.bool_)
    if old is not None:
        table[kept[stay]], present[kept[stay]] = old.vectors[stay], old.present[stay]
    if given:
        own = moved.positions(pa.chunked_array([list(given)], pa.string()))
        table[own], present[own] = np.stack(list(given.values())), True
    return EmbeddingTable(table, present, *made_by.pop())
