"""The dataset folder: `interactions` or `train`, `valid`, `test`, beside `items`, `users`, `triples`, …

`platforms/NAME/` are such folders too. Each file is CSV, Parquet or JSON Lines, plain or gzip, as its name ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc

from graph.errors import InvalidData, NotFound
from graph.media import SORTS
from graph.sources.chunks import Chunk, Part, Source
from graph.sources.clean import Context, clean
from graph.sources.deletions import clean_deletions
from graph.sources.tables import read_table

NAME = "folder"
ENDINGS = ("csv", "csv.gz", "parquet", "jsonl", "jsonl.gz")
PARTS: tuple[Part, ...] = (
    "users", "items", "links", "interactions", "train", "valid", "test",
    "triples", "friends", "identities", "negatives", "deletions",
)  # fmt: skip
SPLITS = ("interactions", "train", "valid", "test")
MARKS = ("interactions", "train", "deletions")
"""A dataset folder has one of these at least."""
PLATFORMS = "platforms"
LAYOUT = f"interactions or train (valid, test), beside {', '.join(one for one in PARTS if one not in SPLITS)}"


def matches(path: Path) -> bool:
    """Whether it looks like a dataset folder."""
    return (path / PLATFORMS).is_dir() or any(_files(path, part) for part in MARKS)


def open_source(path: Path, now: float) -> Source:
    """The folder and its platforms. Raises `InvalidData` for one that lacks or repeats a file."""
    platforms = tuple(sorted(one.name for one in (path / PLATFORMS).glob("*") if one.is_dir()))
    for folder in [path / PLATFORMS / name for name in platforms] or [path]:
        _check(folder)

    def chunks() -> Iterator[Chunk]:
        yield from _chunks(path, path, Context(now))
        for name in platforms:
            yield from _chunks(path / PLATFORMS / name, path, Context(now, platform=name))

    return Source(NAME, path, chunks, platforms=platforms)


def _check(folder: Path) -> None:
    files = {part: _file(folder, part) for part in PARTS}
    has = {part for part, file in files.items() if file is not None}
    if not has & {*MARKS}:
        raise NotFound(
            f"{folder} holds neither interactions nor train",
            valid=f"{LAYOUT}; each as {', '.join(ENDINGS)}",
            remedy="name its file interactions.csv",
        )
    if "interactions" in has and has & {"train", "valid", "test"}:
        raise InvalidData(
            f"{folder} holds interactions and a fixed split too",
            valid="either interactions, or train with test",
            remedy="take one of them away",
        )


def _chunks(folder: Path, root: Path, context: Context) -> Iterator[Chunk]:
    for part in PARTS:
        path = _file(folder, part)
        if path is not None:
            for chunk in _clean(path, part, path.relative_to(root).as_posix(), context):
                yield _from_root(chunk, folder.relative_to(root)) if folder != root else chunk


def _clean(path: Path, part: Part, file: str, context: Context) -> Iterator[Chunk]:
    if part == "deletions":
        return clean_deletions(read_table(path), file, context)
    return clean(read_table(path), part, path, file, context)


def _from_root(chunk: Chunk, folder: Path) -> Chunk:
    """Media paths of a platform's folder, as paths from the root."""
    rows = chunk.rows
    for name in {*SORTS} & set(rows.column_names) if chunk.part == "items" else ():
        paths = pc.binary_join_element_wise(folder.as_posix(), rows.column(name), "/")
        rows = rows.set_column(rows.column_names.index(name), name, paths)
    return replace(chunk, rows=rows)


def _file(folder: Path, part: str) -> Path | None:
    found = _files(folder, part)
    if len(found) > 1:
        raise InvalidData(
            f"{folder} holds {part} more than once: {', '.join(path.name for path in found)}",
            valid="one file a part",
            remedy="take the others away",
        )
    return found[0] if found else None


def _files(folder: Path, part: str) -> list[Path]:
    return [path for path in (folder / f"{part}.{ending}" for ending in ENDINGS) if path.is_file()]
