"""Canonical chunks -> node and relationship batches with graph-wide ids: the last step of reading, shared by all.

Each piece keeps the number of the row that each record came from, so that a report can count rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.schema import (
    ENTITY,
    FRIEND,
    IS,
    ITEM,
    KIND_TO_TYPE,
    PERSON,
    USER,
    Batch,
    EdgeBatch,
    NodeBatch,
    relation_type,
    safe_name,
)
from graph.sources.chunks import INTERACTION_PARTS, ROW, Chunk
from graph.sources.clean import LISTED

NO_ROW = -1
"""Row number of a node that is there only because a relationship names it."""


@dataclass(frozen=True)
class Piece:
    """A batch, and for each of its rows the number of the file's row that it comes from."""

    batch: Batch
    numbers: pa.Array


@dataclass
class _Known:
    """What the files of one platform have said so far about items, entities and users."""

    items: list[pa.Array] = field(default_factory=list)
    users: list[pa.Array] = field(default_factory=list)
    link_items: list[pa.Array] = field(default_factory=list)
    link_entities: list[pa.Array] = field(default_factory=list)


class Batcher:
    """Turns the chunks of one data set into pieces. Chunks must come in the order that readers yield them."""

    def __init__(self, platform: str) -> None:
        self._platform = platform
        self._known: dict[str, _Known] = {}
        self._identified = False

    def pieces(self, chunk: Chunk) -> Iterator[Piece]:
        """The batches of a chunk: nodes before the relationships that join them. Negatives give their items alone."""
        platform = chunk.platform or self._platform
        known = self._known.setdefault(platform, _Known())
        if chunk.part in INTERACTION_PARTS:
            yield from _interactions(chunk.rows, platform, known)
        elif chunk.part == "items":
            known.items.append(pc.unique(chunk.rows.column("item")))
            yield from _nodes(chunk.rows, ITEM, "item", platform)
        elif chunk.part == "users":
            known.users.append(pc.unique(chunk.rows.column("user")))
            yield from _nodes(chunk.rows, USER, "user", platform)
        elif chunk.part == "links":
            yield _links(chunk.rows, platform, known)
        elif chunk.part == "triples":
            yield from _triples(chunk.rows, platform, known)
        elif chunk.part == "friends":
            yield from _friends(chunk.rows, platform)
        elif chunk.part == "identities":
            self._identified = True
            yield from _identities(chunk.rows, platform)
        elif chunk.part != "deletions":  # which bring nothing
            yield _reference(chunk.rows.column("item"), ITEM, platform)

    def add_items(self, platform: str, items: pa.Array) -> None:
        """Native ids of items that the graph holds already: triples may name them."""
        self._known.setdefault(platform, _Known()).items.append(items)

    def same_users(self) -> Iterator[Piece]:
        """Joins users with equal ids on different platforms, where no file said who is who."""
        for platform, known in () if self._identified else self._known.items():
            users = pc.unique(pa.chunked_array(known.users, pa.string()))
            rows = pa.table({"user": users, "person": users, ROW: pa.nulls(len(users), pa.int64()).fill_null(NO_ROW)})
            yield from _identities(rows, platform, method="same id")


def graph_ids(platform: str, native: pa.Array) -> pa.Array:
    """`graph.schema.node_id` of a whole column."""
    return pc.binary_join_element_wise(platform, native, ":")


def _column(rows: pa.Table, name: str) -> pa.Array:
    column = rows.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _reference(native: pa.Array, label: str, platform: str) -> Piece:
    """Nodes that are only named: id and platform, nothing that could overwrite what a file says of them."""
    unique = pc.unique(native)
    rows = pa.table({"id": graph_ids(platform, unique), "platform": _constant(platform, len(unique))})
    return Piece(NodeBatch(label, rows), pa.array(np.full(len(unique), NO_ROW)))


def _constant(text: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text])).dictionary_decode()


def _nodes(rows: pa.Table, label: str, key: str, platform: str) -> Iterator[Piece]:
    lists = [name for name in rows.column_names if name.endswith(LISTED)]
    ids = graph_ids(platform, _column(rows, key))
    numbers = _column(rows, ROW)
    properties = rows.drop_columns([ROW, key, *lists])
    table = pa.table({"id": ids, "platform": _constant(platform, len(ids))})
    for name in properties.column_names:
        table = table.append_column(name, properties.column(name))
    yield Piece(NodeBatch(label, table), numbers)
    for name in lists:
        yield from _attributes(name.removesuffix(LISTED), label, ids, _column(rows, name), numbers)


def _attributes(label: str, of: str, ids: pa.Array, lists: pa.Array, numbers: pa.Array) -> Iterator[Piece]:
    """Attribute nodes are shared by all platforms: their id is label and value."""
    parents, names = pc.list_parent_indices(lists), lists.flatten()
    if len(names) == 0:
        return
    unique = pc.unique(names)
    nodes = pa.table({"id": graph_ids(label, unique), "name": unique})
    yield Piece(NodeBatch(label, nodes), pa.array(np.full(len(unique), NO_ROW)))
    edges = pa.table({"head": ids.take(parents), "tail": graph_ids(label, names)})
    yield Piece(EdgeBatch(safe_name(f"HAS_{label.upper()}"), of, label, edges), numbers.take(parents))


