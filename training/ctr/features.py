"""The features of every impression, in the one form that all click models read.

    rows -> fields and bags (categorical) + dense (rates, scores, past, numbers, embeddings)

No feature knows the label of its own row: statistics of labels are out-of-fold for train rows and from all of train for
the others (`training.ctr.statistics`); labels of validation and test are read by nothing here. Rates and scores may
come from labels given later than it, as in every random split; `past` is what a system has at the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from graph.snapshot import NO_TIME, EmbeddingTable, Interactions
from training.ctr.collaborative import AFFINITY, SCORES, CollaborativeConfig, affinity, scores
from training.ctr.fields import Bag, Field, bags, fields, numbers
from training.ctr.rows import Clicks
from training.ctr.statistics import PAST, RATES, FloatArray, out_of_fold, past, rates
from training.split import TRAIN

COMPONENTS = 8
"""Principal components kept of each modality's embeddings."""


@dataclass(frozen=True)
class Features:
    """Columns of equal length.

    `values` (rows, fields) int32 are places in one table of `table_size` embeddings (each field's block begins with its
    unknown value); `bags` hold items x members, placed after the fields in the same table; `item` (rows,) says whose
    bag a row reads; `dense` (rows, d) float32 is not scaled, NaN where unknown; `label` (rows,) 0 or 1.
    """

    values: NDArray[np.int32]
    item: NDArray[np.int32]
    dense: FloatArray
    label: FloatArray
    bags: tuple[csr_matrix, ...] = ()
    field_names: tuple[str, ...] = ()
    bag_names: tuple[str, ...] = ()
    dense_names: tuple[str, ...] = ()
    sizes: tuple[int, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.label)

    @property
    def table_size(self) -> int:
        return sum(self.sizes) + sum(int(bag.shape[1]) for bag in self.bags)

    def take(self, rows: NDArray[np.integer]) -> Features:
        return replace(
            self, values=self.values[rows], item=self.item[rows], dense=self.dense[rows], label=self.label[rows]
        )


def make_features(
    clicks: Clicks,
    *,
    collaborative: CollaborativeConfig | None = None,
    ids: bool = True,
    seed: int = 42,
    progress: Callable[[str], None] = lambda _text: None,
) -> Features:
    """Features of all rows of `clicks`, in their order.

    Without `ids`, nothing tells one user or item from another of the same profile and attributes: neither their ids nor
    rates, scores and pasts of their own.
    """
    progress("features: fields of users, items and times")
    found, groups = fields(clicks, ids=ids), bags(clicks.snapshot)
    names, columns = _described(clicks)
    if ids:
        config = collaborative or CollaborativeConfig(seed=seed)
        of_ids, more = _of_ids(clicks, groups, config, seed, progress)
        names, columns = (*of_ids, *names), [*more, *columns]
    return assemble(found, groups, clicks.rows, names, columns)


def assemble(
    found: list[Field], groups: list[Bag], rows: Interactions, names: tuple[str, ...], columns: list[FloatArray]
) -> Features:
    """Puts fields, bags and dense columns (rows, any) into one table's places."""
    offsets = np.cumsum([0, *(one.size for one in found)])[:-1].astype(np.int32)
    values = [one.values + offset for one, offset in zip(found, offsets, strict=True)]
    return Features(
        values=np.stack(values, 1).astype(np.int32),
        item=rows.item,
        dense=np.concatenate(columns, 1) if columns else np.empty((len(rows), 0), np.float32),
        label=rows.value,
        bags=tuple(group.members for group in groups),
        field_names=tuple(one.name for one in found),
        bag_names=tuple(group.name for group in groups),
        dense_names=names,
        sizes=tuple(one.size for one in found),
    )


def _of_ids(
    clicks: Clicks, groups: list[Bag], config: CollaborativeConfig, seed: int, progress: Callable[[str], None]
) -> tuple[tuple[str, ...], list[FloatArray]]:
    shape = (len(clicks.snapshot.users), len(clicks.snapshot.items))
    """What the user and the item of a row have to do with other labelled rows."""
    progress("features: rates and collaborative scores, out of fold")
    names: list[str] = [*RATES, *SCORES]
    columns = [
        out_of_fold(clicks, rates, seed=seed),
        out_of_fold(clicks, lambda known, asked: scores(known, asked, config, shape), seed=seed),
    ]
    if groups:
        attributes = hstack([group.members for group in groups]).tocsr()
        columns.append(out_of_fold(clicks, lambda known, asked: affinity(known, asked, attributes, shape), seed=seed))
        names += AFFINITY
    if not (clicks.rows.time == NO_TIME).all():
        columns.append(past(clicks))
        names += PAST
    return tuple(names), columns


def _described(clicks: Clicks) -> tuple[tuple[str, ...], list[FloatArray]]:
    """What is known of users and items themselves: numbers and the main directions of embeddings."""
    names: list[str] = []
    columns: list[FloatArray] = []
    for name, values in numbers(clicks):
        columns.append(values[:, None])
        names.append(name)
    for modality, table in clicks.snapshot.embeddings.items():
        found = components(table, clicks.rows.item[clicks.part == TRAIN])
        columns.append(found[clicks.rows.item])
        names += [f"{modality} {number}" for number in range(found.shape[1])]
    return tuple(names), columns


def components(table: EmbeddingTable, train_items: NDArray[np.int32]) -> FloatArray:
    """(items, <= COMPONENTS) principal components, fitted on the items of train; NaN where there is no embedding."""
    fitted = np.intersect1d(train_items, np.flatnonzero(table.present))
    count = min(COMPONENTS, table.dim, len(fitted))
    if not count:
        return np.empty((len(table.present), 0), np.float32)
    mean = table.vectors[fitted].mean(0)
    centred = table.vectors[fitted] - mean
    axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))[1][:, ::-1][:, :count]
    found = (table.vectors - mean) @ axes.astype(np.float32)
    found[~table.present] = np.nan
    return np.asarray(found, np.float32)
