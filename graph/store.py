"""The contract of a graph store, and the one place that knows which store a URL means.

Both adapters speak Neo4j's Cypher over Bolt through the official driver (`graph/bolt.py`); they differ in schema
commands, the bulk path and vector search alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from graph.errors import InvalidData
from graph.schema import Batch, Entity, Interaction, Triple

if TYPE_CHECKING:
    from graph.local_server import LocalOptions

Parameters: TypeAlias = Mapping[str, Any]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Table:
    """Answer of a query: column names and rows, in order."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def dicts(self) -> list[dict[str, Any]]:
        """Rows as dictionaries by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Written:
    """How many nodes and relationships a write or bulk load created or changed."""

    nodes: int
    relationships: int


class Transaction(Protocol):
    """One open transaction: all of its queries take effect, or none."""

    def query(self, query: str, parameters: Parameters | None = None) -> Table: ...


class GraphStore(Protocol):
    """Where the graph lives. Errors: `StoreUnavailable` when it cannot be reached, `InvalidData` for bad Cypher."""

    url: str
    writers: int

    def query(self, query: str, parameters: Parameters | None = None) -> Table:
        """Runs a named query of `graph.queries` (by name) or Cypher text, always with parameters."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction that commits when the block ends and rolls back when it raises."""
        ...

    def transact(self, work: Callable[[Transaction], Answer]) -> Answer:
        """`work(transaction)`, committed; again from its beginning when it met a transient error or a lost connection.

        The answer to a commit may have been lost, so `work` reads what is there before it writes.
        """
        ...

    def write(
        self,
        entities: Sequence[Entity] = (),
        interactions: Sequence[Interaction] = (),
        triples: Sequence[Triple] = (),
        *,
        bump: bool = True,
    ) -> Written:
        """Upserts (MERGE) few things at once, in one transaction. Interactions' users and items must exist.

        Gives the graph a new version (`graph.changes`) where it changes what a snapshot holds; `bump` False inside a
        load, which has a version of its own.
        """
        ...

    def bulk_load(self, batches: Iterable[Batch], progress: Callable[[int], None] | None = None) -> Written:
        """Creates nodes and relationships that are known to be new, by the store's fastest path.

        Nodes of a batch's ends must be loaded before it. `progress` gets the number of rows done since its last call.
        """
        ...

    def relationship_count(self, kind: str) -> int:
        """How many relationships of a type there are, at once whatever the number; 0 where the type is not known."""
        ...

    def ensure_schema(self, labels: Iterable[str]) -> None:
        """Unique constraint on `id` for each label (idempotent)."""
        ...

    def ensure_vector_index(self, label: str, property_name: str, dim: int) -> None:
        """Cosine vector index on a node property (idempotent; replaced when `dim` changed). Call it before writing."""
        ...

    def nearest(self, label: str, property_name: str, vector: Sequence[float], k: int) -> Table:
        """The k nodes nearest by cosine: columns `id`, `score` (the cosine), best first. Approximate for many nodes."""
        ...

    def scrub(self, labels: Iterable[str]) -> None:
        """Takes the bytes of deleted nodes of these labels out of files of this store's own, as far as it has any.

        What a database server keeps of them until it compacts is beyond this. Queries that run meanwhile may have to be
        sent again.
        """
        ...

    def close(self) -> None: ...


NEO4J_SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")


def open_store(
    url: str, *, user: str | None = None, password: str | None = None, local: LocalOptions | None = None
) -> GraphStore:
    """Opens the store that `url` means; close it when done. `user` and `password` are Neo4j's, `local` the local one's.

    `local:FOLDER` is ArcadeDB in that folder (started now when nobody runs it); `bolt://…`, `neo4j://…` and their
    `+s` and `+ssc` forms are Neo4j. Raises `InvalidData` for anything else, `StoreUnavailable` when it is down.
    """
    # Each adapter brings a driver and more: a command that needs neither should not wait for their import.
    scheme, _, rest = url.partition(":")
    if scheme == "local" and rest:
        from graph.local_store import LocalStore

        return LocalStore.open(Path(rest).expanduser(), options=local)
    if scheme in NEO4J_SCHEMES and rest.startswith("//") and len(rest) > len("//"):
        from graph.neo4j_store import Neo4jStore

        return Neo4jStore.open(url, user=user, password=password)
    raise InvalidData(
        f"{url!r} is no graph store",
        valid="local:FOLDER, " + ", ".join(f"{name}://HOST[:PORT]" for name in NEO4J_SCHEMES),
        remedy="correct --store or INTERLACE_STORE",
    )
