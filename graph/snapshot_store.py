"""Reads a `Snapshot` out of a store: nodes in pages, relationships grouped by their head, whole columns at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.queries_snapshot import acts_of, all_ids, nodes_between, triples_from
from graph.schema import IS, ITEM, KIND_TO_TYPE, RESERVED_TYPES, SAME_AS, TYPE_TO_KIND, USER, safe_name
from graph.snapshot import NO_TIME, Interactions, Snapshot
from graph.snapshot_build import KIND_CODES, NOT_ENTITIES, Collected, Facts, Links, build
from graph.snapshot_nodes import VectorRows, as_table, differing
from graph.snapshot_notes import Notes, surplus
from graph.snapshot_rows import in_order, joined
from graph.store import GraphStore

ITEMS_A_PAGE = 2_000
"""Items with their vectors that are read at once."""
ROWS_A_PAGE = 100_000
"""Relationships that are read at once, more or less."""
HEADS_A_PAGE = 10_000
"""Most nodes that are read at once, or whose relationships are."""
READERS = 2
_LINK_TYPES = (pa.string(), pa.string(), pa.float64())

T = TypeVar("T")
Range: TypeAlias = tuple[str, str, int]
"""`after < id <= upto`, and the place of the first among all ids."""


@dataclass(frozen=True)
class Reading:
    """A whole graph and what is known of it beside."""

    snapshot: Snapshot
    notes: Notes


def read_snapshot(store: GraphStore) -> Snapshot:
    """The whole graph as arrays. The same data gives the same content hash from either store."""
    return read_graph(store).snapshot


def read_graph(store: GraphStore) -> Reading:
    """As `read_snapshot`, with what `graph.snapshot_fresh` needs to bring it up to date later."""
    labels = {row[0] for row in store.query("labels_known")}
    types = {row[0] for row in store.query("types_known")}
    collected, vectors, mixed = Collected(), VectorRows(), set[str]()
    for label in sorted(labels - NOT_ENTITIES | (labels & {USER, ITEM})):
        collected.nodes[label] = _nodes(store, label, vectors, mixed)
    heads = {label: _ids(collected, label) for label in collected.nodes}
    users, items = heads.get(USER, []), heads.get(ITEM, [])
    interactions = joined(list(_acts(store, users, items, types)) if users and items else [])
    if users:
        collected.friends.extend(_friends(store, users) if "FRIEND" in types else ())
        collected.people.extend([read_links(store, "identities")] if IS in types else ())
    collected.same.extend([read_links(store, "same_items")] if SAME_AS in types else ())
    facts = sorted(types - RESERVED_TYPES)
    for label, ids in heads.items() if facts else ():
        collected.facts.extend(_facts(store, label, ids, facts))
    snapshot = build(collected, embeddings=vectors.tables(items), interactions=interactions).snapshot
    return Reading(snapshot, _notes(store, collected, snapshot, vectors, mixed))


def _notes(store: GraphStore, collected: Collected, snapshot: Snapshot, vectors: VectorRows, mixed: set[str]) -> Notes:
    ours = [one for one in collected.facts if one.head_label == USER]
    attributes = frozenset(one.tail_label for one in ours)
    properties = {name for table in collected.nodes.get(USER, []) for name in table.column_names}
    notes = Notes(
        mixed=frozenset(mixed),
        others=vectors.others(),
        attributes=attributes,
        user_types=frozenset(one.type for one in ours),
        hidden=bool(attributes & properties),
        links=True,
    )
    return replace(notes, surplus=surplus(store, snapshot, notes.user_types))


def _nodes(store: GraphStore, label: str, vectors: VectorRows, mixed: set[str]) -> list[pa.Table]:
    """The nodes of a label; of attributes nothing but the id has a place in a snapshot."""
    ids, tables, odd = _sorted_ids(store, label), list[pa.Table](), set[str]()
    if label not in {USER, ITEM}:
        return [pa.table({"id": pa.array(ids, pa.string())})]
    text = nodes_between(safe_name(label))
    for found, properties in _read(store, text, ids, ITEMS_A_PAGE if label == ITEM else HEADS_A_PAGE):
        if label == ITEM:
            vectors.take(found, properties)
        tables.append(as_table(found, properties, odd))
    mixed.update(f"{label}.{name}" for name in odd | differing(tables))
    return tables


def _sorted_ids(store: GraphStore, label: str) -> list[str]:
    return sorted(row[0] for row in store.query(all_ids(safe_name(label))).rows)


def _read(store: GraphStore, text: str, ids: list[str], size: int) -> Iterator[tuple[Any, ...]]:
    """The one row that `text` gives for each range of ids, in order."""
    return _by_ranges(lambda between: store.query(text, {"after": between[0], "upto": between[1]}).rows[0], ids, size)


def _by_ranges(read: Callable[[Range], T], ids: list[str], size: int) -> Iterator[T]:
    """Ranges are read two at a time: the store collects one while this process takes in another."""
    with ThreadPoolExecutor(READERS) as pool:
        waiting = deque[Future[T]]()
        for between in _ranges(ids, size):
            waiting.append(pool.submit(read, between))
            if len(waiting) > READERS:
                yield waiting.popleft().result()
        yield from (one.result() for one in waiting)


def _ids(collected: Collected, label: str) -> list[str]:
    return sorted(chain.from_iterable(table.column("id").to_pylist() for table in collected.nodes[label]))


def _ranges(ids: list[str], size: int) -> Iterator[Range]:
    """Ranges `after < id <= upto` that hold `size` of the sorted ids each, and the place of the first."""
    after = ""
    for start in range(0, len(ids), size):
        upto = ids[min(start + size, len(ids)) - 1]
        yield after, upto, start
        after = upto


def _acts(store: GraphStore, users: list[str], items: list[str], types: set[str]) -> Iterator[Interactions]:
    names = sorted(types & set(KIND_TO_TYPE.values()))
    total = sum(map(store.relationship_count, names))
    size = max(1, min(HEADS_A_PAGE, ROWS_A_PAGE * len(users) // max(1, total)))
    places = pd.Index(np.array(items, object))
    places.get_indexer(places[:1])  # Makes its hash table now, before threads share it.
    yield from _by_ranges(partial(_acts_between, store, names, users, places), users, size)


def _acts_between(
    store: GraphStore, names: list[str], users: list[str], items: pd.Index[Any], between: tuple[str, str, int]
) -> Interactions:
    """All interactions of a range of users, in order."""
    after, upto, start = between
    parameters = {"after": after, "upto": upto, "unknown_value": float("nan"), "unknown_time": NO_TIME}
    parts = []
    for name in names:
        columns = store.query(acts_of(name), parameters).rows[0]
        parts.append(_numbered(KIND_CODES[TYPE_TO_KIND[name]], columns, users, start, items))
    return in_order(joined(parts))


def _numbered(kind: int, columns: tuple[Any, ...], users: list[str], start: int, items: pd.Index[Any]) -> Interactions:
    """Groups as columns of positions. What came after the nodes had been read is left out: it is not whole."""
    heads, tails, values, times = columns
    places = _places(heads, users, start)
    user: NDArray[np.int32] = np.repeat(places, [len(group) for group in tails]).astype(np.int32)
    item = items.get_indexer(pd.Index(np.array(_flat(tails), object))).astype(np.int32)
    value = np.array(_flat(values), np.float32)
    time = np.array(_flat(times), np.int64)
    found = Interactions(user, item, np.full(len(user), kind, np.int8), value, time)
    known = (user >= 0) & (item >= 0)
    return found if known.all() else found.take(known)


def _places(heads: list[str], users: list[str], start: int) -> list[int]:
    """Places of heads among the sorted users, whose first in this range is `start`; -1 for one that is new."""
    near = {name: start + place for place, name in enumerate(users[start : start + HEADS_A_PAGE])}
    return [near.get(head, -1) for head in heads]


def _flat(lists: Iterable[list[Any]]) -> list[Any]:
    return list(chain.from_iterable(lists))


def _repeated(heads: list[str], groups: list[list[Any]]) -> pa.Array:
    """Each head as often as its group is long."""
    places: NDArray[np.int64] = np.repeat(np.arange(len(heads)), [len(group) for group in groups])
    return pa.array(heads, pa.string()).take(pa.array(places))


def _friends(store: GraphStore, users: list[str]) -> Iterator[tuple[pa.Array, pa.Array]]:
    for heads, groups in _read(store, "friends", users, HEADS_A_PAGE):
        yield _repeated(heads, groups), pa.array(_flat(groups), pa.string())


def read_links(store: GraphStore, query: str) -> Links:
    """All of `identities` or `same_items`."""
    rows = store.query(query).rows
    columns = [[row[place] for row in rows] for place in range(3)]
    return Links(*(pa.array(column, kind) for column, kind in zip(columns, _LINK_TYPES, strict=True)))


def _facts(store: GraphStore, label: str, heads: list[str], types: list[str]) -> Iterator[Facts]:
    text = triples_from(safe_name(label), map(safe_name, types))
    for found, *columns in _read(store, text, heads, HEADS_A_PAGE):
        flat = (pa.array(_flat(groups), pa.string()) for groups in columns)
        yield from _split_facts(label, _repeated(found, columns[0]), *flat)


def _split_facts(label: str, heads: pa.Array, types: pa.Array, labels: pa.Array, tails: pa.Array) -> Iterator[Facts]:
    """One block for each type and tail label; what points at users or people is no fact."""
    keys = pc.binary_join_element_wise(types, labels, "\x1f").dictionary_encode()
    codes = keys.indices.to_numpy(zero_copy_only=False)
    for code, key in enumerate(keys.dictionary.to_pylist()):
        name, tail_label = key.split("\x1f")
        if tail_label not in NOT_ENTITIES or (tail_label == ITEM and label != USER):
            where = pa.array(codes == code)
            yield Facts(name, label, tail_label, heads.filter(where), tails.filter(where))
