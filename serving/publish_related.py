"""What belongs to what, counted when an index is published: related items of three kinds, and what comes after what.

Bounded: counting takes one row at a time (`training.near`), and of each item `KEPT` of each relation stay.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.schema import KINDS
from graph.snapshot import Snapshot
from serving.categories import SAME, alike, alternatives, category_labels, category_vectors
from serving.index_files import Rows
from serving.neighbours import unit
from serving.playlists.transitions import Transitions
from serving.related_parts import ALTERNATIVES, COMPLEMENTS, TOGETHER, Relation, write_relation
from serving.together import Pairs, taken_together
from training.data import Histories
from training.near import near
from training.prepare import known_histories

KEPT = 50
PURCHASED = KINDS.index("purchased")
BOUGHT = 0.05
"""Of all likings, the share of purchases from which on they alone say what is taken together."""
AFTER_REACH = 3
"""How many places later an item may stand that comes after another."""
AFTER_LAST = 100
"""Newest items of a history that are read for it."""


def write_related(folder: Path, snapshot: Snapshot, known: Histories, fewest: int) -> dict[str, Any]:
    """Writes `related.*` and `after.*`; returns what the manifest says of them. `fewest`: people a pair needs."""
    after(known, fewest).write(folder)
    bought = purchases(snapshot, known)
    labels = category_labels(snapshot)
    found = related(snapshot, known if bought is None else bought, fewest, labels)
    for name, relation in found.items():
        write_relation(folder, name, relation)
    return {"relations": list(found), "labels": list(labels), "fewest": fewest, "purchases": bought is not None}


def purchases(snapshot: Snapshot, known: Histories) -> Histories | None:
    """Who bought what, where a shop tells that beside views and clicks, and not rarely; else None.

    What people look at side by side they choose from: it is bought instead, not together.
    """
    rows = snapshot.interactions
    bought = rows.take(rows.kind == PURCHASED)
    if not BOUGHT * len(known.items) <= len(bought) < len(known.items):
        return None
    return known_histories(replace(snapshot, interactions=bought), None)


def related(snapshot: Snapshot, known: Histories, fewest: int, labels: tuple[str, ...]) -> dict[str, Relation]:
    """The relations by name, by who took what; *together* alone where no item has a category. `labels`: of attributes
    that say one, empty where all do.
    """
    pairs = taken_together(known, fewest)
    together = pairs.significant
    found = {TOGETHER: _relation(together.best(KEPT), known.num_items)}
    vectors = category_vectors(snapshot, labels)
    if not vectors.nnz:
        return found
    other = alike(vectors, together.row, together.column) < SAME
    found[COMPLEMENTS] = _relation(together.take(other).best(KEPT), known.num_items)
    contents = {name: (unit(table), table.present) for name, table in sorted(snapshot.embeddings.items())}
    popularity = np.bincount(known.items, minlength=known.num_items)
    taken = csr_matrix((np.ones(len(pairs.row)), (pairs.row, pairs.column)), shape=(known.num_items, known.num_items))
    instead = alternatives(vectors, contents, popularity, taken, KEPT)
    nobody, nothing = np.empty(0, np.int32), np.empty(0, np.float32)
    found[ALTERNATIVES] = Relation(Rows(instead.indptr, instead.columns), instead.likeness, nobody, nothing)
    return found


def _relation(pairs: Pairs, num_items: int) -> Relation:
    rows = Rows(_indptr(pairs.row, num_items), pairs.column.astype(np.int32))
    worth, chance = pairs.worth.astype(np.float32), pairs.chance.astype(np.float32)
    return Relation(rows, worth, pairs.people.astype(np.int32), chance)


def after(known: Histories, fewest: int) -> Transitions:
    """What comes after each item: people over the root of both items' popularity."""
    read = known.newest(AFTER_LAST)
    counts = near(read, np.ones(AFTER_REACH), people=True, fewest=fewest).counts
    first = np.repeat(np.arange(read.num_items), np.diff(counts.indptr))
    popularity = np.maximum(fewest, np.bincount(read.items, minlength=read.num_items))
    weights = counts.data // fewest * fewest / np.sqrt(popularity[first] * popularity[counts.indices])
    return Transitions(Rows(counts.indptr.astype(np.int64), counts.indices), weights.astype(np.float32))


def _indptr(rows: NDArray[np.integer], num_items: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=num_items))]).astype(np.int64)
