"""What was learned of events to come, as an index holds it: `serving.publish_events` writes it, the shelf of events
(`serving.scenarios.soon`) reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.index_files import MISSING, Rows, map_array, map_rows


@dataclass(frozen=True)
class Coming:
    """`events` (n,): positions of items. Of a user those at `rows[user]` of them, `scores` beside, which say all but
    how soon one is and which friends go: `soon` and `friends` are what one unit of these counts.
    """

    events: NDArray[np.int32]
    rows: Rows
    scores: NDArray[np.float32]
    soon: float
    friends: float

    def of(self, user: int, num_items: int) -> NDArray[np.float32] | None:
        """(num_items,): events of which nothing was learned are NaN, those that were not among the user's best stand
        with the least of them. None for a user of whom nothing was learned.
        """
        if user == MISSING or not len(self.rows[user]):
            return None
        found = np.full(num_items, np.nan, np.float32)
        scores = self.scores[self.rows.span(user)]
        found[self.events] = scores.min()
        found[self.events[self.rows[user]]] = scores
        return found


def map_coming(folder: Path, entry: Mapping[str, Any] | None) -> Coming | None:
    """What the manifest says was written; None where nothing was learned, or by a version before."""
    if not entry:
        return None
    events, rows, scores = (
        map_array(folder, "coming.events"),
        map_rows(folder, "coming"),
        map_array(folder, "coming.scores"),
    )
    return Coming(events, rows, scores, entry["soon"], entry["friends"])
