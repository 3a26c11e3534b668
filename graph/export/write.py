"""A graph store into a folder, in one of several formats: whole, or not at all.

Everything is written beside the folder first, and renamed when it is complete.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from types import MappingProxyType

from graph.errors import Conflict, InvalidData, StoreUnavailable
from graph.export import folder
from graph.export.neo4j_csv import write_neo4j_csv
from graph.export.rdf import write_ntriples, write_turtle
from graph.export.read import What, read_graph
from graph.export.recbole import write_recbole
from graph.export.spool import Spool
from graph.schema import Batch
from graph.store import GraphStore

Progress = Callable[[int], None]


@dataclass(frozen=True)
class ExportReport:
    """What was written where. `lost`: what the format cannot hold, in words; empty where it holds everything."""

    format: str
    folder: str
    nodes: dict[str, int]
    relationships: dict[str, int]
    lost: tuple[str, ...]
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Format:
    """Writes what was read into an empty folder; returns what it had to leave out."""

    write: Callable[[Spool, Path], tuple[str, ...] | None]
    layout: str


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "csv": Format(partial(folder.write_tables, ending="csv"), "nodes/LABEL.csv, relationships/TYPE.HEAD.TAIL.csv"),
        "parquet": Format(partial(folder.write_tables, ending="parquet"), "the same as Parquet"),
        "jsonl": Format(folder.write_lines, "graph.jsonl: one node or relationship a line"),
        "ntriples": Format(write_ntriples, "graph.nt: RDF, one statement a line"),
        "turtle": Format(write_turtle, "graph.ttl: RDF with prefixes"),
        "neo4j-csv": Format(write_neo4j_csv, "files and arguments for neo4j-admin database import"),
        "recbole": Format(write_recbole, "NAME.inter, .item, .user, .kg, .link, .net of one platform"),
    }
)


def export_graph(
    store: GraphStore,
    target: Path,
    *,
    format: str,  # noqa: A002 - the user's word for it
    what: What | None = None,
    platform: str | None = None,
    progress: Progress | None = None,
) -> ExportReport:
    """Writes the graph into the new folder `target`. `progress` gets the number of rows read since its last call.

    `platform`: the one to write, for RecBole's files, which hold one.
    Errors: `InvalidData` for a format that is none, `Conflict` when the folder is there and not empty.
    """
    started = time.monotonic()
    if format not in FORMATS:
        raise InvalidData(f"{format!r} is no format", valid=", ".join(FORMATS), remedy="choose one: --format")
    _check_free(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial_folder = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _disk(target, error) from error
    try:
        spool = Spool(partial_folder / "spool")
        spool.add(_counted(read_graph(store, what), progress))
        made = partial_folder / "made"
        made.mkdir()
        write = partial(write_recbole, platform=platform) if format == "recbole" else FORMATS[format].write
        lost = write(spool, made) or ()
        size = sum(one.stat().st_size for one in made.rglob("*") if one.is_file())
        _publish(made, target)
    except OSError as error:
        raise _disk(target, error) from error
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)
    counts = {key: spool.count(key) for key in spool.sorts()}
    return ExportReport(
        format=format,
        folder=str(target),
        nodes={key[0]: count for key, count in counts.items() if len(key) == 1},
        relationships=_by_type(counts),
        lost=lost,
        bytes=size,
        seconds=time.monotonic() - started,
    )


def _by_type(counts: Mapping[tuple[str, ...], int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, count in counts.items():
        if len(key) > 1:
            found[key[0]] = found.get(key[0], 0) + count
    return found


def _counted(batches: Iterable[Batch], progress: Progress | None) -> Iterator[Batch]:
    for batch in batches:
        yield batch
        if progress is not None:
            progress(batch.rows.num_rows)


def _check_free(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Conflict(f"{target} is there already", valid="a new or empty folder", remedy="name another folder")


def _publish(made: Path, target: Path) -> None:
    made.chmod(0o755)
    if target.is_dir():
        target.rmdir()
    made.rename(target)


def _disk(target: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"the disk gave up at {error.filename or target} ({error.strerror or error})",
        valid="a folder that can be written to, with free space",
        remedy="free some space or name another folder; nothing was written",
    )
