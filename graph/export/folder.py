"""The graph folder as CSV, Parquet or JSON Lines: what `graph.sources.graph_folder` reads back without a loss."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from graph.export.spool import Key, Spool
from graph.sources.graph_folder import ABOUT, EDGES, NODES
from graph.sources.graph_lines import NAMES
from graph.sources.graph_values import typed_name

Write = Callable[[Path, Mapping[str, pa.DataType], Iterator[pa.Table]], None]
ROWS_A_GROUP = 100_000


def write_tables(spool: Spool, folder: Path, ending: str) -> None:
    """One table a label and a type."""
    for key in spool.sorts():
        path = folder / (NODES if len(key) == 1 else EDGES) / f"{'.'.join(key)}.{ending}"
        path.parent.mkdir(exist_ok=True)
        _WRITERS[ending](path, spool.columns(key), spool.tables(key))
    write_about(spool, folder)


def write_lines(spool: Spool, folder: Path) -> None:
    """One record a line: nodes, then relationships."""
    with (folder / NAMES[0]).open("wb") as out:
        for key in spool.sorts():
            for table in spool.tables(key):
                _records(key, table, out)
    write_about(spool, folder)


def write_about(spool: Spool, folder: Path) -> None:
    """`graph.json`: that ids are whole, and how many nodes and relationships there are."""
    nodes = {key[0]: spool.count(key) for key in spool.sorts() if len(key) == 1}
    edges = {".".join(key): spool.count(key) for key in spool.sorts() if len(key) > 1}
    about = {"format": "interlace graph", "version": 1, "ids": "whole", "nodes": nodes, "relationships": edges}
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _csv(path: Path, kinds: Mapping[str, pa.DataType], tables: Iterator[pa.Table]) -> None:
    names = [typed_name(kind, name) for name, kind in kinds.items()]
    flat = [pa.string() if pa.types.is_list(kind) else kind for kind in kinds.values()]
    options = pyarrow.csv.WriteOptions(quoting_style="needed")  # texts in quotes: an empty one is not a missing one
    schema = pa.schema(list(zip(names, flat, strict=True)))
    with pyarrow.csv.CSVWriter(str(path), schema, write_options=options) as writer:
        for table in tables:
            columns = [cell_texts(column.combine_chunks()) for column in table.columns]
            writer.write_table(pa.table(columns, schema=schema))


def cell_texts(column: pa.Array) -> pa.Array:
    """Lists as JSON, anything else as it is."""
    if not pa.types.is_list(column.type):
        return column
    texts = [None if value is None else orjson.dumps(value).decode() for value in column.to_pylist()]
    return pa.array(texts, pa.string())


def _parquet(path: Path, kinds: Mapping[str, pa.DataType], tables: Iterator[pa.Table]) -> None:
    with pyarrow.parquet.ParquetWriter(path, pa.schema(list(kinds.items())), compression="zstd") as writer:
        for table in tables:
            writer.write_table(table, row_group_size=ROWS_A_GROUP)


_WRITERS: Mapping[str, Write] = MappingProxyType({"csv": _csv, "parquet": _parquet})


def _records(key: Key, table: pa.Table, out: IO[bytes]) -> None:
    for batch in table.to_batches(max_chunksize=20_000):
        out.writelines(orjson.dumps(_record(key, row)) + b"\n" for row in batch.to_pylist())


def _record(key: Key, row: dict[str, Any]) -> dict[str, Any]:
    ends = ("id",) if len(key) == 1 else ("head", "tail")
    properties = {name: value for name, value in row.items() if value is not None and name not in ends}
    if len(key) == 1:
        return {"type": "node", "id": row["id"], "labels": [key[0]], "properties": properties}
    return {
        "type": "relationship",
        "label": key[0],
        "start": {"id": row["head"], "labels": [key[1]]},
        "end": {"id": row["tail"], "labels": [key[2]]},
        "properties": properties,
    }
