"""Quality by group of users and of items, and the gap between the best and the worst served.

After the evaluation. Groups of users: how active they were, and each column of their profile. Groups of items: how
popular they were when the model was fitted, and whether it had met them at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import kruskal

from training.metrics import hit_matrix
from training.profiles import NO_PROFILE, as_numbers
from training.resample import Groups, ratios
from training.significance import holm

LEAST_USERS = 10
"""A group of fewer says nothing: its users are not shown."""
FEW, MOST_VALUES = 12, 30
"""A profile column of numbers with more values than the first is cut into thirds, words beyond the second left out."""
HEAD, TAIL = 0.2, 0.2
"""Head: the most popular fifth of the items. Tail: the least popular that together have a fifth of the interactions."""
Labels = tuple[NDArray[np.int64], tuple[str, ...]]
"""Group of each row, -1 for none, and the groups' names."""


def by_users(
    measure: str, values: NDArray[np.float64], groups: Mapping[str, Labels], *, seed: int = 42
) -> dict[str, Groups]:
    """Means of a per-user measure for each way of grouping, and whether they differ beyond chance."""
    found, chances = {}, {}
    for name, (label, names) in groups.items():
        member = (label[:, None] == np.arange(len(names))).astype(np.float64)
        member[:, member.sum(0) < LEAST_USERS] = 0
        found[name] = ratios(measure, names, member * values[:, None], member, seed=seed)
        samples = [values[one > 0] for one in member.T if one.any()]
        if len(samples) > 1:
            chances[name] = 1.0 if np.ptp(np.concatenate(samples)) == 0 else float(kruskal(*samples).pvalue)
    adjusted = holm(np.array(list(chances.values())))
    p_values = dict(zip(chances, adjusted.tolist(), strict=True))
    return {name: replace(one, p_value=p_values.get(name)) for name, one in found.items()}


def by_items(
    ranking: NDArray[np.int32], relevant: csr_matrix, groups: Mapping[str, Labels], k: int, *, seed: int = 42
) -> dict[str, Groups]:
    """recall@k for each group of items: the share of its held-out interactions that were in the first k."""
    hits = hit_matrix(ranking[:, :k], relevant)
    found = {}
    for name, (label, names) in groups.items():
        member = csr_matrix((label[:, None] == np.arange(len(names))).astype(np.float64))
        held = np.asarray((relevant @ member).todense(), np.float64)
        row, place = np.nonzero(hits)
        shown = csr_matrix((np.ones(len(row)), (row, ranking[row, place])), shape=relevant.shape)
        found[name] = ratios(f"recall@{k}", names, np.asarray((shown @ member).todense()), held, seed=seed)
    return found


def item_groups(item_counts: NDArray[np.int64]) -> dict[str, Labels]:
    """`popularity`: ten groups of items as equal as can be, 1 the least popular; items never met are `new` in each."""
    met = item_counts > 0
    order = np.argsort(item_counts, kind="stable")
    order = order[met[order]]
    decile = np.full(len(item_counts), 10, np.int64)
    decile[order] = np.arange(len(order)) * 10 // max(1, len(order))
    names = (*(f"decile {number}" for number in range(1, 11)), "new")
    return {"popularity": (decile, names), "head": (_head(item_counts, order), ("head", "middle", "tail", "new"))}


def _head(item_counts: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Abdollahpouri, Burke and Mobasher 2019, FLAIRS."""
    label = np.full(len(item_counts), 3, np.int64)
    label[order] = 1
    share = np.cumsum(item_counts[order]) / max(1, item_counts.sum())
    label[order[share <= TAIL]] = 2
    label[order[len(order) - int(np.ceil(HEAD * len(order))) :]] = 0
    return label


def user_groups(users: NDArray[np.int64], activity: NDArray[np.int64], profiles: pa.Table) -> dict[str, Labels]:
    """`activity`: thirds of the given users by (users,) number of interactions known; and each profile column."""
    thirds = _thirds(activity.astype(np.float64))
    found: dict[str, Labels] = {"activity": (thirds, ("low", "middle", "high"))}
    for name in profiles.column_names:
        if name not in NO_PROFILE:
            labels = _profile(profiles.column(name), users)
            if labels is not None:
                found[name] = labels
    return found


def _thirds(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """By rank, so that ties fall where they stand; -1 for NaN."""
    label = np.full(len(values), -1, np.int64)
    there = np.flatnonzero(~np.isnan(values))
    label[there[np.argsort(values[there], kind="stable")]] = np.arange(len(there)) * 3 // max(1, len(there))
    return label


def _profile(column: pa.ChunkedArray, users: NDArray[np.int64]) -> Labels | None:
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        return None
    taken = column.combine_chunks().take(pa.array(users))
    numbers = as_numbers(taken)
    distinct = taken.unique().drop_null()
    if numbers is not None and len(distinct) > FEW:
        return _thirds(numbers), ("low", "middle", "high")
    if not 2 <= len(distinct) <= MOST_VALUES:
        return None
    names = sorted(distinct.to_pylist(), key=str)
    places = pc.index_in(taken, pa.array(names, taken.type)).fill_null(-1)
    return np.asarray(places.to_numpy(zero_copy_only=False), np.int64), tuple(map(str, names))
