"""Where recommendations come from: named sources, asked in order until enough items have been found.

A source gives items best first with scores; `serving.recommend` removes what the request excludes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.index_files import MISSING
from serving.live import Live
from serving.rank import best, score

LIST, MODEL, PERSON, FRIENDS, POPULAR = "list", "model", "person", "friends", "popular"

Ranked: TypeAlias = tuple[NDArray[np.integer], NDArray[np.float32]]
Source: TypeAlias = Callable[[Live, int], Ranked]


def precomputed(live: Live, user: int) -> Ranked:
    """The list that was made when the index was published: exact scores, seen items left out, of bounded length."""
    items = live.index.list_items[user]
    length = int(np.count_nonzero(items != MISSING))
    return items[:length], live.index.list_scores[user, :length]


def model_scores(live: Live, user: int) -> NDArray[np.float32]:
    """Every item's score now, (num_items,); -inf for what the user has seen. What nobody met has what it inherits."""
    scores = all_scores(live, user, live.index.known[user])
    scores[live.index.seen[user]] = -np.inf
    return scores


def all_scores(live: Live, user: int, history: NDArray[np.int32]) -> NDArray[np.float32]:
    """(num_items,) by the model; `user` and `history` as for `serving.rank.score`."""
    scores = score(live.index, user, history).copy()
    if live.index.inherit is not None:
        live.index.inherit.fill(scores)
    return live.extend(scores)


def model(live: Live, user: int) -> Ranked:
    """Every item the user has not seen, scored now."""
    scores = model_scores(live, user)
    order = best(scores, live.num_items)
    return order, scores[order]


def borrowed(live: Live, user: int) -> Ranked:
    """Every item the user has not seen, scored as for somebody who did what their other accounts, or friends, did."""
    index = live.index
    scores = all_scores(live, MISSING, index.borrowed[user])
    scores[index.seen[user]] = -np.inf
    order = best(scores, live.num_items)
    return order, scores[order]


def popular(live: Live, user: int) -> Ranked:
    """Every item the user has not seen, by how many interactions it has; for users nothing is known of.

    New items stand where items like them do.
    """
    index = live.index
    if live.has_source.any():
        scores = appeal(live)
        scores[index.seen[user]] = -np.inf
        ranked = best(scores, live.num_items)
        return ranked, np.expm1(scores[ranked])
    order = index.popular[~np.isin(index.popular, index.seen[user])]
    return order, index.popularity[order]


def popular_first(live: Live, user: int, n: int, keep: Callable[[NDArray[np.integer]], NDArray[np.bool_]]) -> Ranked:
    """The first n of `popular` that `keep` lets pass, where there are no new items: walked from the top."""
    index, seen = live.index, live.index.seen[user]
    found, start, step = [np.empty(0, np.int32)], 0, 4 * n + len(seen)
    while start < len(index.popular) and sum(map(len, found)) < n:
        items = index.popular[start : start + step]
        items = items[~np.isin(items, seen)]
        found.append(items[keep(items)])
        start, step = start + step, 4 * step
    order = np.concatenate(found)[:n]
    return order, index.popularity[order]


def appeal(live: Live) -> NDArray[np.float32]:
    """(num_items,): the logarithm of how many interactions an item has; of new ones, what can be expected."""
    return live.extend(np.log1p(live.index.popularity).astype(np.float32))


SOURCES: Mapping[str, Source] = MappingProxyType(
    {LIST: precomputed, MODEL: model, PERSON: borrowed, FRIENDS: borrowed, POPULAR: popular}
)


def sources_for(live: Live, user: int) -> tuple[str, ...]:
    """Names of the sources to ask, in order; the last of them gives every item the user may get.

    The lists know nothing of new items, so while there are any the user is scored live.
    """
    if not len(live.index.known[user]):
        if len(live.index.borrowed[user]):
            return (PERSON if live.index.borrowed_own[user] else FRIENDS,)
        return (POPULAR,)
    return (MODEL,) if live.has_source.any() else (LIST, MODEL)
