"""What comes next in a session: the members that `training.sessions` learned weights of, from the index alone.

Request path. An index without them (of a private model, or of a version before) scores a session by its model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.schema import NEGATIVE_KINDS
from serving.candidates import all_scores
from serving.index import Index
from serving.index_files import MISSING
from serving.live import Live
from serving.rank import item_scores, read_of, score, standardise
from serving.session_parts import MODEL, POPULAR, SessionParts

IMPRESSED = "impressed"
VIEWED = "viewed"


@dataclass(frozen=True)
class Step:
    """Something met in a session: an item's id, the kind of interaction, and when (Unix seconds), if that is told."""

    item: str
    kind: str = VIEWED
    at: int | None = None


@dataclass(frozen=True)
class Session:
    """`liked`: ids that say what comes next, oldest first. `turned_down`: ids that are only not to come again."""

    liked: tuple[str, ...] = ()
    turned_down: tuple[str, ...] = ()

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Session:
        """In the order given, or by their times where all have one. What was merely shown says nothing."""
        timed = bool(steps) and all(step.at is not None for step in steps)
        ordered: Iterable[Step] = sorted(steps, key=lambda step: step.at or 0) if timed else steps
        met = [step for step in ordered if step.kind != IMPRESSED]
        return cls(
            tuple(step.item for step in met if step.kind not in NEGATIVE_KINDS),
            tuple(step.item for step in met if step.kind in NEGATIVE_KINDS),
        )


def session_scores(live: Live, history: NDArray[np.int32]) -> NDArray[np.float32]:
    """(num_items,) of the live catalogue. `history`: positions in the index, oldest first, at least one."""
    parts = live.index.sessions
    if parts is None:
        return all_scores(live, MISSING, history)
    total = _weighed(live.index, parts, history)
    if live.index.inherit is not None:
        live.index.inherit.fill(total)
    return live.extend(total)


def _weighed(index: Index, parts: SessionParts, history: NDArray[np.int32]) -> NDArray[np.float32]:
    read, total = read_of(history), np.zeros(index.num_items, np.float32)
    for name, weight in parts.weights.items():
        if name == MODEL:
            scores = score(index, MISSING, history)
        else:
            scores = parts.popular if name == POPULAR else item_scores(parts.counted[name], read)
        total += np.float32(weight) * standardise(scores)
    return total
