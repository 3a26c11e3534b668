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
from graph.snapshot import NO_TIME, EmbeddingTable, IdMap, Interactions, SameItems, Snapshot, Triples
from graph.snapshot_rows import Packing

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


@dataclass(frozen=True)
class Links:
    """Users and their people, or items and their like on another platform; `probability` null where nobody says."""

    head: pa.Array
    tail: pa.Array
    probability: pa.Array


def links_of(head: pa.Array, tail: pa.Array, rows: pa.Table | None = None) -> Links:
    """`rows` may have a column `probability`."""
    if rows is None or "probability" not in rows.column_names:
        return Links(head, tail, pa.nulls(len(head), pa.float64()))
    return Links(head, tail, rows.column("probability").combine_chunks().cast(pa.float64()))


@dataclass
class Collected:
    """Everything read so far, in no order."""

    nodes: dict[str, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))
    acts: list[Acts] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    friends: list[tuple[pa.Array, pa.Array]] = field(default_factory=list)
    people: list[Links] = field(default_factory=list)
    same: list[Links] = field(default_factory=list)


@dataclass(frozen=True)
class Built:
    """A snapshot and, row by row of its interactions, the part and the row number in the file."""

    snapshot: Snapshot
    part: NDArray[np.int8]
    order: NDArray[np.int64]


