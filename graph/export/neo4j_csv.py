"""The graph as files for Neo4j's own importer (`neo4j-admin database import full`), and as CSV to read again.

One file a label and one a type, with the importer's typed headers; ids live in a space of their label, so that equal
ids of two labels stay apart. `import.args` holds the arguments of the importer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from graph.export.spool import Key, Spool

DELIMITER = "\x1f"
"""Between the values of a list: a control character that texts do not hold (where they do, `Lost` says so)."""
ARGUMENTS = "import.args"
_NAMES = {pa.int64(): "long", pa.float64(): "double", pa.bool_(): "boolean"}


def write_neo4j_csv(spool: Spool, folder: Path) -> tuple[str, ...]:
    """The files of a graph. Returns what they cannot hold."""
    lost: dict[str, None] = {}
    arguments = [f"--array-delimiter=U+{ord(DELIMITER):04X}", "--multiline-fields=true", "--id-type=string"]
    for key in spool.sorts():
        path = folder / f"{'nodes' if len(key) == 1 else 'relationships'}.{'.'.join(key)}.csv"
        kinds = spool.columns(key)
        _write(path, key, kinds, spool.tables(key), lost)
        option = f"--nodes={key[0]}" if len(key) == 1 else f"--relationships={key[0]}"
        arguments.append(f"{option}={path.name}")
    (folder / ARGUMENTS).write_text("\n".join(arguments) + "\n", encoding="utf-8")
    return tuple(lost)


def _write(
    path: Path, key: Key, kinds: Mapping[str, pa.DataType], tables: Iterator[pa.Table], lost: dict[str, None]
) -> None:
    names = [_header(key, name, kind) for name, kind in kinds.items()]
    flat = [pa.string() if pa.types.is_list(kind) else kind for kind in kinds.values()]
    schema = pa.schema(list(zip(names, flat, strict=True)))
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    with pyarrow.csv.CSVWriter(str(path), schema, write_options=options) as writer:
        for table in tables:
            columns = [_cells(column.combine_chunks(), lost) for column in table.columns]
            writer.write_table(pa.table(columns, schema=schema))


def _header(key: Key, name: str, kind: pa.DataType) -> str:
    if len(key) == 1 and name == "id":
        return f"id:ID({key[0]})"
    if len(key) > 1 and name in {"head", "tail"}:
        return f":START_ID({key[1]})" if name == "head" else f":END_ID({key[2]})"
    if pa.types.is_list(kind):
        return f"{name}:{_NAMES.get(kind.value_type, 'string')}[]"
    return f"{name}:{_NAMES.get(kind, 'string')}"


def _cells(column: pa.Array, lost: dict[str, None]) -> pa.Array:
    """Lists joined; what the importer cannot tell from nothing is named in `lost`."""
    if pa.types.is_string(column.type):
        if pc.any(pc.equal(column, ""), min_count=0).as_py():
            lost["empty texts as property values (the importer reads them as no value)"] = None
        return column
    if not pa.types.is_list(column.type):
        return column
    if pc.any(pc.equal(pc.list_value_length(column), 0), min_count=0).as_py():
        lost["empty lists (the importer reads them as no value)"] = None
    texts = column.cast(pa.list_(pa.string()))
    if pc.any(pc.match_substring(texts.flatten(), DELIMITER), min_count=0).as_py():
        lost["the control character U+001F inside lists"] = None
    filled = pc.greater(pc.list_value_length(column), 0)
    return pc.if_else(filled, pc.binary_join(texts, DELIMITER), pa.scalar(None, pa.string()))
