"""Which format a path is in: the registry of readers, asked in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from graph.errors import InvalidData, NotFound
from graph.sources import folder, movielens, recbole
from graph.sources.chunks import Source

SHOWN = 8


@dataclass(frozen=True)
class Format:
    """A reader: does a folder look like it, open it (`now`: Unix seconds), and what it looks like in words."""

    matches: Callable[[Path], bool]
    open: Callable[[Path, float], Source]
    layout: str


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        folder.NAME: Format(folder.matches, folder.open_source, folder.LAYOUT),
        recbole.NAME: Format(
            recbole.matches, recbole.open_source, "NAME.inter, NAME.item, NAME.user, NAME.kg, NAME.link"
        ),
        movielens.NAME: Format(movielens.matches, movielens.open_source, movielens.LAYOUT),
    }
)


def open_path(path: Path, *, now: float, format: str | None = None) -> Source:  # noqa: A002 - the user's word for it
    """Opens a data set in the format given, or in the one that it looks like.

    Errors: `NotFound` for a path that is not there, `InvalidData` for one that is no folder or in no known format.
    """
    _check_folder(path)
    if format is not None:
        if format not in FORMATS:
            raise InvalidData(
                f"{format!r} is no format", valid=", ".join(FORMATS), remedy="choose one, or leave it out"
            )
        return FORMATS[format].open(path, now)
    for found in FORMATS.values():
        if found.matches(path):
            return found.open(path, now)
    raise InvalidData(
        f"{path} is in no known format; it holds {_contents(path)}",
        valid="; ".join(f"{name}: {one.layout}" for name, one in FORMATS.items()),
        remedy="rename the files to one of these layouts, or name a folder inside it",
    )


def _check_folder(path: Path) -> None:
    if not path.exists():
        raise NotFound(f"there is nothing at {path}", valid="a folder of data files", remedy="check the path")
    if not path.is_dir():
        raise InvalidData(
            f"{path} is a file",
            valid="the folder that holds the data files",
            remedy="give that folder",
        )


def _contents(path: Path) -> str:
    names = sorted(one.name for one in path.iterdir())
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more if names else "nothing"
