"""Ids after a change: which stayed, came and went, and where everybody stands now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.snapshot import IdMap
from graph.snapshot_rows import Places


@dataclass(frozen=True)
class Moved:
    """Sorted ids as they are now. `places`: of the nodes; `ends`: the same, but -1 for a node that was deleted and made
    again, none of whose earlier relationships is left. `touched`: old positions of changed or deleted nodes.
    """

    ids: IdMap
    places: Places
    ends: Places
    touched: NDArray[np.int64]
    values: pa.Array
    cut: Mapping[str, int]

    def positions(self, ids: pa.ChunkedArray, step: NDArray[np.int64] | None = None) -> NDArray[np.int32]:
        """Places of ids, -1 for one that is not there. With `step`, that of the delta which names each as the end of a
        relationship: -1 as well for a node that was deleted later.
        """
        found: NDArray[np.int32] = _index_in(ids, self.values)
        if self.cut and step is not None:
            which = _index_in(ids, pa.array(list(self.cut), pa.string()))
            later = np.append(np.array(list(self.cut.values()), np.int64), -1)[which]
            found = np.where(later > step, np.int32(-1), found)
        return found


def _index_in(ids: pa.ChunkedArray, known: pa.Array) -> NDArray[np.int32]:
    found: NDArray[np.int32] = pc.fill_null(pc.index_in(ids, value_set=known), -1).to_numpy(zero_copy_only=False)
    return found


def move(old: IdMap, touched: set[str], there: set[str], cut: Mapping[str, int]) -> Moved:
    """`touched` ids may have come, changed or gone; `there` are those of them that exist now."""
    base: NDArray[np.object_] = np.array([*old.ids, None], object)[:-1]
    names = np.array([*sorted(touched), None], object)[:-1]
    near = np.searchsorted(base, names)
    known = np.append(base, np.array([None], object))[near] == names
    exists = np.array([name in there for name in names.tolist()], np.bool_)
    gone, come = near[known & ~exists], names[~known & exists]
    inserted = near[~known & exists]
    places = _places(len(base), gone, inserted)
    ids = tuple(np.insert(np.delete(base, gone), inserted - np.searchsorted(gone, inserted), come).tolist())
    changed = near[known]
    again = changed[[name in cut for name in names[known].tolist()]] if cut else []
    ends = places
    if len(again):
        new = places.new.copy()
        new[again] = -1
        ends = Places(new, places.size)
    return Moved(IdMap(ids, old.what), places, ends, changed, pa.array(ids, pa.string()), cut)


def _places(size: int, gone: NDArray[np.int64], inserted: NDArray[np.int64]) -> Places:
    new = np.arange(size, dtype=np.int32)
    new += np.cumsum(np.bincount(inserted, minlength=size + 1)[:size], dtype=np.int32)
    went = np.zeros(size, np.int32)
    went[gone] = 1
    new -= np.cumsum(went, dtype=np.int32)
    new[gone] = -1
    return Places(new, size - len(gone) + len(inserted))
