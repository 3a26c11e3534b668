"""What public movie data often has beside its own files: years in titles, plots, a folder of posters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import InvalidData
from graph.sources.chunks import Chunk, Raw
from graph.sources.clean import Context, clean
from graph.sources.tables import read_table

PLOTS = "items_overview.csv"
POSTERS = "posters"
_YEAR = r"^(?P<title>.*?)\s*\((?P<year>\d{4})\)\s*$"


def year_from_title(rows: pa.Table) -> pa.Table:
    """`Toy Story (1995)` becomes the title `Toy Story` and, where no year is given, the year 1995."""
    found = pc.extract_regex(rows.column("title").combine_chunks(), _YEAR)
    title = pc.coalesce(pc.struct_field(found, "title"), rows.column("title").combine_chunks())
    year = pc.struct_field(found, "year")
    rows = rows.set_column(rows.column_names.index("title"), "title", title)
    if "year" not in rows.column_names:
        return rows.append_column("year", year)
    given = rows.column("year").combine_chunks().cast(pa.string())
    return rows.set_column(rows.column_names.index("year"), "year", pc.coalesce(given, year))


def posters_folder(path: Path) -> Path | None:
    """The folder `posters` beside the files, where there is one."""
    folder = path / POSTERS
    return folder if folder.is_dir() else None


def overview_chunks(path: Path, context: Context) -> Iterator[Chunk]:
    """Plots of `items_overview.csv` (columns `movie_id`, `overview`) as the items' text."""
    file = path / PLOTS
    if not file.is_file():
        return
    yield from clean((_plots(raw, file) for raw in read_table(file)), "items", file, PLOTS, context)


def _plots(raw: Raw, file: Path) -> Raw:
    missing = {"movie_id", "overview"} - set(raw.rows.column_names)
    if missing:
        raise InvalidData(
            f"{file} has no column {min(missing)!r}", valid="the columns movie_id and overview", remedy="rename it"
        )
    rows = raw.rows.select(["movie_id", "overview", "__row__"]).rename_columns(["item", "text", "__row__"])
    return Raw(rows, raw.refused)
