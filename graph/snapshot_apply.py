"""A snapshot brought up to date: deltas merged into its arrays, touched nodes read anew from the store.

Gives what reading the whole graph would give, to the last bit of its content hash; where that cannot be known from the
deltas alone it raises `ReadAll`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.queries_snapshot import nodes_of
from graph.schema import FRIEND, IS, ITEM, PERSON, USER, safe_name
from graph.snapshot import IdMap, Interactions, SameItems, Snapshot, Triples
from graph.snapshot_build import NOT_ENTITIES, identities_of, lists_of, pairs_of, plain_names, same_items_of
from graph.snapshot_delta import Changed, Rows
from graph.snapshot_ids import Moved, move
from graph.snapshot_notes import Notes
from graph.snapshot_rows import Packing, Places, merged, moved, together, without
from graph.snapshot_store import Reading, read_links
from graph.snapshot_tables import Fresh, ReadAll, properties, vectors
from graph.store import GraphStore

IDS_A_QUERY = 5_000


def apply(store: GraphStore, base: Reading, changed: Changed) -> Reading:
    """The snapshot after the changes. Raises `ReadAll`."""
    old, notes = base.snapshot, base.notes
    _check(changed, notes.attributes, hidden=notes.hidden)
    nodes = {label: _read(store, label, ids) for label, ids in changed.nodes.items() if _counts(label)}
    users = _move(old.users, USER, nodes, changed)
    items = _move(old.items, ITEM, nodes, changed)
    entities = _move_entities(old.entities, nodes, changed)
    fresh_items, fresh_users = nodes.get(ITEM, Fresh([], [])), nodes.get(USER, Fresh([], []))
    item_properties, mixed = properties(old.item_properties, ITEM, items, fresh_items, notes.mixed)
    user_properties, mixed, attributes = _users(old, users, fresh_users, changed, replace(notes, mixed=mixed))
    relations, triples = _triples(old, items, entities, changed)
    identities, doubts = _identities(store, old, users, changed)
    snapshot = Snapshot(
        users=users.ids,
        items=items.ids,
        entities=entities.ids,
        relations=relations,
        interactions=_interactions(old.interactions, users, items, changed),
        triples=triples,
        friendships=_friendships(old.friendships, users, changed.friends),
        identities=identities,
        doubts=doubts,
        same_items=_same_items(store, old.same_items, items, changed),
        item_properties=item_properties,
        user_properties=user_properties,
        embeddings=vectors(old.embeddings, items, fresh_items, notes.others),
    )
    user_types = notes.user_types | {name for name, label, _ in changed.facts if label == USER}
    return Reading(snapshot, replace(notes, mixed=mixed, attributes=attributes, user_types=user_types))


def _check(changed: Changed, attributes: frozenset[str], *, hidden: bool) -> None:
    """What can come back into sight when something goes is not in the snapshot."""
    went = {FRIEND: changed.friends, IS: changed.people}
    for name, rows in went.items():
        if not all(one.present for one in rows):
            raise ReadAll(f"{name} relationships were deleted")
    if PERSON in changed.cut or attributes & set(changed.cut):
        raise ReadAll("people or users' attributes were deleted")
    if hidden and changed.cut:
        raise ReadAll("a property that an attribute hid may show")
    if any(label == USER and not one.present for (_, label, _), rows in changed.facts.items() for one in rows):
        raise ReadAll("relationships from users to attributes were deleted")


def _counts(label: str) -> bool:
    return label in {USER, ITEM} or label not in NOT_ENTITIES


def _read(store: GraphStore, label: str, ids: set[str]) -> Fresh:
    found, wanted = Fresh([], []), sorted(ids)
    for start in range(0, len(wanted), IDS_A_QUERY):
        rows = store.query(nodes_of(safe_name(label)), {"ids": wanted[start : start + IDS_A_QUERY]}).rows
        found.ids.extend(row[0] for row in rows)
        found.properties.extend(row[1] for row in rows)
    return found


def _move(old: IdMap, label: str, nodes: Mapping[str, Fresh], changed: Changed) -> Moved:
    there = set(nodes[label].ids) if label in nodes else set[str]()
    return move(old, changed.nodes.get(label, set()), there, changed.cut.get(label, {}))


def _move_entities(old: IdMap, nodes: Mapping[str, Fresh], changed: Changed) -> Moved:
    labels = [label for label in nodes if label not in {USER, ITEM}]
    touched = {f"{label}:{name}" for label in labels for name in changed.nodes[label]}
    there = {f"{label}:{name}" for label in labels for name in nodes[label].ids}
    cut = {f"{label}:{name}": step for label in labels for name, step in changed.cut.get(label, {}).items()}
    return move(old, touched, there, cut)


def _joined(rows: Sequence[Rows], end: str) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for one in rows for chunk in getattr(one, end).chunks], pa.string())


def _repeat(rows: Sequence[Rows], name: str, kind: type[Any]) -> NDArray[Any]:
    found: NDArray[Any] = np.repeat(
        np.array([getattr(one, name) for one in rows], kind), [len(one.head) for one in rows]
    )
    return found


def _interactions(old: Interactions, users: Moved, items: Moved, changed: Changed) -> Interactions:
    base = moved(old, users.ends, items.ends)
    if not changed.acts:
        return base
    rows = [one.rows for one in changed.acts]
    step, present = _repeat(rows, "step", np.int64), _repeat(rows, "present", np.bool_)
    found = Interactions(
        users.positions(_joined(rows, "head"), step),
        items.positions(_joined(rows, "tail"), step),
        np.repeat(np.array([one.kind for one in changed.acts], np.int8), [len(one.value) for one in changed.acts]),
        np.concatenate([one.value for one in changed.acts]),
        np.concatenate([one.time for one in changed.acts]),
    )
    order = np.lexsort((step, found.kind, found.item, found.time, found.user))
    found = found.take(order)
    last = np.ones(len(found), np.bool_)
    keys = (found.user, found.time, found.item, found.kind)
    last[:-1] = np.logical_or.reduce([np.diff(column) != 0 for column in keys])
    keep = last & (found.user >= 0) & (found.item >= 0)
    return merged(base, found.take(keep), present[order][keep], users.places.size)


def _triples(old: Snapshot, items: Moved, entities: Moved, changed: Changed) -> tuple[tuple[str, ...], Triples]:
    facts = {key: rows for key, rows in changed.facts.items() if key[1] != USER}
    if items.ends.same and entities.ends.same and not facts:
        return old.relations, old.triples
    names = tuple(sorted({*old.relations, *(key[0] for key in facts)}))
    packing = Packing(items.places.size + entities.places.size, len(names))
    place = np.array([names.index(name) for name in old.relations], np.int64)
    head, tail = (_node_places(column, items, entities) for column in (old.triples.head, old.triples.tail))
    kept = (head >= 0) & (tail >= 0)
    keys = packing.pack(head[kept], place[old.triples.relation[kept]], tail[kept])
    come, gone = _fact_keys(facts, names, packing, items, entities)
    triples = packing.unpack(together(without(keys, gone), come))
    used = np.bincount(triples.relation, minlength=len(names)) > 0
    relation = (np.cumsum(used) - 1)[triples.relation].astype(np.int16)
    return tuple(np.array(names, object)[used].tolist()), Triples(triples.head, relation, triples.tail)


def _node_places(nodes: NDArray[np.int32], items: Moved, entities: Moved) -> NDArray[np.int64]:
    """Old places in the node space -> new ones, -1 for a node whose relationships went."""
    other = np.where(entities.ends.new < 0, -1, entities.ends.new.astype(np.int64) + items.places.size)
    found: NDArray[np.int64] = np.concatenate([items.ends.new.astype(np.int64), other])[nodes]
    return found


def _fact_keys(
    facts: Mapping[tuple[str, str, str], Sequence[Rows]],
    names: tuple[str, ...],
    packing: Packing,
    items: Moved,
    entities: Moved,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keys of the triples that are there afterwards, and of those that are not."""
    keys, steps, presents = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.bool_)]
    for (name, head_label, tail_label), rows in facts.items():
        step = _repeat(rows, "step", np.int64)
        head = _end_places(head_label, _joined(rows, "head"), step, items, entities)
        tail = _end_places(tail_label, _joined(rows, "tail"), step, items, entities)
        known = (head >= 0) & (tail >= 0)
        keys.append(packing.pack(head[known], names.index(name), tail[known]))
        steps.append(step[known])
        presents.append(_repeat(rows, "present", np.bool_)[known])
    key, present = np.concatenate(keys), np.concatenate(presents)
    order = np.lexsort((np.concatenate(steps), key))
    key, present = key[order], present[order]
    last = np.append(key[1:] != key[:-1], [True])[: len(key)]
    return key[last & present], key[last & ~present]


