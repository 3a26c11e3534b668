"""The contract of a reader: runs a query that passed the guard, read-only and within limits, on either store.

The guard (`graph.guard`) says yes to a text; a reader executes exactly that text behind the store's own barriers; the
formats (`graph.result_…`) write what it answers. `open_reader` is the one place that knows which reader a store needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol, TypeAlias

from graph.errors import Unsupported
from graph.guard.policy import Catalogue, Checked, Policy
from graph.store import GraphStore

DriverRow: TypeAlias = Sequence[Any]


@dataclass(frozen=True)
class ReadLimits:
    """Of one query: `timeout` in seconds, and how many rows are taken from the store."""

    timeout: float = 10.0
    rows: int = 1_000


@dataclass(frozen=True)
class Question:
    """A query as it was sent, and how much may be answered. `embeddings`: whether nodes show theirs."""

    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    limits: ReadLimits = field(default_factory=ReadLimits)
    embeddings: bool = False


class Ticket:
    """The handle by which somebody else, in another thread, ends a query that runs or has not started yet."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ended = False
        self._then: Callable[[], None] | None = None

    def end(self) -> None:
        """Ends the query soon; returns at once. Harmless when it is over."""
        with self._lock:
            self._ended = True
            then = self._then
        if then is not None:
            then()

    @property
    def ended(self) -> bool:
        return self._ended

    def on_end(self, then: Callable[[], None] | None) -> None:
        """What `end` calls; called now when it was ended before."""
        with self._lock:
            self._then = then
            ended = self._ended
        if ended and then is not None:
            then()


class EndedError(Exception):
    """The query was ended by its ticket: nobody waits for the answer."""


@dataclass(frozen=True)
class Counters:
    """How many nodes bear each label, and relationships of each type there are, by the store's own counters."""

    labels: Mapping[str, int]
    types: Mapping[str, int]


@dataclass(frozen=True)
class IndexFacts:
    """An index on nodes. `kind`: `unique`, `range`, `vector`, `fulltext`, …"""

    label: str
    properties: tuple[str, ...]
    kind: str


class Records(Protocol):
    """What a query answers. `truncated` is right once the rows have been read."""

    columns: tuple[str, ...]
    truncated: bool

    def __iter__(self) -> Iterator[DriverRow]:
        """Rows of driver values, at most as many as the limits say; raises as `Reader.read`."""
        ...


class Reader(Protocol):
    """Executes checked texts. Thread-safe; each query has a connection of its own."""

    def read(
        self, checked: Checked, limits: ReadLimits, ticket: Ticket | None = None
    ) -> AbstractContextManager[Records]:
        """Runs the text and never commits.

        Raises `TimedOut`, `InvalidData` (the query is wrong), `Forbidden` (the store saw more than a read),
        `StoreUnavailable`, and `EndedError` when the ticket was ended.
        """
        ...

    def dialect(self, text: str) -> str:
        """The text as this store answers it rightly: mostly as it is. What comes back must pass the guard again."""
        ...

    def own(self, text: str, parameters: Mapping[str, Any], limits: ReadLimits) -> AbstractContextManager[Records]:
        """Runs a query that we wrote: as `read`, without asking the store first whether it only reads."""
        ...

    def catalogue(self) -> Catalogue:
        """Labels, types and property keys of the store, at most some seconds old."""
        ...

    def surveyed(self, policy: Policy) -> Catalogue:
        """The catalogue with what the guard must know to keep what `policy` hides."""
        ...

    def ends(self, element_ids: Sequence[str]) -> dict[str, tuple[list[str], Any]]:
        """Labels and `id` of nodes by the store's own ids: a relationship alone comes without its ends' properties."""
        ...

    def counters(self) -> Counters:
        """Counts that cost nothing to know."""
        ...

    def indexes(self) -> list[IndexFacts]:
        """Indexes on nodes, by label."""
        ...

    def close(self) -> None: ...


def open_reader(store: GraphStore) -> Reader:
    """The reader for this store; close it before the store."""
    # As in open_store: each adapter imports what it alone needs.
    from graph.local_store import LocalStore
    from graph.neo4j_store import Neo4jStore

    if isinstance(store, LocalStore):
        from graph.local_reader import LocalReader

        return LocalReader(store)
    if isinstance(store, Neo4jStore):
        from graph.neo4j_reader import Neo4jReader

        return Neo4jReader(store)
    raise Unsupported(f"no reader for a {type(store).__name__}", valid="a local store or a Neo4j")
