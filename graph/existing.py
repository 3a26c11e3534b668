"""What of the staged rows a store holds already: nodes by id, relationships by head, tail and time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.queries_ingest import edges_there, nodes_there
from graph.schema import safe_name
from graph.snapshot import NO_TIME
from graph.stage import Edges
from graph.store import Parameters, Table

IDS_A_QUERY = 5_000
HEADS_A_QUERY = 1_000


class Queries(Protocol):
    """What planning needs of a store: that it answers."""

    def query(self, query: str, parameters: Parameters | None = None) -> Table:
        """As `GraphStore.query`."""
        ...


class NoStore:
    """A store that holds nothing: what there is to compare with before the first load."""

    def query(self, query: str, parameters: Parameters | None = None) -> Table:  # noqa: ARG002 - as of a store
        """No rows."""
        return Table((), [])


def nodes_by_id(store: Queries, label: str, ids: pa.Array, names: Sequence[str]) -> dict[str, list[Any]]:
    """The nodes among `ids` that exist -> their values of the properties `names`."""
    text = nodes_there(safe_name(label), [safe_name(name) for name in names])
    found: dict[str, list[Any]] = {}
    for part in _parts(ids, IDS_A_QUERY):
        found |= {row[0]: row[1] for row in store.query(text, {"ids": part})}
    return found


def unknown_time(times: pa.Array | None, rows: int) -> NDArray[np.int64]:
    """Times as int64 with `NO_TIME` where unknown; all unknown where there is no such column."""
    if times is None or pa.types.is_null(times.type):
        return np.full(rows, NO_TIME, np.int64)
    found: NDArray[np.int64] = pc.fill_null(times, NO_TIME).to_numpy(zero_copy_only=False)
    return found


@dataclass(frozen=True)
class Codes:
    """Relationships as numbers: their ends' places among `heads` and `tails`, and their time."""

    heads: pa.Array
    tails: pa.Array

    def keys(self, head: pa.Array, tail: pa.Array, time: NDArray[np.int64]) -> NDArray[np.void]:
        """One comparable key a relationship; an end that is not known gets a key that nothing else has."""
        keys = np.empty(len(time), dtype=[("head", np.int32), ("tail", np.int32), ("time", np.int64)])
        keys["head"] = pc.fill_null(pc.index_in(head, value_set=self.heads), -1).to_numpy(zero_copy_only=False)
        keys["tail"] = pc.fill_null(pc.index_in(tail, value_set=self.tails), -1).to_numpy(zero_copy_only=False)
        keys["time"] = time
        return keys


@dataclass(frozen=True)
class There:
    """Relationships that a store holds. `properties`: of each, the values that were asked for by name."""

    head: pa.Array
    tail: pa.Array
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    properties: list[list[Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.time)


def edges_of(store: Queries, key: Edges, heads: pa.Array, names: Sequence[str] = ()) -> There:
    """All relationships of a type out of the given heads, each with its properties `names`."""
    kind, head, tail = map(safe_name, key)
    text = edges_there(kind, head, tail, [safe_name(name) for name in names])
    rows: list[tuple[Any, ...]] = []
    for part in _parts(heads, HEADS_A_QUERY):
        rows.extend(store.query(text, {"ids": part, "nan": float("nan"), "none": NO_TIME}).rows)
    lengths = [len(row[1]) for row in rows]
    places: NDArray[np.int64] = np.repeat(np.arange(len(rows)), lengths)
    return There(
        head=pa.array([row[0] for row in rows], pa.string()).take(pa.array(places)),
        tail=pa.array(list(chain.from_iterable(row[1] for row in rows)), pa.string()),
        value=np.array(list(chain.from_iterable(row[2] for row in rows)), np.float64),
        time=np.array(list(chain.from_iterable(row[3] for row in rows)), np.int64),
        properties=list(chain.from_iterable(row[4] for row in rows)),
    )


def _parts(ids: pa.Array, size: int) -> Iterator[list[str]]:
    for start in range(0, len(ids), size):
        yield ids.slice(start, size).to_pylist()
