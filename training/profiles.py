"""What is known of people beside what they did: profile columns as features, a few values each.

Between `Snapshot.user_properties` and the models that read profiles. A column of numbers with many values (an age, a
year, a postal code) is cut into groups of equal size; a column of words becomes a feature for each word that enough
people share. Names, ids and free text say nothing of a newcomer and are left out by the same rule.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

NO_PROFILE = frozenset({"id", "platform"})
GROUPS = 8
"""Of a column of numbers."""
FEW = 12
"""Numbers of at most so many values are taken as they are."""
LEAST_USERS = 5
"""Who must share a word for it to be a feature."""
MOST_WORDS = 200
"""Of one column: with more it is a name and no profile."""


def profile_features(properties: pa.Table, num_users: int) -> csr_matrix:
    """(num_users, features) binary float32; no columns where nothing is known of anybody."""
    blocks = []
    for name in properties.column_names:
        if name not in NO_PROFILE:
            codes = _codes(properties.column(name))
            if codes is not None:
                blocks.append(_one_hot(codes))
    if not blocks:
        return csr_matrix((num_users, 0), dtype=np.float32)
    return csr_matrix(hstack(blocks, format="csr", dtype=np.float32))


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64] | None:
    """(users,) the group of each, -1 for none; None for a column that is no profile."""
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        return None
    values = column.combine_chunks()
    numbers = as_numbers(values)
    distinct = values.unique().drop_null()
    if numbers is not None and len(distinct) > FEW:
        there = ~np.isnan(numbers)
        edges = np.unique(np.quantile(numbers[there], np.arange(1, GROUPS) / GROUPS))
        return np.where(there, np.searchsorted(edges, numbers, side="right"), -1)
    counts = values.value_counts()
    shared = counts.field("counts").to_numpy() >= LEAST_USERS
    words = counts.field("values").filter(pa.array(shared)).drop_null()
    if not 2 <= len(words) <= MOST_WORDS:
        return None
    return np.asarray(pc.index_in(values, words).fill_null(-1).to_numpy(zero_copy_only=False), np.int64)


def as_numbers(column: pa.Array) -> NDArray[np.float64] | None:
    """As numbers, NaN where there is none; None where a value is a word."""
    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _one_hot(codes: NDArray[np.int64]) -> csr_matrix:
    rows = np.flatnonzero(codes >= 0)
    shape = (len(codes), int(codes.max(initial=-1)) + 1)
    return csr_matrix((np.ones(len(rows), np.float32), (rows, codes[rows])), shape=shape)
