"""A graph store whose queries are spans: named queries by their name, other Cypher without its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graph.queries import QUERIES
from graph.store import GraphStore, Parameters, Table
from serving.observe.record import Trace

CYPHER = "cypher"


class TracedStore:
    """Everything but `query` is the store's own."""

    def __init__(self, store: GraphStore, trace: Trace) -> None:
        self._store, self._trace = store, trace

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    else:

        def __getattr__(self, name):
            return getattr(self._store, name)

    def query(self, query: str, parameters: Parameters | None = None) -> Table:
        """As the store's; the span is `store NAME`."""
        span = self._trace.begin(f"store {query if query in QUERIES else CYPHER}")
        try:
            found = self._store.query(query, parameters)
        except BaseException as error:
            self._trace.end(span, error)
            raise
        self._trace.end(span, None)
        return found
