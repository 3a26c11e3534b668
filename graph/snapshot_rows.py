"""Interactions and triples in canonical order, and changes merged into them by search: never sorted anew as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import Unsupported
from graph.snapshot import Interactions, Triples


def in_order(rows: Interactions) -> Interactions:
    """Sorted by user, time, item, kind; of rows with one key, the one with the greatest value (NaN above all)."""
    order = np.lexsort((rows.value, rows.kind, rows.item, rows.time, rows.user))
    rows = rows.take(order)
    last = np.ones(len(rows), np.bool_)
    last[:-1] = np.logical_or.reduce([np.diff(column) != 0 for column in _key(rows)])
    return rows if last.all() else rows.take(last)


def joined(parts: list[Interactions]) -> Interactions:
    """One below the other."""
    empty = (np.int32, np.int32, np.int8, np.float32, np.int64)
    names = ("user", "item", "kind", "value", "time")
    columns: list[Any] = [
        np.concatenate([np.empty(0, kind), *(getattr(part, name) for part in parts)])
        for name, kind in zip(names, empty, strict=True)
    ]
    return Interactions(*columns)


@dataclass(frozen=True)
class Places:
    """Old positions -> new ones (-1: gone), both ascending; `size` new positions in all."""

    new: NDArray[np.int32]
    size: int

    @property
    def same(self) -> bool:
        """Whether nothing moved, came or went."""
        return self.size == len(self.new) and (self.size == 0 or bool((self.new == np.arange(self.size)).all()))


def moved(rows: Interactions, users: Places, items: Places) -> Interactions:
    """The rows under new positions, without those of users and items that are gone; they stay in order."""
    if users.same and items.same:
        return rows
    user, item = users.new[rows.user], items.new[rows.item]
    found = Interactions(user, item, rows.kind, rows.value, rows.time)
    keep = (user >= 0) & (item >= 0)
    return found if keep.all() else found.take(keep)


def merged(rows: Interactions, changes: Interactions, present: NDArray[np.bool_], num_users: int) -> Interactions:
    """`rows` (in order) with `changes` (in order, each key once): there afterwards where `present`, else not."""
    place, known = _find(rows, changes, num_users)
    value = rows.value.copy()
    replaced = known & present
    value[place[replaced]] = changes.value[replaced]
    rows = Interactions(rows.user, rows.item, rows.kind, value, rows.time)
    come, gone = ~known & present, known & ~present
    if come.any():
        rows = _inserted(rows, changes.take(come), place[come])
        place = place + np.cumsum(come) - come  # What came before a row has pushed it down.
    if gone.any():
        keep = np.ones(len(rows), np.bool_)
        keep[place[gone]] = False
        rows = rows.take(keep)
    return rows


def _inserted(rows: Interactions, come: Interactions, place: NDArray[np.int64]) -> Interactions:
    columns = (np.insert(getattr(rows, name), place, getattr(come, name)) for name in vars(rows))
    return Interactions(*columns)


def _key(rows: Interactions) -> tuple[NDArray[Any], ...]:
    return rows.user, rows.time, rows.item, rows.kind


def _find(rows: Interactions, keys: Interactions, num_users: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each key stands (or would stand) among the rows, and whether it is there: a binary search for all at once.

    Users are found by counting, so that only a user's own rows are searched.
    """
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows.user, minlength=num_users))])
    low, high = starts[keys.user], starts[keys.user + 1]
    end = high.copy()
    while (active := np.flatnonzero(low < high)).size:
        middle = (low[active] + high[active]) // 2
        less = _less(rows, middle, keys, active)
        low[active[less]] = middle[less] + 1
        high[active[~less]] = middle[~less]
    known = low < end
    where = low[known]
    known[known] = (
        (rows.time[where] == keys.time[known])
        & (rows.item[where] == keys.item[known])
        & (rows.kind[where] == keys.kind[known])
    )
    return low, known


def _less(rows: Interactions, place: NDArray[Any], keys: Interactions, key: NDArray[Any]) -> NDArray[np.bool_]:
    item = rows.item[place] - keys.item[key]
    less: NDArray[np.bool_] = np.where(
        rows.time[place] == keys.time[key],
        np.where(item == 0, rows.kind[place] < keys.kind[key], item < 0),
        rows.time[place] < keys.time[key],
    )
    return less


@dataclass(frozen=True)
class Packing:
    """Triples as one ascending number each; `nodes` and `relations` are how many there are."""

    nodes: int
    relations: int

    def __post_init__(self) -> None:
        if self.nodes * self.nodes * max(1, self.relations) >= 2**63:
            raise Unsupported(
                f"{self.nodes} items and attributes with {self.relations} relations are too many for a snapshot",
                valid="nodes squared times relations below 2^63",
                remedy="leave relations out that recommend nothing, or split the graph by platform",
            )

    def pack(self, head: NDArray[Any], relation: NDArray[Any] | int, tail: NDArray[Any]) -> NDArray[np.int64]:
        found: NDArray[np.int64] = (head.astype(np.int64) * self.relations + relation) * self.nodes + tail
        return found

    def unpack(self, keys: NDArray[np.int64]) -> Triples:
        rest, tail = np.divmod(keys, max(1, self.nodes))
        head, relation = np.divmod(rest, max(1, self.relations))
        return Triples(head.astype(np.int32), relation.astype(np.int16), tail.astype(np.int32))


def without(keys: NDArray[np.int64], gone: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ascending keys less those that are gone."""
    return keys[~np.isin(keys, gone, kind="sort")] if len(gone) else keys


def together(keys: NDArray[np.int64], come: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ascending keys with others among them, each once."""
    come = np.unique(come)
    place = np.searchsorted(keys, come)
    there = place < len(keys)
    there[there] = keys[place[there]] == come[there]
    return np.insert(keys, place[~there], come[~there])
