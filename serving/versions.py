"""Other versions of the index than the current one, open beside it: what arms and shadows answer from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graph.consent import Defaults
from graph.errors import InterlaceError, NotFound
from serving.foldin import Viewer, viewer
from serving.index import Index, open_index
from serving.index_files import MISSING
from serving.live import Live
from serving.live_holder import LiveHolder


@dataclass(frozen=True)
class _Open:
    index: Index
    holder: LiveHolder


class Versions:
    """One a worker. Each version is opened once (its arrays are mapped: it costs what is read) and has what changed
    since laid over it, as the current one.
    """

    def __init__(self, home: Path, defaults: Defaults) -> None:
        self._home, self._defaults = home, defaults
        self._open: dict[str, _Open] = {}

    def keep(self, versions: Iterable[str]) -> dict[str, InterlaceError]:
        """Opens these, closes all others; returns those that cannot be opened, and why."""
        wanted, failed = set(versions), {}
        found = {version: one for version, one in self._open.items() if version in wanted}
        for version in sorted(wanted - found.keys()):
            try:
                found[version] = _Open(open_index(self._home, version), LiveHolder(self._home, self._defaults))
            except InterlaceError as error:
                failed[version] = error
        gone = [one for version, one in self._open.items() if version not in found]
        self._open = found  # a thread that still answers from one that goes holds it itself
        for one in gone:
            one.holder.close()
        return failed

    def live(self, version: str, current: Live) -> Live:
        """The catalogue by this version; the current one where it is that. `KeyError` for one that is not open."""
        if version == current.index.version:
            return current
        one = self._open[version]
        return one.holder.get(one.index)

    def close(self) -> None:
        self.keep(())


def viewer_by(live: Live, user: str) -> Viewer:
    """A user as a version knows them, who is known to the current one: where it does not, somebody without a past."""
    try:
        return viewer(live, user)
    except NotFound:
        return Viewer(user, MISSING, np.empty(0, np.int32))
