"""Reads a `Snapshot` out of a store: nodes in pages, relationships grouped by their head, whole columns at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.queries_snapshot import acts_of, node_page, triples_from
from graph.schema import ITEM, KIND_TO_TYPE, RESERVED_TYPES, TYPE_TO_KIND, USER, safe_name
from graph.snapshot import NO_TIME, EmbeddingTable, Snapshot
from graph.snapshot_build import KIND_CODES, NOT_ENTITIES, Acts, Collected, Facts, build
from graph.store import GraphStore

NODES_A_PAGE = 10_000
HEADS_A_PAGE = 1_000
"""Users (or items) whose relationships are read at once: some hundred thousand of them."""
READERS = 2
MODALITIES = ("text", "image", "audio")
EMBEDDING = "_embedding"


def read_snapshot(store: GraphStore) -> Snapshot:
    """The whole graph as arrays. The same data gives the same content hash from either store."""
    labels = {row[0] for row in store.query("labels_known")}
    types = {row[0] for row in store.query("types_known")}
    collected = Collected()
    vectors = _Vectors()
    for label in sorted(labels - NOT_ENTITIES | (labels & {USER, ITEM})):
        for ids, properties in _pages(store, label):
            if label == ITEM:
                vectors.take(ids, properties)
            collected.nodes[label].append(_table(ids, properties))
    heads = {label: _ids(collected, label) for label in collected.nodes}
    if USER in heads:
        collected.acts.extend(_acts(store, heads[USER], types))
        collected.friends.extend(_friends(store, heads[USER]) if "FRIEND" in types else ())
        collected.people.extend(_people(store) if "IS" in types else ())
    facts = sorted(types - RESERVED_TYPES)
    for label, ids in heads.items() if facts else ():
        collected.facts.extend(_facts(store, label, ids, facts))
    items = heads.get(ITEM, [])
    return build(collected, embeddings=vectors.tables(items)).snapshot


def _pages(store: GraphStore, label: str) -> Iterator[tuple[list[str], list[dict[str, Any]]]]:
    """Ids and properties of the nodes of a label."""
    text, after = node_page(safe_name(label)), ""
    while rows := store.query(text, {"after": after, "limit": NODES_A_PAGE}).rows:
        yield [row[0] for row in rows], [row[1] for row in rows]
        after = rows[-1][0]


def _table(ids: list[str], properties: list[dict[str, Any]]) -> pa.Table:
    """Nodes as columns; vectors and what is said of them are not properties of a snapshot."""
    names = sorted({name for one in properties for name in one if EMBEDDING not in name and name != "id"})
    columns: dict[str, pa.Array] = {"id": pa.array(ids, pa.string())}
    for name in names:
        columns[name] = _values([one.get(name) for one in properties])
    return pa.table(columns)


def _values(values: list[Any]) -> pa.Array:
    """A column of whatever the store holds; what is of several kinds becomes text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
            return pa.array(values, pa.float64())
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _ids(collected: Collected, label: str) -> list[str]:
    return sorted(chain.from_iterable(table.column("id").to_pylist() for table in collected.nodes[label]))


def _ranges(ids: list[str]) -> Iterator[tuple[str, str]]:
    """Ranges `after < id <= upto` that hold `HEADS_A_PAGE` of the sorted ids each."""
    after = ""
    for start in range(0, len(ids), HEADS_A_PAGE):
        upto = ids[min(start + HEADS_A_PAGE, len(ids)) - 1]
        yield after, upto
        after = upto


def _acts(store: GraphStore, users: list[str], types: set[str]) -> Iterator[Acts]:
    """Ranges of users are read two at a time: the store collects one while this process takes in another."""
    names = sorted(types & set(KIND_TO_TYPE.values()))
    with ThreadPoolExecutor(READERS) as pool:
        for name in names:
            yield from pool.map(partial(_acts_between, store, name), _ranges(users))


def _acts_between(store: GraphStore, name: str, between: tuple[str, str]) -> Acts:
    after, upto = between
    unknown = {"unknown_value": float("nan"), "unknown_time": NO_TIME}
    rows = store.query(acts_of(name), {"after": after, "upto": upto, **unknown}).rows
    return _grouped_acts(KIND_CODES[TYPE_TO_KIND[name]], rows)


