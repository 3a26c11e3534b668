"""What a home was filled from: `interlace ingest` remembers each source, `interlace refresh` reads them again.

`HOME/sources.json`, written by rename: a reader sees the old list or the new one. A source is told apart by its path,
its platform and the store it went into; ingesting it again with other options replaces what was remembered.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from graph.errors import Conflict, NotFound
from serving.steps import files_version

FILE = "sources.json"
FORMAT = 1


@dataclass(frozen=True)
class Source:
    """One data set as `interlace ingest` was told to read it. `store`: the URL it went into, empty for any.

    `sync`: what has vanished from its files is deleted from the graph too. `posters`: folder of images by item id.
    """

    path: Path
    platform: str
    format: str | None = None
    posters: Path | None = None
    sync: bool = False
    same_users: bool = False
    max_refused: float = 0.01
    store: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two sources the same one."""
        return str(self.path), self.platform, self.store

    def version(self) -> str:
        """Changes with any file of the source or of its posters. Raises `NotFound` when either has vanished."""
        paths = [self.path] if self.posters is None else [self.path, self.posters]
        for path in paths:
            if not path.exists():
                raise _vanished(self, path)
        return files_version(paths)


def remember(home: Path, source: Source) -> None:
    """Adds a source to the home's list, in place of one with the same path, platform and store."""
    source = replace(source, path=source.path.resolve(), posters=source.posters and source.posters.resolve())
    known = {one.key: one for one in sources(home)}
    _write(home, [*({**known, source.key: source}).values()])


def forget(home: Path, path: Path) -> bool:
    """Takes the source at `path` from the list; says whether it was there. The graph keeps what came from it."""
    known = sources(home)
    kept = [one for one in known if one.path != path.resolve()]
    if len(kept) < len(known):
        _write(home, kept)
    return len(kept) < len(known)


def sources(home: Path, store: str = "") -> tuple[Source, ...]:
    """The remembered sources, in the order in which they came; with `store`, those that belong to it.

    Raises `Conflict` for a list that cannot be read.
    """
    path = home / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = tuple(map(_source, document["sources"])) if document["format"] == FORMAT else None
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    if found is None:
        raise _damaged(path)
    return tuple(one for one in found if not store or one.store in ("", store))


def _source(fields: Mapping[str, Any]) -> Source:
    posters = fields.get("posters")
    return Source(**{**fields, "path": Path(fields["path"]), "posters": None if posters is None else Path(posters)})


def _write(home: Path, found: list[Source]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    document = {"format": FORMAT, "sources": [asdict(one) for one in found]}
    temporary = home / f".{FILE}-{os.getpid()}"
    temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False, default=str), encoding="utf-8")
    temporary.replace(home / FILE)


def _vanished(source: Source, path: Path) -> NotFound:
    return NotFound(
        f"the source {str(path)!r} of platform {source.platform!r} has vanished",
        valid="the folder or file that `interlace ingest` read",
        remedy=f"put it back, or interlace refresh --forget {source.path}",
    )


def _damaged(path: Path) -> Conflict:
    return Conflict(
        f"{path} cannot be read",
        valid="the list as this version writes it",
        remedy="delete it and ingest each source once more",
    )
