"""MovieLens' own files: ml-100k (`u.data`, `u.item`, …), ml-1m and ml-10m (`.dat`), the newer CSV releases.

Also ml-1m with its ratings as `ratings.tsv.gz`, and MKR's knowledge graph for it in `kg/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import NotFound
from graph.sources.chunks import ROW, Chunk, Part, Raw, Source
from graph.sources.clean import Context, clean
from graph.sources.extras import overview_chunks, posters_folder, year_from_title
from graph.sources.tables import COMMAS, Dialect, read_table

NAME = "movielens"
LAYOUT = "u.data; or ratings.dat (ratings.tsv.gz) and movies.dat; or ratings.csv and movies.csv"

_RATINGS = ("user", "item", "value", "time")
_PEOPLE = ("user", "gender", "age", "occupation", "zip_code")
_NO_GENRES = "(no genres listed)"
# u.genre lists these, in this order; u.item has one 0/1 column for each.
_GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
_U_ITEM = ("item", "title", "released", "video_released", "imdb_url", *_GENRES)


@dataclass(frozen=True)
class File:
    """One published file: where, what it holds, how it is written, its header's names -> ours."""

    name: str
    part: Part
    dialect: Dialect
    rename: Mapping[str, str] = field(default_factory=dict)
    needed: bool = True


def _old(delimiter: str, *names: str) -> Dialect:
    return Dialect(delimiter=delimiter, quoted=False, encoding="latin-1", names=names)


_DAT_MOVIES = File("movies.dat", "items", _old("::", "item", "title", "Genre[]"))
_DAT_USERS = File("users.dat", "users", _old("::", *_PEOPLE), needed=False)
_KG = (
    File("kg/item_index2entity_id.txt", "links", _old("\t", "item", "entity"), needed=False),
    File("kg/kg.txt", "triples", _old("\t", "head", "relation", "tail"), needed=False),
)
LAYOUTS: Mapping[str, tuple[File, ...]] = MappingProxyType(
    {
        "ml-100k": (
            File("u.user", "users", _old("|", "user", "age", "gender", "occupation", "zip_code"), needed=False),
            File("u.item", "items", _old("|", *_U_ITEM), needed=False),
            File("u.data", "interactions", _old("\t", *_RATINGS)),
        ),
        "ml-1m": (_DAT_USERS, _DAT_MOVIES, File("ratings.dat", "interactions", _old("::", *_RATINGS)), *_KG),
        "ml-1m (tsv)": (_DAT_USERS, _DAT_MOVIES, File("ratings.tsv.gz", "interactions", _old("\t", *_RATINGS)), *_KG),
        "ml-latest": (
            File("movies.csv", "items", COMMAS, {"movieId": "item", "genres": "Genre[]"}),
            File("links.csv", "items", COMMAS, {"movieId": "item", "imdbId": "imdb", "tmdbId": "tmdb"}, needed=False),
            File("tags.csv", "items", COMMAS, {"movieId": "item", "tag": "Tag[]"}, needed=False),
            File(
                "ratings.csv",
                "interactions",
                COMMAS,
                {"userId": "user", "movieId": "item", "rating": "value", "timestamp": "time"},
            ),
        ),
    }
)


def matches(path: Path) -> bool:
    """Whether it holds one of MovieLens' releases."""
    return _layout(path) is not None


def open_source(path: Path, now: float) -> Source:
    """The release in a folder. Raises `NotFound` when there is none."""
    files = _layout(path)
    if files is None:
        needed = "; ".join(", ".join(one.name for one in files if one.needed) for files in LAYOUTS.values())
        raise NotFound(f"{path} holds no MovieLens release", valid=needed, remedy="check the path")
    context = Context(now, "movie")

    def chunks() -> Iterator[Chunk]:
        for one in files:
            file = path / one.name
            if file.is_file():
                raws = map(_named(one), read_table(file, one.dialect))
                yield from clean(raws, one.part, file, one.name, context)
                if one.part == "items" and "title" in (*one.dialect.names, "title"):
                    yield from overview_chunks(path, context)

    return Source(NAME, path, chunks, posters=posters_folder(path))


def _layout(path: Path) -> tuple[File, ...] | None:
    for files in LAYOUTS.values():
        if all((path / one.name).is_file() for one in files if one.needed):
            return files
    return None


def _named(file: File) -> Callable[[Raw], Raw]:
    def rename(raw: Raw) -> Raw:
        rows = raw.rows.rename_columns([file.rename.get(name, name) for name in raw.rows.column_names])
        if file.name == "u.item":
            rows = _flags_to_genres(rows)
        if file.name == "tags.csv":
            rows = _one_tag_a_row(rows)
        if file.name == "movies.csv":
            listed = pc.if_else(pc.equal(rows.column("Genre[]"), _NO_GENRES), "", rows.column("Genre[]"))
            rows = rows.set_column(rows.column_names.index("Genre[]"), "Genre[]", listed)
        return Raw(year_from_title(rows) if "title" in rows.column_names else rows, raw.refused)

    return rename


def _flags_to_genres(rows: pa.Table) -> pa.Table:
    named = [pc.if_else(pc.equal(rows.column(genre), "1"), genre, "") for genre in _GENRES]
    kept = rows.drop_columns(list(_GENRES))
    return kept.append_column("Genre[]", pc.binary_join_element_wise(*named, "|"))


def _one_tag_a_row(rows: pa.Table) -> pa.Table:
    """A tag is free text: it may hold the bar that separates lists."""
    tags = rows.column("Tag[]").combine_chunks()
    single = pa.ListArray.from_arrays(pa.array(range(len(tags) + 1), pa.int32()), tags)
    return pa.table({"item": rows.column("item"), "Tag[]": single, ROW: rows.column(ROW)})
