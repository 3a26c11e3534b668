"""Nodes as they come from a store, with all of their properties, as columns and as tables of vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.schema import DERIVED_PROPERTIES
from graph.snapshot import EmbeddingTable

MODALITIES = ("text", "image", "audio")
EMBEDDING = "_embedding"


def as_table(ids: list[str], properties: list[dict[str, Any]], mixed: set[str]) -> pa.Table:
    """Nodes as columns; vectors, what is said of them and what a language model derived are not a snapshot's.

    Names of columns whose values are of several types are added to `mixed`.
    """
    names = sorted({name for one in properties for name in one if EMBEDDING not in name} - DERIVED_PROPERTIES - {"id"})
    columns: dict[str, pa.Array] = {"id": pa.array(ids, pa.string())}
    for name in names:
        values = [one.get(name) for one in properties]
        if len({_kind(value) for value in values if value is not None}) > 1:
            mixed.add(name)
        columns[name] = _values(values)
    return pa.table(columns)


def differing(tables: list[pa.Table]) -> set[str]:
    """Columns that are of one type here and of another there."""
    kinds: dict[str, set[str]] = {}
    for field in (one for table in tables for one in table.schema if not pa.types.is_null(one.type)):
        kinds.setdefault(field.name, set()).add(str(field.type))
    return {name for name, found in kinds.items() if len(found) > 1}


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return f"list of {sorted({_kind(one) for one in value})}"
    return type(value).__name__


def _values(values: list[Any]) -> pa.Array:
    """A column of whatever the store holds; what is of several kinds becomes text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
            return pa.array(values, pa.float64())
        return pa.array([None if value is None else str(value) for value in values], pa.string())


class VectorRows:
    """Embeddings of the items met so far, by modality and by who made them (encoder, version)."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[tuple[str, str], dict[str, NDArray[np.float32]]]] = {}

    def take(self, ids: list[str], properties: list[dict[str, Any]]) -> None:
        for modality in MODALITIES:
            name = modality + EMBEDDING
            for identity, values in zip(ids, properties, strict=True):
                if vector := values.get(name):
                    made_by = str(values.get(f"{name}_encoder", "")), str(values.get(f"{name}_version", ""))
                    rows = self.rows.setdefault(modality, {}).setdefault(made_by, {})
                    rows[identity] = np.asarray(vector, np.float32)

    def others(self) -> frozenset[str]:
        """Modalities whose vectors are not all of one encoder and version."""
        return frozenset(modality for modality, makers in self.rows.items() if len(makers) > 1)

    def tables(self, items: list[str]) -> Mapping[str, EmbeddingTable]:
        """One table a modality that has any vector, aligned to the sorted item ids.

        Vectors of different encoders cannot be compared: while items are being encoded anew, the encoder that made the
        most of them counts, and what others made is not there.
        """
        found = {}
        for modality, by_encoder in self.rows.items():
            made_by, rows = max(by_encoder.items(), key=lambda one: (len(one[1]), one[0]))
            found[modality] = _aligned(rows, items, made_by)
        return found


def _aligned(rows: dict[str, NDArray[np.float32]], items: list[str], made_by: tuple[str, str]) -> EmbeddingTable:
    dim = len(next(iter(rows.values())))
    vectors = np.zeros((len(items), dim), np.float32)
    present = np.array([identity in rows for identity in items], np.bool_)
    for place in np.flatnonzero(present).tolist():
        vectors[place] = rows[items[place]]
    return EmbeddingTable(vectors, present, *made_by)
