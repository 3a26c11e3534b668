"""What both graph stores share: Cypher over Bolt through the official driver.

`graph.local_store` and `graph.neo4j_store` derive from `BoltStore` and add schema commands, the bulk path and vector
search. Driver values leave here as plain Python, driver errors as `graph.errors`.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

import neo4j
from neo4j.exceptions import DriverError, Neo4jError, ServiceUnavailable, SessionExpired

from graph import changes
from graph.bolt_errors import is_transient, translate
from graph.bolt_values import plain_row
from graph.errors import InvalidData
from graph.queries import QUERIES, text_of
from graph.schema import GRAPH_CHANGE, Entity, Interaction, Triple, safe_name
from graph.store import Parameters, Table, Written
from graph.upsert import Upsert, upserts

ATTEMPTS = 6
ATTEMPTS_OF_A_WRITER = 24
"""Of one of several that write at once: on Neo4j they meet each other's locks, and one of two has to begin again."""
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0

Answer = TypeVar("Answer")


class BareTransaction:
    """One open transaction whose errors are the driver's own: for `transact`, which knows which of them pass."""

    def __init__(self, transaction: neo4j.Transaction, url: str) -> None:
        self._transaction = transaction
        self._url = url

    def query(self, query: str, parameters: Parameters | None = None) -> Table:
        """As `GraphStore.query`, inside the transaction. Never retried alone: the block is the unit."""
        return _table(self._transaction.run(cypher(query), dict(parameters or {})))


class BoltTransaction(BareTransaction):
    """One open transaction of a `BoltStore`."""

    def query(self, query: str, parameters: Parameters | None = None) -> Table:
        """As `BareTransaction.query`, its errors ours."""
        try:
            return super().query(query, parameters)
        except (DriverError, Neo4jError) as error:
            raise translate(error, self._url, cypher(query)) from error


class BoltStore(ABC):
    """A graph store behind a Bolt driver. Thread-safe, as the driver is; a child process must open its own."""

    writers = 1
    """How many transactions that write at once pay off: the local store takes twice as long for two."""

    def __init__(self, url: str, driver: neo4j.Driver, database: str) -> None:
        self.url = url
        self._driver = driver
        self._database = database
        self._labels: frozenset[str] = frozenset()
        self._changing = Lock()

    def query(self, query: str, parameters: Parameters | None = None) -> Table:
        """Runs a named query or Cypher text in a transaction of its own, again when it meets a transient error."""
        text = cypher(query)

        def run() -> Table:
            with self._session() as session:
                return _table(session.run(text, dict(parameters or {})))

        return self._with_retries(run, text)

    @contextmanager
    def transaction(self) -> Iterator[BoltTransaction]:
        """Commits when the block ends, rolls back when it raises."""
        try:
            with self._session() as session, session.begin_transaction() as transaction:
                yield BoltTransaction(transaction, self.url)
                transaction.commit()
        except (DriverError, Neo4jError) as error:
            raise translate(error, self.url, "transaction") from error

    def transact(self, work: Callable[[BareTransaction], Answer]) -> Answer:
        """See `GraphStore.transact`."""

        def run() -> Answer:
            with self._session() as session, session.begin_transaction() as transaction:
                answer = work(BareTransaction(transaction, self.url))
                transaction.commit()
                return answer

        return self._with_retries(run, "transaction", attempts=ATTEMPTS_OF_A_WRITER)

    def write(
        self,
        entities: Sequence[Entity] = (),
        interactions: Sequence[Interaction] = (),
        triples: Sequence[Triple] = (),
        *,
        bump: bool = True,
    ) -> Written:
        """Upserts in one transaction. Raises `InvalidData` where an end of a relationship is missing."""
        bump = bump and changes.concerns_snapshots(entities, interactions, triples)
        self._prepare({*(entity.label for entity in entities), *([GRAPH_CHANGE] if bump else ())})
        steps = upserts(entities, interactions, triples)

        def run() -> Written:
            with self._session() as session, session.begin_transaction() as transaction:
                if bump:
                    transaction.run(cypher("change_bump"), changes.bump_parameters()).consume()
                done = [_apply(step, transaction) for step in steps]
                transaction.commit()
                return Written(sum(w.nodes for w in done), sum(w.relationships for w in done))

        if not bump:
            return self._with_retries(run, "write")
        with self._changing:  # All writes meet at the one node of the change log: threads wait instead of retrying.
            return self._with_retries(run, "write")

    @abstractmethod
    def ensure_schema(self, labels: Iterable[str]) -> None:
        """See `GraphStore.ensure_schema`: each adapter's own."""

    def relationship_count(self, kind: str) -> int:
        """See `GraphStore.relationship_count`."""
        return int(self.query(f"MATCH ()-[r:`{safe_name(kind)}`]->() RETURN count(r) AS relationships").rows[0][0])

    def close(self) -> None:
        """Closes the connections. The store cannot be used afterwards."""
        self._driver.close()

    def _prepare(self, labels: set[str]) -> None:
        """Indexes for labels that this store object has not prepared yet: a MERGE without one scans."""
        missing = labels - self._labels
        if missing:
            self.ensure_schema(sorted(missing))
            self._labels |= missing

    def _session(self) -> neo4j.Session:
        return self._driver.session(database=self._database)

    def _with_retries(self, run: Callable[[], Answer], text: str, *, attempts: int = ATTEMPTS) -> Answer:
        recovered = False
        for attempt in range(attempts):
            try:
                return run()
            except (ServiceUnavailable, SessionExpired) as error:
                if recovered or not self._recover():
                    raise translate(error, self.url, text) from error
                recovered = True
            except (DriverError, Neo4jError) as error:
                if attempt == attempts - 1 or not is_transient(error):
                    raise translate(error, self.url, text) from error
                # By chance, so that those who met do not meet again.
                time.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _recover(self) -> bool:
        """Called when the store does not answer: whether one more attempt may find it."""
        time.sleep(FIRST_PAUSE)
        return True


def cypher(query: str) -> str:
    """Text of a named query, or the text given; raises `InvalidData` for a name that does not exist."""
    text = text_of(query)
    if text is None:
        raise InvalidData(
            f"no query is named {query!r}",
            valid=", ".join(sorted(QUERIES)),
            remedy="use one of these names, or Cypher text",
        )
    return text


def _table(result: neo4j.Result) -> Table:
    return Table(tuple(result.keys()), [plain_row(values) for values in result.values()])


def _apply(step: Upsert, transaction: neo4j.Transaction) -> Written:
    found = transaction.run(step.cypher, {"rows": step.rows}).single(strict=True)[0]
    if found != len(step.rows):
        raise _missing_end(step, transaction)
    return Written(0, found) if step.ends else Written(found, 0)


def _missing_end(step: Upsert, transaction: neo4j.Transaction) -> InvalidData:
    for text, key, label in step.ends:
        wanted = sorted({row[key] for row in step.rows})
        there = {row[0] for row in transaction.run(text, {"ids": wanted}).values()}
        missing = [name for name in wanted if name not in there]
        if missing:
            return InvalidData(
                f"no {label} node with id {missing[0]!r} ({len(missing)} of {len(wanted)} are missing)",
                valid="ids of nodes that are in the graph",
                remedy=f"write the {label} nodes first, in the same call or before",
            )
    return InvalidData(
        "an end of a relationship is there twice", valid="one node per label and id", remedy="ingest anew"
    )
