"""What every reader yields: a bounded piece of one file, validated, with the rows it refused.

Source files -> `Raw` (`graph.sources.tables`) -> `Chunk` (`graph.sources.clean`) -> batches (`graph.sources.batches`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import pyarrow as pa

from graph.schema import Batch

Part: TypeAlias = Literal[
    "users", "items", "links", "interactions", "train", "valid", "test", "triples", "friends", "identities",
    "negatives", "deletions",
]  # fmt: skip
"""What a file holds. The order is the one in which readers yield them: ends before what points at them."""

INTERACTION_PARTS: tuple[Part, ...] = ("interactions", "train", "valid", "test")

ROW = "__row__"
"""Name of the column that holds the number of the row in its file, from 1 after the header."""

REFUSED_SCHEMA = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class Raw:
    """Rows as the file has them: its own columns, beside the column `ROW`.

    `refused`: what could not be read as a row at all.
    """

    rows: pa.Table
    refused: pa.Table = field(default_factory=REFUSED_SCHEMA.empty_table)


@dataclass(frozen=True)
class Chunk:
    """Canonical rows of one file: native ids, the columns of its part, properties under safe names, and `ROW`.

    `[]` columns are lists of strings, named `Label[]`. `platform`: the name of a `platforms/NAME` folder. `read` counts
    the refused rows too.
    """

    file: str
    part: Part
    rows: pa.Table
    refused: pa.Table
    read: int
    platform: str | None = None


@dataclass(frozen=True)
class GraphChunk:
    """Rows of a general graph: one batch of any label or type, with the number of each row in its file.

    Nodes come before the relationships that join them. `read` counts the refused rows too.
    """

    file: str
    batch: Batch
    numbers: pa.Array
    refused: pa.Table = field(default_factory=REFUSED_SCHEMA.empty_table)
    read: int = 0


def no_chunks() -> Iterator[Chunk]:
    """Of a source that is a graph and no data set."""
    return iter(())


def no_graph() -> Iterator[GraphChunk]:
    """Of a source that is a data set and no graph."""
    return iter(())


@dataclass(frozen=True)
class Source:
    """An opened data set: `chunks()` and `graph()` read it anew each time.

    `posters`: folder of images named by native item id, where there is one. `platforms`: names of `platforms/` folders.
    `whole_ids`: the ids of `graph` are those of the graph already (`platform:native`), and stay as they are. `size`: of
    a source that is no file, about how many bytes of rows it holds.
    """

    format: str
    path: Path
    chunks: Callable[[], Iterator[Chunk]] = no_chunks
    posters: Path | None = None
    platforms: tuple[str, ...] = field(default=())
    graph: Callable[[], Iterator[GraphChunk]] = no_graph
    whole_ids: bool = False
    size: int = 0


def refused_table(numbers: list[int], reasons: list[str], texts: list[str]) -> pa.Table:
    """Refused rows from three lists of equal length."""
    return pa.table([numbers, reasons, texts], schema=REFUSED_SCHEMA)
