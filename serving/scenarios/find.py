"""The scenarios of a home: those that are shipped, and over them the user's own, `HOME/scenarios/NAME.yaml`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock

from graph.errors import InterlaceError, NotFound
from serving.scenarios.file import read_preset
from serving.scenarios.preset import Preset

SHIPPED = Path(__file__).parent / "presets"
FOLDER = "scenarios"
ENDING = ".yaml"
log = logging.getLogger("interlace.scenarios")


class Scenarios:
    """Files, read when they have changed. One with a mistake is logged and left out of lists; asked for, it raises."""

    def __init__(self, home: Path) -> None:
        self._own = home / FOLDER
        self._lock = Lock()
        self._read: dict[Path, tuple[tuple[int, int], Preset | InterlaceError]] = {}

    def all(self) -> Mapping[str, Preset]:
        """By name, in order of names."""
        read = {path.stem: self._preset(path) for path in self._paths()}
        return {name: one for name, one in sorted(read.items()) if isinstance(one, Preset)}

    def get(self, name: str) -> Preset:
        """Raises `NotFound` for a name that there is not, `InvalidData` for a file with a mistake."""
        for path in reversed(list(self._paths())):
            if path.stem == name:
                found = self._preset(path)
                if isinstance(found, InterlaceError):
                    raise found
                return found
        raise NotFound(f"no scenario {name!r}", valid=", ".join(self.all()),
                       remedy=f"name one of these, or write {FOLDER}/{name}{ENDING} in the home folder")  # fmt: skip

    def _paths(self) -> Iterator[Path]:
        """Ours, then the home's own, which stand over them."""
        for folder in (SHIPPED, self._own):
            yield from sorted(folder.glob(f"*{ENDING}"))

    def _preset(self, path: Path) -> Preset | InterlaceError:
        status = path.stat()
        stamp = status.st_mtime_ns, status.st_size
        with self._lock:
            known = self._read.get(path)
            if known is None or known[0] != stamp:
                known = stamp, self._checked(path)
                self._read[path] = known
            return known[1]

    def _checked(self, path: Path) -> Preset | InterlaceError:
        try:
            return read_preset(path, own=path.parent == self._own)
        except InterlaceError as error:
            log.warning("a scenario cannot be used: %s", error)
            return error
