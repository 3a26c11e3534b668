"""Re-ranking by a language model that judges each candidate by itself: measured like every other way.

The model and the rule of how far a judgement may move an item are given from above (`Judge`): training knows no
language model. How many places it may move one is chosen on validation, 0 among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.rerank.features import newest_items
from training.rerank.pool import Pool

REACHES = (0, 2, 4, 6, 10, 16)
"""Places that validation chooses from."""
LIKED = 12
EVERY = 10

Judgements: TypeAlias = list[list[float | None]]


class Judge(Protocol):
    """A language model over the items of one snapshot, by position."""

    @property
    def name(self) -> str: ...

    def judge(self, liked: Sequence[int], candidates: Sequence[int]) -> list[float | None]:
        """In [0, 1] of each candidate by itself; None for one that keeps its place."""
        ...

    def reorder(self, judged: Sequence[float | None], reach: int) -> list[int]:
        """First-stage places in their new order, none further than `reach` from its own."""
        ...


def read_judgements(judge: Judge, pool: Pool, note: Callable[[str], None], part: str) -> Judgements:
    """Of each user's candidates, beside the newest `LIKED` items of the history that a model may read."""
    newest = newest_items(pool.held_out.histories, LIKED)
    found: Judgements = []
    for user, (liked, items) in enumerate(zip(newest, pool.items, strict=True)):
        if user % EVERY == 0:
            note(f"language: {user:,} of {len(pool):,} users of {part}")
        found.append(judge.judge(liked[liked >= 0].tolist(), items[items >= 0].tolist()))
    return found


def lists_of(judge: Judge, pool: Pool, judged: Judgements, reach: int) -> NDArray[np.int32]:
    """(users, 10) items in the order that the judgements give."""
    scores = np.full(pool.items.shape, -np.inf)
    for user, one in enumerate(judged):
        scores[user, judge.reorder(one, reach)] = -np.arange(len(one))
    return pool.ordered(scores)


def chosen_reach(judge: Judge, pool: Pool, judged: Judgements) -> int:
    """Of `REACHES`, that with the best ndcg@10 on these users; the least of equals."""
    return max(REACHES, key=lambda reach: pool.ndcg(lists_of(judge, pool, judged, reach)))
