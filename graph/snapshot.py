"""The graph frozen as arrays: what training, evaluation and the index read instead of the store.

Second arrow of the flow. `graph.snapshot_read` fills one from a store or straight from a dataset folder. The order of
everything is canonical (ids sorted, interactions by user, time, item, kind, value), so the same data gives the same
content hash whichever store it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graph.errors import NotFound

if TYPE_CHECKING:
    import pyarrow as pa

NO_TIME = np.iinfo(np.int64).min
"""Stands for an unknown time in `Interactions.time`."""


@dataclass(frozen=True)
class IdMap:
    """Sorted ids <-> positions 0..n-1."""

    ids: tuple[str, ...]
    what: str = "id"

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.ids)}

    def position(self, name: str) -> int:
        """Raises `NotFound` for an id that is not there."""
        found = self.positions.get(name)
        if found is None:
            example = f"for example {self.ids[0]!r}" if self.ids else "none: it is empty"
            raise NotFound(
                f"no {self.what} {name!r} in this snapshot",
                valid=f"one of its {len(self.ids)} ids, {example}",
                remedy="check the id (platform:native), or ingest the data that holds it",
            )
        return found


@dataclass(frozen=True)
class Interactions:
    """Columns of equal length. `kind` indexes `graph.schema.KINDS`; `value` NaN and `time` `NO_TIME` where unknown."""

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    kind: NDArray[np.int8]
    value: NDArray[np.float32]
    time: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Interactions:
        """The rows given by positions or by a mask."""
        return Interactions(self.user[rows], self.item[rows], self.kind[rows], self.value[rows], self.time[rows])


@dataclass(frozen=True)
class Triples:
    """head -relation-> tail over one node space: items are 0..n_items-1, attribute entities n_items and up."""

    head: NDArray[np.int32]
    relation: NDArray[np.int16]
    tail: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.head)


@dataclass(frozen=True)
class SameItems:
    """Items of several platforms that are one thing: `pairs` (m, 2) positions, each once, smaller first, in order;
    `probability` (m,) how likely each pair is the same.
    """

    pairs: NDArray[np.int32]
    probability: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.pairs)


def no_same_items() -> SameItems:
    """Of a graph without links between items."""
    return SameItems(np.empty((0, 2), np.int32), np.empty(0, np.float32))


@dataclass(frozen=True)
class EmbeddingTable:
    """One modality's vectors, row by item. A row whose `present` is False is unknown (and all zero), not a vector."""

    vectors: NDArray[np.float32]
    present: NDArray[np.bool_]
    encoder: str
    version: str

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])


@dataclass(frozen=True)
class Snapshot:
    """The whole graph as arrays.

    `entities` ids are `Label:id` in the order of the node space after items; `relations` are relationship types.
    `item_properties` and `user_properties` have one row per id, in order (missing values null). `friendships` is
    (m, 2) user positions, each pair once, smaller first. `identities` is user position -> person id,
    `doubts` the probability of those identities that are less than certain.
    """

    users: IdMap
    items: IdMap
    entities: IdMap
    relations: tuple[str, ...]
    interactions: Interactions
    triples: Triples
    friendships: NDArray[np.int32]
    identities: Mapping[int, str]
    item_properties: pa.Table
    user_properties: pa.Table
    embeddings: Mapping[str, EmbeddingTable] = field(default_factory=dict)
    doubts: Mapping[int, float] = field(default_factory=dict)
    same_items: SameItems = field(default_factory=no_same_items)

    @property
    def num_nodes(self) -> int:
        """Items and attribute entities together: the node space of `triples`."""
        return len(self.items) + len(self.entities)

    def with_embeddings(self, embeddings: Mapping[str, EmbeddingTable]) -> Snapshot:
        return replace(self, embeddings=dict(embeddings))