def _end_places(
    label: str, ids: pa.ChunkedArray, step: NDArray[np.int64], items: Moved, entities: Moved
) -> NDArray[np.int64]:
    if label == ITEM:
        return items.positions(ids, step).astype(np.int64)
    found = entities.positions(pc.binary_join_element_wise(label, ids, ":"), step).astype(np.int64)
    return np.where(found < 0, -1, found + items.places.size)


def _friendships(old: NDArray[np.int32], users: Moved, rows: Sequence[Rows]) -> NDArray[np.int32]:
    if users.ends.same and not rows:
        return old
    step = _repeat(rows, "step", np.int64)
    one, two = (users.positions(_joined(rows, end), step) for end in ("head", "tail"))
    one = np.concatenate([_moved_column(old[:, 0], users.ends), one])
    two = np.concatenate([_moved_column(old[:, 1], users.ends), two])
    known = (one >= 0) & (two >= 0)
    return pairs_of(one[known], two[known], users.places.size)


def _moved_column(column: NDArray[np.int32], places: Places) -> NDArray[np.int32]:
    found: NDArray[np.int32] = places.new[column]
    return found


def _identities(
    store: GraphStore, old: Snapshot, users: Moved, changed: Changed
) -> tuple[dict[int, str], dict[int, float]]:
    """As the store holds them where any came: a delta does not say how likely each is."""
    if changed.people:
        return identities_of([read_links(store, "identities")], users.values)
    if users.ends.same:
        return dict(old.identities), dict(old.doubts)
    new = users.ends.new.tolist()
    identities, doubts = (
        dict(sorted((new[place], value) for place, value in found.items() if new[place] >= 0))
        for found in (old.identities, old.doubts)
    )
    return identities, doubts


