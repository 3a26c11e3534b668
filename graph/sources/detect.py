"""Which format a path is in: the registry of readers, asked in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from graph.errors import InvalidData, NotFound
from graph.sources import folder, graph_folder, movielens, paired, rdf, recbole
from graph.sources.chunks import Source
from graph.sources.graph_map import GraphMap

SHOWN = 8


@dataclass(frozen=True)
class Format:
    """A reader: does a path look like it, open it (`now`: Unix seconds), and what it looks like in words.

    `mapped`: a general graph, whose words a map may translate. `file`: a single file may be it too.
    """

    matches: Callable[[Path], bool]
    open: Callable[[Path, float, GraphMap], Source]
    layout: str
    mapped: bool = False
    file: bool = False


def _data_set(open_source: Callable[[Path, float], Source]) -> Callable[[Path, float, GraphMap], Source]:
    """A reader whose words have one meaning: no map."""

    def open_without_map(path: Path, now: float, _: GraphMap) -> Source:
        return open_source(path, now)

    return open_without_map


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        folder.NAME: Format(folder.matches, _data_set(folder.open_source), folder.LAYOUT),
        graph_folder.NAME: Format(
            graph_folder.matches, graph_folder.open_source, graph_folder.LAYOUT, mapped=True, file=True
        ),
        recbole.NAME: Format(
            recbole.matches, _data_set(recbole.open_source), "NAME.inter, NAME.item, NAME.user, NAME.kg, NAME.link"
        ),
        movielens.NAME: Format(movielens.matches, _data_set(movielens.open_source), movielens.LAYOUT),
        paired.NAME: Format(paired.matches, _data_set(paired.open_source), paired.LAYOUT),
        rdf.NAME: Format(rdf.matches, rdf.open_source, rdf.LAYOUT, mapped=True, file=True),
    }
)


def open_path(
    path: Path,
    *,
    now: float,
    format: str | None = None,  # noqa: A002 - the user's word for it
    mapping: GraphMap | None = None,
) -> Source:
    """Opens a data set in the format given, or in the one that it looks like.

    Errors: `NotFound` for a path that is not there, `InvalidData` for one that is in no known format.
    """
    name = _format(path, format)
    if mapping and not FORMATS[name].mapped:
        raise InvalidData(
            f"{path} is a data set of the format {name}: its columns have one meaning",
            valid=f"a map for {', '.join(name for name, one in FORMATS.items() if one.mapped)}",
            remedy="leave out --map, --users, --items and --interaction",
        )
    return FORMATS[name].open(path, now, mapping or GraphMap())


def _format(path: Path, name: str | None) -> str:
    if not path.exists():
        raise NotFound(f"there is nothing at {path}", valid="a folder of data files", remedy="check the path")
    if name is not None and name not in FORMATS:
        raise InvalidData(f"{name!r} is no format", valid=", ".join(FORMATS), remedy="choose one, or leave it out")
    for found in [name] if name else FORMATS:
        if (path.is_dir() or FORMATS[found].file) and (name or FORMATS[found].matches(path)):
            return found
    if not path.is_dir():
        raise InvalidData(
            f"{path} is a file",
            valid="the folder that holds the data files",
            remedy="give that folder",
        )
    raise InvalidData(
        f"{path} is in no known format; it holds {_contents(path)}",
        valid="; ".join(f"{name}: {one.layout}" for name, one in FORMATS.items()),
        remedy="rename the files to one of these layouts, or name a folder inside it",
    )


def _contents(path: Path) -> str:
    names = sorted(one.name for one in path.iterdir())
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more if names else "nothing"
