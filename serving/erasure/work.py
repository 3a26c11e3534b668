"""What every place of an erasure works with: who is erased, the home, the graph, and names in place of theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from graph.erased import key_of, pseudonym
from graph.store import GraphStore
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.progress import Reporter

Counts: TypeAlias = Mapping[str, int]
"""What was removed, by what it is: `{"rows": 3}`."""


@dataclass(frozen=True)
class Work:
    """The people of one erasure. `users`: all of their ids; `open_graph` gives a store that is open already."""

    settings: Settings
    users: tuple[str, ...]
    persons: tuple[str, ...]
    open_graph: Callable[[], GraphStore]
    reporter: Reporter | None = None

    @property
    def home(self) -> Path:
        return self.settings.home

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.users)

    @cached_property
    def key(self) -> bytes:
        return key_of(self.home)

    def pseudonym(self, user: str) -> str:
        """What stands for a user where something has to."""
        return pseudonym(self.key, user)


@dataclass(frozen=True)
class Place:
    """One place. `erase` does it whole, and again with no harm; `files`: what of a home it answers for (globs)."""

    name: str
    what: str
    erase: Callable[[Work], Counts]
    files: tuple[str, ...] = ()


@contextmanager
def graph_of(settings: Settings, there: GraphStore | None = None) -> Iterator[Callable[[], GraphStore]]:
    """The graph store: `there`, or else opened at its first use and closed at the end."""
    from serving.connect import connect

    opened: list[GraphStore] = []

    def get() -> GraphStore:
        if there is not None:
            return there
        if not opened:
            opened.append(connect(settings))
        return opened[0]

    try:
        yield get
    finally:
        for one in opened:
            one.close()
