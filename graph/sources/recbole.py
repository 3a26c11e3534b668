"""RecBole's atomic files: `NAME.inter`, `.item`, `.user`, `.kg`, `.link`, `.net`; tab-separated, columns `name:type`.

Types: token (text), float, token_seq and float_seq (values separated by blanks). `NAME.train.inter` with its
valid and test is a fixed split. Plots (`items_overview.csv`) and a `posters` folder beside them are read too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import InvalidData, NotFound
from graph.sources.chunks import ROW, Chunk, Part, Raw, Source
from graph.sources.clean import LISTED, SEPARATOR, Context, clean
from graph.sources.extras import overview_chunks, posters_folder, year_from_title
from graph.sources.tables import Dialect, read_table

NAME = "recbole"
LAYOUT = "NAME.inter beside NAME.item, NAME.user, NAME.kg, NAME.link, NAME.net"
TABS = Dialect(delimiter="\t", quoted=False)
ENDINGS: Mapping[str, Part] = MappingProxyType(
    {
        "user": "users",
        "item": "items",
        "link": "links",
        "inter": "interactions",
        "train.inter": "train",
        "valid.inter": "valid",
        "test.inter": "test",
        "kg": "triples",
        "net": "friends",
    }
)

_USER, _ITEM = ("user_id", "uid", "user", "userid"), ("item_id", "iid", "item", "itemid", "movie_id", "artist_id")
_INTERACTION: Mapping[str, tuple[str, ...]] = {
    "user": _USER,
    "item": _ITEM,
    "value": ("rating", "value", "weight", "play_count", "label", "click"),
    "time": ("timestamp", "time", "unix_timestamp"),
    "kind": ("kind", "behavior_type"),
}
COLUMNS: Mapping[Part, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **dict.fromkeys(("interactions", "train", "valid", "test"), _INTERACTION),
        "users": {"user": _USER},
        "items": {
            "item": _ITEM,
            "title": ("movie_title", "title", "name", "item_name", "artist_name", "book_title"),
            "year": ("release_year", "year", "publication_year"),
            "text": ("description", "overview", "text", "summary"),
        },
        "links": {"item": _ITEM, "entity": ("entity_id", "entity")},
        "triples": {
            "head": ("head_id", "head"),
            "relation": ("relation_id", "relation"),
            "tail": ("tail_id", "tail"),
        },
        "friends": {"user": ("source_id", *_USER), "friend": ("target_id", "friend_id", "friend")},
    }
)
"""Our column -> the names it has in published data sets, best first."""

LABELS: Mapping[str, str] = MappingProxyType(
    {"class": "Genre", "genre": "Genre", "genres": "Genre", "categories": "Category", "tags": "Tag"}
)
"""Label of a token_seq column's attribute nodes, where its name in camel case would not do."""


def matches(path: Path) -> bool:
    """Whether it holds atomic files."""
    return any(path.glob("*.inter"))


def open_source(path: Path, now: float) -> Source:
    """The one data set in a folder. Raises `InvalidData` when there are several."""
    stem = _stem(path)
    files = {part: path / f"{stem}.{ending}" for ending, part in ENDINGS.items()}

    def chunks() -> Iterator[Chunk]:
        kind = "movie" if _has_movies(files["items"]) else "item"
        for part, file in files.items():
            if file.is_file():
                raws = map(_named(part, file), read_table(file, TABS))
                yield from clean(raws, part, file, file.name, Context(now, kind))
                if part == "items":
                    yield from overview_chunks(path, Context(now, kind))

    return Source(NAME, path, chunks, posters=posters_folder(path))


def _stem(path: Path) -> str:
    parts = tuple(f".{part}" for part in ("train", "valid", "test"))
    found = sorted({_without(file.name.removesuffix(".inter"), parts) for file in path.glob("*.inter")})
    if not found:
        raise NotFound(f"{path} holds no .inter file", valid="NAME.inter, NAME.item, …", remedy="check the path")
    if len(found) > 1:
        raise InvalidData(
            f"{path} holds several data sets: {', '.join(found)}",
            valid="one data set a folder",
            remedy="move each into a folder of its own",
        )
    return found[0]


def _without(name: str, endings: tuple[str, ...]) -> str:
    return next((name.removesuffix(ending) for ending in endings if name.endswith(ending)), name)


def _has_movies(items: Path) -> bool:
    if not items.is_file():
        return False
    with items.open(encoding="utf-8", errors="replace") as file:
        return "movie_title:" in file.readline()


def _named(part: Part, path: Path) -> Callable[[Raw], Raw]:
    """Renames typed columns to ours and gives each its type."""

    def rename(raw: Raw) -> Raw:
        typed = [_typed(name, path) for name in raw.rows.column_names if name != ROW]
        ours = _ours(part, [name for name, _ in typed])
        columns: dict[str, pa.Array] = {}
        for name, kind in typed:
            column = raw.rows.column(f"{name}:{kind}").combine_chunks()
            columns |= _convert(ours.get(name, name), column, kind, known=name in ours)
        columns[ROW] = raw.rows.column(ROW)
        return Raw(_with_year(pa.table(columns)) if part == "items" else pa.table(columns), raw.refused)

    return rename


def _typed(name: str, path: Path) -> tuple[str, str]:
    plain, _, kind = name.partition(":")
    if kind in {"token", "float", "token_seq", "float_seq"}:
        return plain, kind
    raise InvalidData(
        f"{path}: the column {name!r} has no type",
        valid="name:token, name:float, name:token_seq or name:float_seq",
        remedy="correct the header",
    )


def _ours(part: Part, names: list[str]) -> dict[str, str]:
    """Their name -> our name, for the columns that mean something to us."""
    found: dict[str, str] = {}
    for ours, theirs in COLUMNS[part].items():
        first = next((name for name in theirs if name in names), None)
        if first is not None:
            found[first] = ours
    return found


def _convert(name: str, column: pa.Array, kind: str, *, known: bool) -> dict[str, pa.Array]:
    if kind == "token_seq" and not known:
        label = LABELS.get(name) or "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", name))
        # Their separator is the blank, ours the bar: a value may hold neither.
        return {f"{label}{LISTED}": pc.replace_substring(column, " ", SEPARATOR)}
    if kind == "float_seq":
        return {name: _float_lists(column)}
    if kind == "float" and not known:
        return {name: _floats(column)}
    return {name: column}


def _float_lists(column: pa.Array) -> pa.Array:
    values = [[float(one) for one in text.split()] if text else None for text in column.to_pylist()]
    return pa.array(values, pa.list_(pa.float64()))


def _floats(column: pa.Array) -> pa.Array:
    try:
        return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column).cast(pa.float64())
    except pa.ArrowInvalid:
        return column


def _with_year(rows: pa.Table) -> pa.Table:
    """`release_year` is a token: whatever is no number there is unknown, and the title may tell."""
    if "year" in rows.column_names:
        text = rows.column("year")
        numeric = pc.match_substring_regex(text, r"^\d{1,4}$")
        year = pc.if_else(numeric, text, pa.scalar(None, pa.string()))
        rows = rows.set_column(rows.column_names.index("year"), "year", year)
    return year_from_title(rows) if "title" in rows.column_names else rows