def _grouped_acts(kind: int, rows: list[tuple[Any, ...]]) -> Acts:
    heads = _repeated([row[0] for row in rows], [row[1] for row in rows])
    items = pa.array(_flat(row[1] for row in rows), pa.string())
    values = np.array(_flat(row[2] for row in rows), np.float64)
    times = np.array(_flat(row[3] for row in rows), np.int64)
    return Acts(kind, heads, items, pa.array(values, mask=np.isnan(values)), pa.array(times, mask=times == NO_TIME))


def _flat(lists: Iterable[list[Any]]) -> list[Any]:
    return list(chain.from_iterable(lists))


def _repeated(heads: list[str], groups: list[list[Any]]) -> pa.Array:
    """Each head as often as its group is long."""
    places: NDArray[np.int64] = np.repeat(np.arange(len(heads)), [len(group) for group in groups])
    return pa.array(heads, pa.string()).take(pa.array(places))


def _friends(store: GraphStore, users: list[str]) -> Iterator[tuple[pa.Array, pa.Array]]:
    for after, upto in _ranges(users):
        rows = store.query("friends", {"after": after, "upto": upto}).rows
        groups = [row[1] for row in rows]
        yield _repeated([row[0] for row in rows], groups), pa.array(_flat(groups), pa.string())


def _people(store: GraphStore) -> Iterator[tuple[pa.Array, pa.Array]]:
    rows = store.query("identities").rows
    yield pa.array([row[0] for row in rows], pa.string()), pa.array([row[1] for row in rows], pa.string())


def _facts(store: GraphStore, label: str, heads: list[str], types: list[str]) -> Iterator[Facts]:
    text = triples_from(safe_name(label), map(safe_name, types))
    for after, upto in _ranges(heads):
        rows = store.query(text, {"after": after, "upto": upto}).rows
        groups = [row[1] for row in rows]
        yield from _split_facts(
            label,
            _repeated([row[0] for row in rows], groups),
            *(pa.array(_flat(row[place] for row in rows), pa.string()) for place in (1, 2, 3)),
        )


def _split_facts(label: str, heads: pa.Array, types: pa.Array, labels: pa.Array, tails: pa.Array) -> Iterator[Facts]:
    """One block for each type and tail label; what points at users or people is no fact."""
    keys = pc.binary_join_element_wise(types, labels, "\x1f").dictionary_encode()
    codes = keys.indices.to_numpy(zero_copy_only=False)
    for code, key in enumerate(keys.dictionary.to_pylist()):
        name, tail_label = key.split("\x1f")
        if tail_label not in NOT_ENTITIES or (tail_label == ITEM and label != USER):
            where = pa.array(codes == code)
            yield Facts(name, label, tail_label, heads.filter(where), tails.filter(where))


class _Vectors:
    """Embeddings of the items met so far, by modality and by who made them (encoder, version)."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[str, str], dict[str, NDArray[np.float32]]]] = {}

    def take(self, ids: list[str], properties: list[dict[str, Any]]) -> None:
        for modality in MODALITIES:
            name = modality + EMBEDDING
            for identity, values in zip(ids, properties, strict=True):
                if vector := values.get(name):
                    made_by = str(values.get(f"{name}_encoder", "")), str(values.get(f"{name}_version", ""))
                    rows = self._rows.setdefault(modality, {}).setdefault(made_by, {})
                    rows[identity] = np.asarray(vector, np.float32)

    def tables(self, items: list[str]) -> Mapping[str, EmbeddingTable]:
        """One table a modality that has any vector, aligned to the sorted item ids.

        Vectors of different encoders cannot be compared: while items are being encoded anew, the encoder that made the
        most of them counts, and what others made is not there.
        """
        found = {}
        for modality, by_encoder in self._rows.items():
            made_by, rows = max(by_encoder.items(), key=lambda one: (len(one[1]), one[0]))
            found[modality] = _aligned(rows, items, made_by)
        return found


def _aligned(rows: dict[str, NDArray[np.float32]], items: list[str], made_by: tuple[str, str]) -> EmbeddingTable:
    dim = len(next(iter(rows.values())))
    vectors = np.zeros((len(items), dim), np.float32)
    present = np.array([identity in rows for identity in items], np.bool_)
    for place in np.flatnonzero(present).tolist():
        vectors[place] = rows[items[place]]
    return EmbeddingTable(vectors, present, *made_by)