def _interactions(rows: pa.Table, platform: str, known: _Known) -> Iterator[Piece]:
    users, items = _column(rows, "user"), _column(rows, "item")
    known.items.append(pc.unique(items))
    known.users.append(pc.unique(users))
    yield _reference(users, USER, platform)
    yield _reference(items, ITEM, platform)
    table = pa.table({"head": graph_ids(platform, users), "tail": graph_ids(platform, items)})
    table = table.append_column("value", rows.column("value")).append_column("at", rows.column("time"))
    for name in rows.column_names:
        if name not in {ROW, "user", "item", "kind", "value", "time"}:
            table = table.append_column(name, rows.column(name))
    kinds = _column(rows, "kind")
    for kind in pc.unique(kinds).to_pylist():
        mask = pc.equal(kinds, kind)
        yield Piece(EdgeBatch(KIND_TO_TYPE[kind], USER, ITEM, table.filter(mask)), _column(rows, ROW).filter(mask))


def _links(rows: pa.Table, platform: str, known: _Known) -> Piece:
    known.link_items.append(_column(rows, "item"))
    known.link_entities.append(_column(rows, "entity"))
    known.items.append(pc.unique(rows.column("item")))
    ids = graph_ids(platform, _column(rows, "item"))
    table = pa.table({"id": ids, "platform": _constant(platform, len(ids)), "entity": _column(rows, "entity")})
    return Piece(NodeBatch(ITEM, table), _column(rows, ROW))


def _triples(rows: pa.Table, platform: str, known: _Known) -> Iterator[Piece]:
    entities, items = _item_names(known)
    head_rows, head_item, heads = _resolve(_column(rows, "head"), entities, items)
    rows = rows.take(pa.array(head_rows))
    tail_rows, tail_item, tails = _resolve(_column(rows, "tail"), entities, items)
    head_item, heads = head_item[tail_rows], heads.take(pa.array(tail_rows))
    rows = rows.take(pa.array(tail_rows))
    relations = _column(rows, "relation").dictionary_encode()
    types = [_relation_type(relation) for relation in relations.dictionary.to_pylist()]
    for mask, label, names in ((~head_item, ENTITY, heads), (~tail_item, ENTITY, tails)):
        yield _reference(names.filter(pa.array(mask)), label, platform)
    table = pa.table({"head": graph_ids(platform, heads), "tail": graph_ids(platform, tails)})
    groups = relations.indices.to_numpy() * 4 + head_item * 2 + tail_item
    for group in np.unique(groups).tolist():
        where = pa.array(groups == group)
        ends = (ITEM if group & 2 else ENTITY), (ITEM if group & 1 else ENTITY)
        yield Piece(EdgeBatch(types[group // 4], *ends, table.filter(where)), _column(rows, ROW).filter(where))


def _relation_type(relation: str) -> str:
    """As `relation_type`; relations that are numbered get a word in front, as a type cannot begin with a digit."""
    plain = relation.lstrip("./<>#: ")
    return relation_type(f"relation_{plain}" if plain[:1].isdigit() else relation)


def _item_names(known: _Known) -> tuple[pa.Array, pa.Array]:
    """Names under which items take part in triples, and the item of each.

    Where there are links, they alone count: entities and items are often both numbered, and would be mistaken for
    each other.
    """
    if known.link_entities:
        return pa.concat_arrays(known.link_entities), pa.concat_arrays(known.link_items)
    items = pc.unique(pa.chunked_array(known.items, pa.string()))
    return items, items


def _resolve(
    names: pa.Array, entities: pa.Array, items: pa.Array
) -> tuple[NDArray[np.int64], NDArray[np.bool_], pa.Array]:
    """Rows, is it an item, its native id: a name that several items are linked to gives a row for each."""
    order = pc.sort_indices(entities)
    entities, items = entities.take(order), items.take(order)
    runs = pc.run_end_encode(entities, run_end_type=pa.int32())
    ends = np.concatenate([[0], runs.run_ends.to_numpy()]).astype(np.int64)
    found = pc.index_in(names, value_set=runs.values)
    code = pc.fill_null(found, -1).to_numpy()
    counts = np.where(code >= 0, np.diff(ends, append=ends[-1])[code], 1)
    rows = np.repeat(np.arange(len(names)), counts)
    is_item = code[rows] >= 0
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = pa.array(np.where(is_item, ends[:-1][code[rows]] + nth if len(items) else 0, 0), mask=~is_item)
    return rows, is_item, pc.coalesce(items.take(places), names.take(pa.array(rows)))


def _friends(rows: pa.Table, platform: str) -> Iterator[Piece]:
    """Undirected: kept once, from the smaller id to the larger."""
    users, friends = _column(rows, "user"), _column(rows, "friend")
    yield _reference(pa.concat_arrays([users, friends]), USER, platform)
    first = pc.less(users, friends)
    heads, tails = pc.if_else(first, users, friends), pc.if_else(first, friends, users)
    table = pa.table({"head": graph_ids(platform, heads), "tail": graph_ids(platform, tails)})
    yield Piece(EdgeBatch(FRIEND, USER, USER, table), _column(rows, ROW))


def _identities(rows: pa.Table, platform: str, *, method: str = "given") -> Iterator[Piece]:
    users, people = _column(rows, "user"), _column(rows, "person")
    yield _reference(users, USER, platform)
    unique = pc.unique(people)
    yield Piece(NodeBatch(PERSON, pa.table({"id": unique})), pa.array(np.full(len(unique), NO_ROW)))
    table = pa.table(
        {
            "head": graph_ids(platform, users),
            "tail": people,
            "probability": pa.array(np.ones(len(users))),
            "method": _constant(method, len(users)),
        }
    )
    yield Piece(EdgeBatch(IS, USER, PERSON, table), _column(rows, ROW))
