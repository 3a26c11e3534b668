"""Leak check: does anything that a model may read give away the test part. Before the fit; every finding is a warning.

Looks at the pairs of the parts, their times, the side information that models learn from, and items that are there
twice. Vectorised: a second for a million interactions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import NO_TIME, Snapshot
from training.data import HeldOut, Histories
from training.prepare import Prepared
from training.split import How

Order = Literal["", "user", "global"]
"""What a split claims: each user's test comes after what they had done before, or after everybody's."""
FEW = 5
"""A column with fewer values than this is not taken for a count of interactions."""
AGREE = 0.95
"""Share of rows that must agree before a column is called derived from something."""


@dataclass(frozen=True)
class Leak:
    """`count` of `of` things (`unit`) give something away; `remedy` says what to do about it."""

    name: str
    what: str
    count: int
    of: int
    unit: str
    remedy: str

    @property
    def text(self) -> str:
        """One line for people."""
        return (
            f"leak check, {self.name}: {self.what} ({self.count:,} of {self.of:,} {self.unit}); remedy: {self.remedy}"
        )


def order_of(how: How | str) -> Order:
    """What a way to split claims about time."""
    orders: dict[str, Order] = {"last-out": "user", "global-time": "global"}
    return orders.get(how, "")


def find_leaks(snapshot: Snapshot, prepared: Prepared, *, order: Order = "") -> tuple[Leak, ...]:
    """Everything found; empty when nothing was."""
    checks = (
        duplicates(prepared),
        times(snapshot, prepared, order),
        triples(snapshot, prepared.test),
        pair_columns(snapshot, prepared.test),
        totals(snapshot, prepared),
        twins(snapshot, prepared.test),
    )
    return tuple(leak for found in checks for leak in found if leak.count)


def as_dicts(leaks: tuple[Leak, ...]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(leak) for leak in leaks]


def duplicates(prepared: Prepared) -> Iterator[Leak]:
    """Pairs that are in two parts."""
    test, validation = prepared.test, prepared.data.validation
    both = int(test.relevant.multiply(test.excluded).nnz)
    yield Leak(
        "duplicates", "test pairs are in train or validation too, and can never be ranked", both, test.relevant.nnz,
        "test pairs", "keep each user and item in one part: split again, or drop repeats from the fixed parts",
    )  # fmt: skip
    if validation is not None:
        both = int(validation.relevant.multiply(validation.excluded).nnz)
        yield Leak(
            "duplicates", "validation pairs are in train too: what is chosen by them is chosen by what was learned",
            both, validation.relevant.nnz, "validation pairs", "drop repeats from the fixed parts, or split again",
        )  # fmt: skip


def times(snapshot: Snapshot, prepared: Prepared, order: Order) -> Iterator[Leak]:
    """Test interactions that happened before what the model learned from, where the split claims they did not."""
    test = prepared.test
    if not order or not len(test):
        return
    row, item = _pairs(test.relevant)
    when = _latest(snapshot, test.users[row], item)
    known = test.histories
    last = np.full(len(test), NO_TIME)
    filled = np.flatnonzero(np.diff(known.indptr) > 0)
    if len(filled):
        last[filled] = np.maximum.reduceat(known.times, known.indptr[filled])
    bound = last[row] if order == "user" else np.full(len(row), _newest(prepared.data.histories))
    early = (when != NO_TIME) & (bound != NO_TIME) & (when < bound)
    whose = "the same user's" if order == "user" else "somebody's"
    yield Leak(
        "time", f"test interactions are earlier than {whose} train interactions, though the split claims time order",
        int(early.sum()), len(row), "test pairs", "split by time (--split last-out or global-time), or mend the times",
    )  # fmt: skip


def triples(snapshot: Snapshot, test: HeldOut) -> Iterator[Leak]:
    """Facts in the knowledge graph that join a test item to the user it was held out for."""
    items, facts = len(snapshot.items), snapshot.triples
    users = _users_among_entities(snapshot)
    if not len(facts) or not (users >= 0).any():
        return
    ends = []
    for one, other in ((facts.head, facts.tail), (facts.tail, facts.head)):
        rows = np.flatnonzero((one < items) & (other >= items))
        user = users[other[rows] - items]
        ends.append((user[user >= 0], one[rows][user >= 0]))
    user, item = (np.concatenate(parts) for parts in zip(*ends, strict=True))
    hits = _hits(test, user, item)
    if not _beyond_chance(hits, len(user), test):
        return
    yield Leak(
        "features", "triples join test items to the users they are held out for", hits,
        test.relevant.nnz, "test pairs", "leave out the relation that says who liked what, or cut its test pairs",
    )  # fmt: skip


def pair_columns(snapshot: Snapshot, test: HeldOut) -> Iterator[Leak]:
    """Profile columns of users that name test items, and columns of items that name the users."""
    yield from _naming(snapshot.user_properties, snapshot.items.positions, test, users_first=True)
    yield from _naming(snapshot.item_properties, snapshot.users.positions, test, users_first=False)


def totals(snapshot: Snapshot, prepared: Prepared) -> Iterator[Leak]:
    """Number columns that count interactions (or average ratings), those of the test part included."""
    rows = snapshot.interactions
    train = prepared.data.matrix
    sides = (
        ("users", snapshot.user_properties, rows.user, np.diff(train.indptr), len(snapshot.users)),
        ("items", snapshot.item_properties, rows.item, np.bincount(train.indices, minlength=train.shape[1]),
         len(snapshot.items)),
    )  # fmt: skip
    for name, table, place, known, size in sides:
        count = np.bincount(place, minlength=size).astype(np.float64)
        value = np.nan_to_num(rows.value.astype(np.float64))
        mean = np.bincount(place, value, size) / np.maximum(count, 1)
        for column, numbers in _number_columns(table):
            for what, total in (("the number", count), ("the mean value", mean)):
                agree = np.abs(numbers - total) < 0.006
                told = agree & ((np.abs(numbers - known) >= 0.006) | (what == "the mean value")) & (count > 0)
                if agree[~np.isnan(numbers)].mean() >= AGREE and np.ptp(total) > 0:
                    yield Leak(
                        "features", f"column {column!r} of {name} is {what} of all interactions, test included",
                        int(told.sum()), size, name, f"drop {column!r}, or compute it from train alone",
                    )  # fmt: skip


def twins(snapshot: Snapshot, test: HeldOut) -> Iterator[Leak]:
    """Items that are there twice (the same title and year, or the same vector), one known and one to be found."""
    for how, group in _twin_groups(snapshot):
        size = int(group.max()) + 1
        to_group = csr_matrix((np.ones(len(group)), (np.arange(len(group)), group)), shape=(len(group), size))
        known = (test.histories.matrix @ to_group).tocsr()
        row, item = _pairs(test.relevant)
        near = np.asarray(known[row, group[item]]).ravel() > 0
        itself = np.asarray(test.histories.matrix[row, item]).ravel() > 0
        again = int((np.bincount(group) > 1)[group].sum())
        yield Leak(
            "near-duplicates", f"test items have a twin ({how}; {again:,} items have one) in the user's history",
            int((near & ~itself).sum()), len(row), "test pairs",
            "join the twins into one item before the split, or read the figures with that in mind",
        )  # fmt: skip


def _twin_groups(snapshot: Snapshot) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Groups of items that have a twin at all; everybody else is alone."""
    table, items = snapshot.item_properties, len(snapshot.items)
    if "title" in table.column_names and pa.types.is_string(table.column("title").type):
        text = pc.replace_substring_regex(pc.utf8_lower(table.column("title")), r"[^\p{L}\p{N}]+", " ")
        text = pc.utf8_trim_whitespace(text).combine_chunks()
        if "year" in table.column_names:
            year = pc.cast(table.column("year"), pa.string()).combine_chunks()
            text = pc.binary_join_element_wise(text, year.fill_null(""), " ")
        codes = text.dictionary_encode().indices
        yield from _if_any("the same title and year", np.asarray(codes.fill_null(-1).to_numpy(zero_copy_only=False)))
    for name, vectors in sorted(snapshot.embeddings.items()):
        rounded = np.round(vectors.vectors, 3) + 0.0
        as_bytes = np.ascontiguousarray(rounded).view(np.dtype((np.void, rounded.shape[1] * 4))).ravel()
        group = np.full(items, -1, np.int64)
        group[vectors.present] = np.unique(as_bytes[vectors.present], return_inverse=True)[1]
        yield from _if_any(f"the same {name} vector", group)