def _same_items(store: GraphStore, old: SameItems, items: Moved, changed: Changed) -> SameItems:
    if changed.same:
        return same_items_of([read_links(store, "same_items")], items.values)
    if items.ends.same or not len(old):
        return old
    pairs = _moved_column(old.pairs, items.ends)
    kept = (pairs >= 0).all(axis=1)
    return SameItems(pairs[kept], old.probability[kept])


@dataclass(frozen=True)
class _Lists:
    """One list of names a user."""

    label: str
    rows: Sequence[Rows]


def _users(
    old: Snapshot, users: Moved, fresh: Fresh, changed: Changed, notes: Notes
) -> tuple[pa.Table, frozenset[str], frozenset[str]]:
    """Users' properties, and their attributes as one list a label."""
    facts: dict[str, list[Rows]] = {}
    for (_, head_label, label), rows in changed.facts.items():
        if head_label == USER:
            facts.setdefault(label, []).extend(rows)
    attributes = frozenset({*notes.attributes, *facts})
    lists = {
        name: old.user_properties.column(name) for name in old.user_properties.column_names if name in notes.attributes
    }
    table, mixed = properties(old.user_properties.drop_columns(list(lists)), USER, users, fresh, notes.mixed)
    if attributes & set(table.column_names) or any(attributes & set(one) for one in fresh.properties):
        raise ReadAll("an attribute has the name of a property")
    for label in sorted(attributes):
        column = _attribute(lists.get(label), users, _Lists(label, facts.get(label, [])))
        if column.null_count < len(column):
            table = table.append_column(label, column)
    return _in_order(table), mixed, attributes


def _attribute(was: pa.ChunkedArray | None, users: Moved, lists: _Lists) -> pa.Array:
    """A label's lists under the users' new places, with the names that came."""
    source = np.full(users.places.size, -1, np.int64)
    stay = np.flatnonzero(users.ends.new >= 0)
    source[users.ends.new[stay]] = stay
    kind = pa.list_(pa.string())
    column = pa.nulls(users.places.size, kind)
    if was is not None:
        column = was.combine_chunks().take(pa.array(source, mask=source < 0))
    if not lists.rows:
        return column
    owner = users.positions(_joined(lists.rows, "head"), _repeat(lists.rows, "step", np.int64))
    names = plain_names(lists.label, _joined(lists.rows, "tail"))
    mine = np.unique(owner[owner >= 0])
    before = column.take(pa.array(mine))
    owners = np.concatenate([np.searchsorted(mine, owner), pc.list_parent_indices(before).to_numpy()])
    owners = np.where(np.concatenate([owner < 0, np.zeros(len(owners) - len(owner), np.bool_)]), -1, owners)
    texts = pa.chunked_array([*names.chunks, before.flatten()], pa.string())
    updated = lists_of(owners.astype(np.int32), texts, len(mine))
    which = np.arange(users.places.size)
    which[mine] = users.places.size + np.arange(len(mine))
    return pa.concat_arrays([column.cast(kind), updated.cast(kind)]).take(pa.array(which))


def _in_order(table: pa.Table) -> pa.Table:
    names = [name for name in sorted(table.column_names) if name != "id"]
    return table.select(["id", *names])
