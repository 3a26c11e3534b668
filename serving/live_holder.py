"""The index and the changes over it, brought up to date when either moved on: what a worker asks at every request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Lock

from graph.consent import Defaults
from graph.schema import ITEM, USER
from serving.consent import Consents
from serving.events import EventLog, Recent
from serving.index import Index, open_index
from serving.live import Known, Live, known, overlaid
from serving.overlay import Change, Overlay


class LiveHolder:
    """Cheap where nothing happened: one look at the overlay's stamp. `defaults`: what silence means (`consents`)."""

    def __init__(self, home: Path, defaults: Defaults) -> None:
        self.consents = Consents(home, defaults)
        self._overlay = Overlay(home)
        self._lock = Lock()
        self._events = EventLog(home)
        self._changes: dict[tuple[str, str], Change] = {}
        self._read = 0
        self._stamp = 0
        self._live: Live | None = None
        self._known: dict[int, Known] = {}

    def get(self, index: Index) -> Live:
        """The catalogue as it is now, on this index."""
        live = self._live
        if live is not None and live.index is index and self._overlay.stamp() == self._stamp:
            return live
        with self._lock:
            stamp = self._overlay.stamp()  # before reading: what comes after it is read the next time
            if self._live is None or self._live.index is not index or stamp != self._stamp:
                self._live = self._made(index)
                self._stamp = stamp
            return self._live

    def close(self) -> None:
        self.consents.close()
        self._overlay.close()
        self._events.close()

    def _made(self, index: Index) -> Live:
        for change in self._overlay.since(self._read):
            self._changes[change.label, change.id] = change
            self._read = max(self._read, change.sequence)
        log = Recent(self._events, self._events.covered(index.version))
        if not self._changes:
            return Live(index, log=log, consents=self.consents)
        held, applied = self._overlay.covered(index.version), self._overlay.applied()
        self._changes = {key: one for key, one in self._changes.items() if key in applied}
        over = [one for key, one in self._changes.items() if not _is_held(applied[key], held)]
        items, users = ([one for one in over if one.label == label] for label in (ITEM, USER))
        self._known = known(index, items, self._known if self._live and self._live.index is index else {})
        people = {one.id: one for one in users}
        return replace(overlaid(index, items, self._known), people=people, log=log, consents=self.consents)


def _is_held(applied: int | None, held: int) -> bool:
    """Is a change in the graph that an index was made from."""
    return applied is not None and applied <= held


def open_live(home: Path, defaults: Defaults) -> Live:
    """The catalogue of a home as it is now, for a command. Raises what `open_index` does."""
    return LiveHolder(home, defaults).get(open_index(home))