def _if_any(how: str, group: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    group = np.asarray(group, np.int64).copy()
    alone = group < 0
    group[alone] = group.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    if len(group) and np.bincount(group).max() > 1:
        yield how, group


def _naming(table: pa.Table, positions: dict[str, int], test: HeldOut, *, users_first: bool) -> Iterator[Leak]:
    of, other = ("users", "items") if users_first else ("items", "users")
    for column in table.column_names:
        if column == "id":
            continue
        owner, values = _texts(table.column(column))
        if not len(owner):
            continue
        found = _places(values, positions)
        owner, found = owner[found >= 0], found[found >= 0]
        pairs = (owner, found) if users_first else (found, owner)
        hits = _hits(test, *pairs)
        if _beyond_chance(hits, len(owner), test):
            yield Leak(
                "features", f"column {column!r} of {of} names test {other}", hits, test.relevant.nnz, "test pairs",
                f"drop {column!r}, or fill it from train alone",
            )  # fmt: skip


def _texts(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], pa.Array]:
    """Row and value of every word in a column of words or of lists of words."""
    array = column.combine_chunks()
    if pa.types.is_list(array.type) and pa.types.is_string(array.type.value_type):
        return np.asarray(pc.list_parent_indices(array).to_numpy(), np.int64), pc.list_flatten(array)
    if pa.types.is_string(array.type):
        return np.arange(len(array)), array
    return np.empty(0, np.int64), pa.array([], pa.string())