def build(
    collected: Collected,
    *,
    embeddings: Mapping[str, EmbeddingTable] | None = None,
    interactions: Interactions | None = None,
) -> Built:
    """Sorts, numbers and joins what was collected. Every end of a relationship must be among the nodes.

    `interactions`: in order and numbered already, in place of `collected.acts`.
    """
    users = merge_nodes(collected.nodes.get(USER, []))
    items = merge_nodes(collected.nodes.get(ITEM, []))
    user_ids, item_ids = users.column("id").combine_chunks(), items.column("id").combine_chunks()
    entities = _entities(collected)
    part, order = np.zeros(0, np.int8), np.zeros(0, np.int64)
    if interactions is None:
        interactions, part, order = _interactions(collected.acts, user_ids, item_ids)
    relations, triples = _triples(collected.facts, item_ids, entities)
    identities, doubts = identities_of(collected.people, user_ids)
    snapshot = Snapshot(
        users=_ids(user_ids, "user"),
        items=_ids(item_ids, "item"),
        entities=_ids(entities, "entity"),
        relations=relations,
        interactions=interactions,
        triples=triples,
        friendships=_friendships(collected.friends, user_ids),
        identities=identities,
        doubts=doubts,
        same_items=same_items_of(collected.same, item_ids),
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
    """Places of ids among the known ones, -1 where they are not."""
    found: NDArray[np.int32] = pc.fill_null(pc.index_in(ids, value_set=known), -1).to_numpy(zero_copy_only=False)
    return found


def _interactions(
    acts: list[Acts], users: pa.Array, items: pa.Array
) -> tuple[Interactions, NDArray[np.int8], NDArray[np.int64]]:
    """In canonical order. Of rows with one user, item, kind, time and part, the last in the file counts."""
    user = _positions(pa.chunked_array([one.user for one in acts], pa.string()), users)
    item = _positions(pa.chunked_array([one.item for one in acts], pa.string()), items)
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
    groups: dict[tuple[str, str, str], list[Facts]] = defaultdict(list)
    for one in facts:
        if one.head_label != USER:
            groups[one.type, one.head_label, one.tail_label].append(one)
    relations = tuple(sorted({name for name, _, _ in groups}))
    packing = Packing(len(items) + len(entities), len(relations))
    keys = [np.empty(0, np.int64)]
    for (name, head_label, tail_label), ours in groups.items():
        heads = _node_positions(head_label, pa.chunked_array([one.head for one in ours], pa.string()), items, entities)
        tails = _node_positions(tail_label, pa.chunked_array([one.tail for one in ours], pa.string()), items, entities)
        known = (heads >= 0) & (tails >= 0)
        keys.append(packing.pack(heads[known], relations.index(name), tails[known]))
    return relations, packing.unpack(np.unique(np.concatenate(keys)))


def _node_positions(label: str, ids: pa.ChunkedArray, items: pa.Array, entities: pa.Array) -> NDArray[np.int64]:
    if label == ITEM:
        return _positions(ids, items).astype(np.int64)
    places = _positions(pc.binary_join_element_wise(label, ids, ":"), entities).astype(np.int64)
    return np.where(places < 0, -1, places + len(items))


def _friendships(friends: list[tuple[pa.Array, pa.Array]], users: pa.Array) -> NDArray[np.int32]:
    one, two = (_positions(pa.chunked_array([pair[end] for pair in friends], pa.string()), users) for end in (0, 1))
    known = (one >= 0) & (two >= 0)
    return pairs_of(one[known], two[known], len(users))


def pairs_of(one: NDArray[np.int32], two: NDArray[np.int32], num_users: int) -> NDArray[np.int32]:
    """Friendships as rows in order, each pair once, smaller first."""
    keys = np.unique(np.minimum(one, two).astype(np.int64) * num_users + np.maximum(one, two))
    return np.stack(np.divmod(keys, max(1, num_users)), axis=1).astype(np.int32)


def identities_of(people: list[Links], users: pa.Array) -> tuple[dict[int, str], dict[int, float]]:
    """User -> person, of several the greatest, and how likely those are that are not certain."""
    rows = [
        (position, person, 1.0 if sure is None else float(sure))
        for one in people
        for position, person, sure in zip(
            _positions(one.head, users).tolist(), one.tail.to_pylist(), one.probability.to_pylist(), strict=True
        )
        if position >= 0
    ]
    found = {position: (person, sure) for position, person, sure in sorted(rows)}
    doubts = {position: sure for position, (_, sure) in found.items() if sure < 1}
    return {position: person for position, (person, _) in found.items()}, doubts


def same_items_of(same: list[Links], items: pa.Array) -> SameItems:
    """Each pair once, with the greatest probability that is given for it; an item is no pair with itself."""
    one, two = (_positions(pa.chunked_array(ends, pa.string()), items).astype(np.int64)
                for ends in ([link.head for link in same], [link.tail for link in same]))  # fmt: skip
    sure = _joined([pc.fill_null(link.probability, 1.0).to_numpy(zero_copy_only=False) for link in same], np.float32)
    known = (one >= 0) & (two >= 0) & (one != two) & (sure > 0)
    low, high, sure = np.minimum(one, two)[known], np.maximum(one, two)[known], sure[known]
    order = np.lexsort((-sure, high, low))
    keys = (low << 32 | high)[order]
    first = np.append([True], keys[1:] != keys[:-1])[: len(keys)]
    pairs = np.stack([low[order][first], high[order][first]], axis=1).astype(np.int32)
    return SameItems(pairs, np.minimum(sure[order][first], 1).astype(np.float32))


def _with_attributes(users: pa.Table, facts: list[Facts]) -> pa.Table:
    """Users' attributes as one sorted list a label: a snapshot has no node space for them."""
    ids = users.column("id").combine_chunks()
    for label in sorted({one.tail_label for one in facts if one.head_label == USER}):
        ours = [one for one in facts if one.head_label == USER and one.tail_label == label]
        user = _positions(pa.chunked_array([one.head for one in ours], pa.string()), ids)
        names = plain_names(label, pa.chunked_array([one.tail for one in ours], pa.string()))
        kept = users.drop_columns([label]) if label in users.column_names else users
        users = kept.append_column(label, lists_of(user, names, len(ids)))
    return users


def plain_names(label: str, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Attributes' ids without their label: `Hobby:art` -> `art`."""
    return pc.if_else(pc.starts_with(ids, f"{label}:"), pc.utf8_slice_codeunits(ids, len(label) + 1), ids)


def lists_of(owner: NDArray[np.int32], names: pa.ChunkedArray, owners: int) -> pa.Array:
    """Each owner's names, sorted, each once; null for an owner without any."""
    pairs = pa.table({"owner": pa.array(owner), "name": names}).filter(pa.array(owner >= 0))
    pairs = pairs.group_by(["owner", "name"]).aggregate([]).sort_by([("owner", "ascending"), ("name", "ascending")])
    lengths = np.bincount(pairs.column("owner").to_numpy(), minlength=owners)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    empty = np.concatenate([lengths == 0, [False]])
    texts = pairs.column("name").combine_chunks()
    return pa.ListArray.from_arrays(pa.array(offsets, mask=empty), texts)
