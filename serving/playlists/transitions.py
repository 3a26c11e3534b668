"""What people go on to after an item: pairs that lie close together in histories, counted when an index is published.

`serving.publish_related` writes them. Only pairs that at least `k_anonymity` people share count, in steps of it,
downwards, as the crowd's neighbours do (`serving.neighbours.crowd`): no list tells what one person did.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.index_files import Rows, map_array, map_rows, write_array, write_rows

NAME = "after"


@dataclass(frozen=True)
class Transitions:
    """Of item i the items at `rows[i]` followed; `weights` beside: people over the root of both items' popularity."""

    rows: Rows = field(default_factory=lambda: Rows(np.zeros(1, np.int64), np.empty(0, np.int32)))
    weights: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    def after(self, item: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """What followed an item, and its weights; nothing for an item that the index does not know."""
        if item >= len(self.rows):
            return np.empty(0, np.int32), np.empty(0, np.float32)
        span = self.rows.span(item)
        return self.rows.columns[span], self.weights[span]

    def write(self, folder: Path) -> None:
        """As `after.*`."""
        write_rows(folder, NAME, self.rows.indptr, self.rows.columns)
        write_array(folder, f"{NAME}.weights", self.weights)


def map_transitions(folder: Path) -> Transitions:
    """What `Transitions.write` wrote."""
    return Transitions(map_rows(folder, NAME), map_array(folder, f"{NAME}.weights"))
