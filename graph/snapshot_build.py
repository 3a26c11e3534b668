"""Nodes and relationships, from a store or from files, to the one canonical `Snapshot`.

Both readings end here (`graph.snapshot_read`), which is why the same data gives the same content hash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.columns import canonical, merge_nodes
from graph.schema import ITEM, KINDS, OPERATIONAL_LABELS, PERSON, PLATFORM, USER
from graph.snapshot import NO_TIME, EmbeddingTable, IdMap, Interactions, Snapshot, Triples

Scalar = TypeVar("Scalar", bound=np.generic)

NOT_ENTITIES = frozenset({USER, ITEM, PERSON, PLATFORM, "Playlist", *OPERATIONAL_LABELS})
"""Labels that are not part of the node space of `Snapshot.triples`, or have a place of their own in it."""
KIND_CODES: Mapping[str, int] = MappingProxyType({kind: code for code, kind in enumerate(KINDS)})


@dataclass(frozen=True)
class Acts:
    """Interactions of one kind as they are read: ids, `value` and `time` null where unknown; part and row in a file."""

    kind: int
    user: pa.Array
    item: pa.Array
    value: pa.Array
    time: pa.Array
    part: int = 0
    order: pa.Array | None = None


@dataclass(frozen=True)
class Facts:
    """Relationships of one type from items or attributes to such, or from users to attributes."""

    type: str
    head_label: str
    tail_label: str
    head: pa.Array
    tail: pa.Array


@dataclass
class Collected:
    """Everything read so far, in no order."""

    nodes: dict[str, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))
    acts: list[Acts] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    friends: list[tuple[pa.Array, pa.Array]] = field(default_factory=list)
    people: list[tuple[pa.Array, pa.Array]] = field(default_factory=list)


@dataclass(frozen=True)
class Built:
    """A snapshot and, row by row of its interactions, the part and the row number in the file."""

    snapshot: Snapshot
    part: NDArray[np.int8]
    order: NDArray[np.int64]


def build(collected: Collected, *, embeddings: Mapping[str, EmbeddingTable] | None = None) -> Built:
    """Sorts, numbers and joins what was collected. Every end of a relationship must be among the nodes."""
    users = merge_nodes(collected.nodes.get(USER, []))
    items = merge_nodes(collected.nodes.get(ITEM, []))
    user_ids, item_ids = users.column("id").combine_chunks(), items.column("id").combine_chunks()
    entities = _entities(collected)
    interactions, part, order = _interactions(collected.acts, user_ids, item_ids)
    relations, triples = _triples(collected.facts, item_ids, entities)
    snapshot = Snapshot(
        users=_ids(user_ids, "user"),
        items=_ids(item_ids, "item"),
        entities=_ids(entities, "entity"),
        relations=relations,
        interactions=interactions,
        triples=triples,
        friendships=_friendships(collected.friends, user_ids),
        identities=_identities(collected.people, user_ids),
        item_properties=canonical(items),
        user_properties=canonical(_with_attributes(users, collected.facts)),
        embeddings=dict(embeddings or {}),
    )
    return Built(snapshot, part, order)


def _ids(ids: pa.Array, what: str) -> IdMap:
    return IdMap(tuple(ids.to_pylist()), what)


def _entities(collected: Collected) -> pa.Array:
    named = [
        pc.binary_join_element_wise(label, table.column("id").combine_chunks(), ":")
        for label, tables in collected.nodes.items()
        if label not in NOT_ENTITIES
        for table in tables
    ]
    unique = pc.unique(pa.chunked_array(named, pa.string()))
    return unique.take(pc.sort_indices(unique))


def _positions(ids: pa.Array | pa.ChunkedArray, known: pa.Array) -> NDArray[np.int32]:
    found: NDArray[np.int32] = pc.index_in(ids, value_set=known).to_numpy(zero_copy_only=False).astype(np.int32)
    return found


def _interactions(
    acts: list[Acts], users: pa.Array, items: pa.Array
) -> tuple[Interactions, NDArray[np.int8], NDArray[np.int64]]:
    """In canonical order. Of rows with one user, item, kind, time and part, the last in the file counts."""
    user = _joined([_positions(one.user, users) for one in acts], np.int32)
    item = _joined([_positions(one.item, items) for one in acts], np.int32)
    time = _joined([pc.fill_null(one.time, NO_TIME).to_numpy(zero_copy_only=False) for one in acts], np.int64)
    value = _joined([pc.fill_null(one.value, np.nan).to_numpy(zero_copy_only=False) for one in acts], np.float32)
    kind = _joined([np.full(len(one.user), one.kind, np.int8) for one in acts], np.int8)
    part = _joined([np.full(len(one.user), one.part, np.int8) for one in acts], np.int8)
    order = _joined([_numbers(one) for one in acts], np.int64)
    key = kind * np.int16(4) + part
    rows = np.lexsort((value, order, key, item, time, user))
    last = np.ones(len(rows), np.bool_)
    last[:-1] = np.logical_or.reduce([np.diff(column[rows]) != 0 for column in (user, item, time, key)])
    rows = rows[last]
    return Interactions(user[rows], item[rows], kind[rows], value[rows], time[rows]), part[rows], order[rows]


def _joined(columns: list[NDArray[Any]], kind: type[Scalar]) -> NDArray[Scalar]:
    found: NDArray[Scalar] = np.concatenate([np.empty(0, kind), *columns]).astype(kind, copy=False)
    return found


def _numbers(acts: Acts) -> NDArray[np.int64]:
    if acts.order is None:
        return np.zeros(len(acts.user), np.int64)
    found: NDArray[np.int64] = acts.order.to_numpy(zero_copy_only=False)
    return found


def _triples(facts: list[Facts], items: pa.Array, entities: pa.Array) -> tuple[tuple[str, ...], Triples]:
    ours = [one for one in facts if one.head_label != USER]
    relations = tuple(sorted({one.type for one in ours}))
    blocks = [np.empty((0, 3), np.int64)]
    for one in ours:
        heads = _node_positions(one.head_label, one.head, items, entities)
        tails = _node_positions(one.tail_label, one.tail, items, entities)
        blocks.append(np.stack([heads, np.full(len(heads), relations.index(one.type)), tails], axis=1))
    head, relation, tail = np.unique(np.concatenate(blocks), axis=0).T
    return relations, Triples(head.astype(np.int32), relation.astype(np.int16), tail.astype(np.int32))


def _node_positions(label: str, ids: pa.Array, items: pa.Array, entities: pa.Array) -> NDArray[np.int64]:
    if label == ITEM:
        return _positions(ids, items).astype(np.int64)
    return _positions(pc.binary_join_element_wise(label, ids, ":"), entities).astype(np.int64) + len(items)


def _friendships(friends: list[tuple[pa.Array, pa.Array]], users: pa.Array) -> NDArray[np.int32]:
    blocks = [np.stack([_positions(one, users), _positions(two, users)], axis=1) for one, two in friends]
    pairs = np.sort(np.concatenate([np.empty((0, 2), np.int32), *blocks]), axis=1)
    return np.ascontiguousarray(np.unique(pairs, axis=0), np.int32)


def _identities(people: list[tuple[pa.Array, pa.Array]], users: pa.Array) -> dict[int, str]:
    found = {
        position: person
        for user, person_ids in people
        for position, person in sorted(zip(_positions(user, users).tolist(), person_ids.to_pylist(), strict=True))
    }
    return dict(sorted(found.items()))


def _with_attributes(users: pa.Table, facts: list[Facts]) -> pa.Table:
    """Users' attributes as one sorted list a label: a snapshot has no node space for them."""
    labels = sorted({one.tail_label for one in facts if one.head_label == USER})
    for label in labels:
        lists: list[set[str]] = [set() for _ in range(users.num_rows)]
        for one in facts:
            if one.head_label == USER and one.tail_label == label:
                positions = _positions(one.head, users.column("id").combine_chunks()).tolist()
                for position, name in zip(positions, one.tail.to_pylist(), strict=True):
                    lists[position].add(name.removeprefix(f"{label}:"))
        column = pa.array([sorted(names) or None for names in lists], pa.list_(pa.string()))
        kept = users.drop_columns([label]) if label in users.column_names else users
        users = kept.append_column(label, column)
    return users