def _places(values: pa.Array, positions: dict[str, int]) -> NDArray[np.int64]:
    """Position of each value as an id, whole or without its platform; -1 for none."""
    whole = pa.array(list(positions), pa.string())
    native = pc.replace_substring_regex(whole, "^[^:]*:", "")
    found = pc.coalesce(pc.index_in(values, whole), pc.index_in(values, native)).fill_null(-1)
    return np.asarray(found.to_numpy(zero_copy_only=False), np.int64)


def _users_among_entities(snapshot: Snapshot) -> NDArray[np.int64]:
    """Position of the user that each entity names by id, -1 for none: entities of a label that is not about people go
    by the same numbers, so at least half of a label's entities must be users.
    """
    if not len(snapshot.entities):
        return np.empty(0, np.int64)
    ids = pa.array(snapshot.entities.ids, pa.string())
    label = np.asarray(pc.replace_substring_regex(ids, ":.*$", "").dictionary_encode().indices.to_numpy())
    found = _places(pc.replace_substring_regex(ids, "^[^:]*:", ""), snapshot.users.positions)
    share = np.bincount(label, found >= 0) / np.bincount(label)
    return np.where(share[label] >= 0.5, found, -1)


def _number_columns(table: pa.Table) -> Iterator[tuple[str, NDArray[np.float64]]]:
    for name in table.column_names:
        column = table.column(name)
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            continue
        numbers = np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
        if len(np.unique(numbers[~np.isnan(numbers)])) >= min(FEW, len(numbers) // 2):
            yield name, numbers


def _hits(test: HeldOut, user: NDArray[np.int64], item: NDArray[np.int64]) -> int:
    """How many test pairs are among the given ones."""
    row = np.searchsorted(test.users, user)
    there = row < len(test)
    there[there] = test.users[row[there]] == user[there]
    shape = test.relevant.shape
    named = csr_matrix((np.ones(int(there.sum())), (row[there], item[there])), shape=shape)
    return int(test.relevant.multiply(named).nnz)


def _beyond_chance(hits: int, named: int, test: HeldOut) -> bool:
    """Ids are often small numbers, and so is much else: more than so many of `named` pairs that meant other things."""
    cells = len(test) * test.relevant.shape[1]
    return bool(hits > 2 + 3 * named * test.relevant.nnz / max(1, cells))


def _pairs(matrix: csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    pairs = matrix.tocoo()
    return np.asarray(pairs.row, np.int64), np.asarray(pairs.col, np.int64)


def _latest(snapshot: Snapshot, user: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.int64]:
    """Time of the last interaction of each pair."""
    rows, width = snapshot.interactions, len(snapshot.items)
    key = rows.user.astype(np.int64) * width + rows.item
    order = np.lexsort((rows.time, key))
    place = np.searchsorted(key[order], user * width + item, side="right") - 1
    return np.asarray(rows.time[order[place]])


def _newest(histories: Histories) -> int:
    return int(histories.times.max(initial=NO_TIME))
