"""Where recommendations come from: named sources, asked in order until enough items have been found.

A source gives items best first with scores; `serving.recommend` removes what the request excludes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.index import Index
from serving.index_files import MISSING
from serving.rank import best, score

Ranked: TypeAlias = tuple[NDArray[np.integer], NDArray[np.float32]]
Source: TypeAlias = Callable[[Index, int], Ranked]


def precomputed(index: Index, user: int) -> Ranked:
    """The list that was made when the index was published: exact scores, seen items left out, of bounded length."""
    items = index.list_items[user]
    length = int(np.count_nonzero(items != MISSING))
    return items[:length], index.list_scores[user, :length]


def model_scores(index: Index, user: int) -> NDArray[np.float32]:
    """Every item's score now; -inf for what the user has seen."""
    scores = score(index, user, index.known[user]).copy()
    scores[index.seen[user]] = -np.inf
    return scores


def model(index: Index, user: int) -> Ranked:
    """Every item the user has not seen, scored now."""
    scores = model_scores(index, user)
    order = best(scores, index.num_items)
    return order, scores[order]


def popular(index: Index, user: int) -> Ranked:
    """Every item the user has not seen, by how many interactions it has; for users nothing is known of."""
    order = index.popular[~np.isin(index.popular, index.seen[user])]
    return order, index.popularity[order]


SOURCES: Mapping[str, Source] = MappingProxyType({"list": precomputed, "model": model, "popular": popular})
WITH_HISTORY = ("list", "model")
WITHOUT_HISTORY = ("popular",)
"""Each order ends with a source that gives every item the user may get."""


def sources_for(index: Index, user: int) -> tuple[str, ...]:
    """Names of the sources to ask, in order."""
    return WITH_HISTORY if len(index.known[user]) else WITHOUT_HISTORY
