"""What is known of people beside what they did: profile columns as features, a few values each.

Between `Snapshot.user_properties` and the models that read profiles. A column of numbers with many values (an age, a
year, a postal code) is cut into groups of equal size; a column of words becomes a feature for each word that enough
people share. Names, ids and free text say nothing of a newcomer and are left out by the same rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from graph.schema import CONSENTS

NO_PROFILE = frozenset({"id", "platform", *CONSENTS})
GROUPS = 8
"""Of a column of numbers."""
FEW = 12
"""Numbers of at most so many values are taken as they are."""
LEAST_USERS = 5
"""Who must share a word for it to be a feature."""
MOST_WORDS = 200
"""Of one column: with more it is a name and no profile."""


@dataclass(frozen=True)
class ProfileColumn:
    """How one property becomes features: by the group between `edges` that a number is in, or by which word it is."""

    name: str
    edges: NDArray[np.float64] | None
    words: pa.Array | None

    def codes(self, values: pa.Array) -> NDArray[np.int64]:
        """(users,) the feature of each, -1 for none."""
        if self.edges is not None:
            numbers = as_numbers(values)
            assert numbers is not None
            return np.where(np.isnan(numbers), -1, np.searchsorted(self.edges, numbers, side="right"))
        return np.asarray(pc.index_in(values, self.words).fill_null(-1).to_numpy(zero_copy_only=False), np.int64)

    @property
    def size(self) -> int:
        """How many features it has."""
        if self.edges is not None:
            return len(self.edges) + 1
        assert self.words is not None
        return len(self.words)


def profile_columns(properties: pa.Table) -> list[ProfileColumn]:
    """The properties that say something of a newcomer, each with its features."""
    names = (name for name in properties.column_names if name not in NO_PROFILE)
    found = (_column(name, properties.column(name)) for name in names)
    return [one for one in found if one is not None]


def profile_features(properties: pa.Table, num_users: int) -> csr_matrix:
    """(num_users, features) binary float32; no columns where nothing is known of anybody."""
    columns = profile_columns(properties)
    blocks = [_one_hot(one.codes(properties.column(one.name).combine_chunks()), one.size) for one in columns]
    if not blocks:
        return csr_matrix((num_users, 0), dtype=np.float32)
    return csr_matrix(hstack(blocks, format="csr", dtype=np.float32))


def _column(name: str, column: pa.ChunkedArray) -> ProfileColumn | None:
    """None for a column that is no profile."""
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        return None
    values = column.combine_chunks()
    numbers = as_numbers(values)
    distinct = values.unique().drop_null()
    if numbers is not None and len(distinct) > FEW:
        there = ~np.isnan(numbers)
        return ProfileColumn(name, np.unique(np.quantile(numbers[there], np.arange(1, GROUPS) / GROUPS)), None)
    counts = values.value_counts()
    shared = counts.field("counts").to_numpy() >= LEAST_USERS
    words = counts.field("values").filter(pa.array(shared)).drop_null()
    return ProfileColumn(name, None, words) if 2 <= len(words) <= MOST_WORDS else None


def as_numbers(column: pa.Array) -> NDArray[np.float64] | None:
    """As numbers, NaN where there is none; None where a value is a word."""
    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _one_hot(codes: NDArray[np.int64], size: int) -> csr_matrix:
    rows = np.flatnonzero(codes >= 0)
    shape = (len(codes), size)
    return csr_matrix((np.ones(len(rows), np.float32), (rows, codes[rows])), shape=shape)
