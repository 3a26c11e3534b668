"""The graph folder: any labels and relationship types, as `interlace export-graph` writes them.

    graph.json                            says that ids are whole (`platform:native`); without it they are native
    nodes/LABEL.csv                       id, one column a property (`title`, `year:int`, `tags:string[]`)
    relationships/TYPE.HEAD.TAIL.csv      head, tail, one column a property
    graph.jsonl                           in their place: one node or relationship a line

Each table is CSV, Parquet or JSON Lines, plain or gzip, or a folder of such files (`nodes/LABEL/000.parquet`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from graph.errors import InvalidData, NotFound
from graph.schema import safe_name
from graph.sources import graph_lines
from graph.sources.chunks import ROW, GraphChunk, Raw, Source
from graph.sources.graph_map import GraphMap
from graph.sources.graph_rows import Rows, graph_chunk, only_refused
from graph.sources.graph_values import from_text, normal, split_name
from graph.sources.tables import Dialect, read_table
from graph.sources.values import Checks

NAME = "graph"
ENDINGS = ("csv", "csv.gz", "parquet", "jsonl", "jsonl.gz")
NODES, EDGES, ABOUT = "nodes", "relationships", "graph.json"
LAYOUT = f"{NODES}/LABEL.csv and {EDGES}/TYPE.HEAD.TAIL.csv, or graph.jsonl"
COMMAS = Dialect(nulls=True)


def matches(path: Path) -> bool:
    """Whether it looks like a graph."""
    return (path / NODES).is_dir() or (path / EDGES).is_dir() or graph_lines.file_in(path) is not None


def open_source(path: Path, now: float, mapping: GraphMap) -> Source:
    """The graph in a folder, or in one file of records. Raises `InvalidData` for a table that is named wrongly."""
    lines = graph_lines.file_in(path)
    tables = [] if lines else [*_tables(path / NODES, 1), *_tables(path / EDGES, 3)]
    if not lines and not tables:
        raise NotFound(f"{path} holds no graph", valid=LAYOUT, remedy="check the path")

    def chunks() -> Iterator[GraphChunk]:
        if lines is not None:
            yield from graph_lines.chunks(lines, lines.name, mapping=mapping, now=now)
        for file, key in tables:
            yield from _read(file, file.relative_to(path).as_posix(), key, mapping, now)

    folder = path if path.is_dir() else path.parent
    return Source(NAME, folder, graph=chunks, whole_ids=has_whole_ids(folder) and not mapping)


def has_whole_ids(folder: Path) -> bool:
    """Whether the folder's `graph.json` says so."""
    file = folder / ABOUT
    if not file.is_file():
        return False
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidData(f"{file} is not JSON ({error})", valid="JSON", remedy="export again") from error
    return isinstance(about, dict) and about.get("ids") == "whole"


def _tables(folder: Path, parts: int) -> list[tuple[Path, tuple[str, ...]]]:
    """Files of a folder with what their names say they hold, in order."""
    found: list[tuple[Path, tuple[str, ...]]] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        files = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
        found += [(file, _key(path, parts)) for file in files if _ending(file)]
    return found


def _key(path: Path, parts: int) -> tuple[str, ...]:
    stem = path.name.removesuffix(f".{_ending(path)}") if path.is_file() else path.name
    names = tuple(stem.split("."))
    if len(names) != parts:
        valid = "LABEL.csv" if parts == 1 else "TYPE.HEAD.TAIL.csv, such as RATED.User.Item.csv"
        raise InvalidData(f"{path} is not named for what it holds", valid=valid, remedy="rename it")
    return tuple(map(safe_name, names))


def _ending(path: Path) -> str:
    return next((ending for ending in sorted(ENDINGS, key=len, reverse=True) if path.name.endswith(f".{ending}")), "")


def _read(path: Path, file: str, key: tuple[str, ...], mapping: GraphMap, now: float) -> Iterator[GraphChunk]:
    typed = _ending(path).startswith("csv")
    for raw in read_table(path, COMMAS):
        if not raw.rows.num_rows:
            yield only_refused(file, raw.refused, raw.refused.num_rows)
            continue
        kinds, rows = _kinds(raw, file) if typed else ({}, raw.rows)

        def convert(column: pa.Array, name: str, checks: Checks, kinds: dict[str, str] = kinds) -> pa.Array:
            return from_text(column, kinds[name], name, checks) if typed else normal(column, name, checks)

        yield graph_chunk(Rows(file, key, rows, raw.refused), mapping=mapping, now=now, convert=convert)


def _kinds(raw: Raw, file: str) -> tuple[dict[str, str], pa.Table]:
    """Kind of each column of a CSV file, and its rows under the plain names."""
    pairs = {name: split_name(name, file=file) for name in raw.rows.column_names if name != ROW}
    names = [pairs[name][0] if name in pairs else name for name in raw.rows.column_names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        what = f"{file} has the property {twice[0]!r} twice"
        raise InvalidData(what, valid="one column a property", remedy="rename one")
    return dict(pairs.values()), raw.rows.rename_columns(names)
