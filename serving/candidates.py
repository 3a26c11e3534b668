"""Where recommendations come from: named sources, asked in order until enough items have been found.

A source gives items best first with scores; `serving.recommend` removes what the request excludes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from graph.consent import TRANSFER
from serving.foldin import Viewer
from serving.forms import Told
from serving.index import Index
from serving.index_files import MISSING
from serving.live import Live
from serving.rank import best, score, standardise

LIST, MODEL, PERSON, FRIENDS, POPULAR = "list", "model", "person", "friends", "popular"

Ranked: TypeAlias = tuple[NDArray[np.integer], NDArray[np.float32]]
Source: TypeAlias = Callable[[Live, Viewer], Ranked]


def precomputed(live: Live, user: Viewer) -> Ranked:
    """The list that was made when the index was published: exact scores, seen items left out, of bounded length."""
    items = live.index.list_items[user.place]
    length = int(np.count_nonzero(items != MISSING))
    items, scores = items[:length], live.index.list_scores[user.place, :length]
    if not len(user.seen):
        return items, scores
    kept = ~np.isin(items, user.seen)
    return items[kept], scores[kept]


def model_scores(live: Live, user: Viewer) -> NDArray[np.float32]:
    """Every item's score now, (num_items,); -inf for what the user has seen. What nobody met has what it inherits."""
    scores = all_scores(live, user.place, user.history, user.before, user.told)
    user.exclude(live, scores)
    return scores


def all_scores(
    live: Live,
    user: int,
    history: NDArray[np.int32],
    before: NDArray[np.int32] | None = None,
    told: Told | None = None,
) -> NDArray[np.float32]:
    """(num_items,) by the model; the rest as for `serving.rank.score`."""
    scores = score(live.index, user, history, before, told).copy()
    if live.index.inherit is not None:
        live.index.inherit.fill(scores)
    return live.extend(scores)


def model(live: Live, user: Viewer) -> Ranked:
    """Every item the user has not seen, scored now."""
    return _ranked(live, model_scores(live, user))


def borrowed(live: Live, user: Viewer) -> Ranked:
    """Every item the user has not seen, scored as for somebody who did what their other accounts, or friends, did.

    As likely as the accounts are theirs: what is left of that is what is popular, which is all that is known otherwise.
    """
    scores, sure = all_scores(live, MISSING, live.index.borrowed[user.place]), borrowed_sure(live.index, user.place)
    if sure < 1:
        there = np.isfinite(scores)
        known, popular = (standardise(one[there]) for one in (scores, appeal(live)))
        scores[there] = np.float32(sure) * known + np.float32(1 - sure) * popular
    user.exclude(live, scores)
    return _ranked(live, scores)


def borrowed_sure(index: Index, user: int) -> float:
    """How likely what a user borrows is their own."""
    return float(index.borrowed_sure[user]) if len(index.borrowed_sure) else 1.0


def popular(live: Live, user: Viewer) -> Ranked:
    """Every item the user has not seen, by how many interactions it has; for users nothing is known of.

    New items stand where items like them do.
    """
    index = live.index
    if live.has_source.any():
        scores = appeal(live)
        user.exclude(live, scores)
        ranked = best(scores, live.num_items)
        return ranked, np.expm1(scores[ranked])
    order = index.popular[~np.isin(index.popular, user.all_seen(index))]
    return order, index.popularity[order]


def popular_first(live: Live, user: Viewer, n: int, keep: Callable[[NDArray[np.integer]], NDArray[np.bool_]]) -> Ranked:
    """The first n of `popular` that `keep` lets pass, where there are no new items: walked from the top."""
    index, seen = live.index, user.all_seen(live.index)
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


def _ranked(live: Live, scores: NDArray[np.float32]) -> Ranked:
    order = best(scores, live.num_items)
    return order, scores[order]


SOURCES: Mapping[str, Source] = MappingProxyType(
    {LIST: precomputed, MODEL: model, PERSON: borrowed, FRIENDS: borrowed, POPULAR: popular}
)


def sources_for(live: Live, user: Viewer) -> tuple[str, ...]:
    """Names of the sources to ask, in order; the last of them gives every item the user may get.

    The lists know nothing of new items, nor of what people did since they were made: then the user is scored live.
    """
    if not len(user.history):
        if user.place != MISSING and len(live.index.borrowed[user.place]):
            if not live.index.borrowed_own[user.place]:
                return (FRIENDS,)
            return (PERSON,) if _may_borrow(live, user) else (POPULAR,)
        return (POPULAR,)
    return (MODEL,) if user.moved or live.has_source.any() else (LIST, MODEL)


def _may_borrow(live: Live, user: Viewer) -> bool:
    """Do all accounts of the person that are concerned agree that it is carried from one to the other."""
    if live.consents is None:
        return True
    index = live.index
    places = [] if index.lenders is None else index.lenders[user.place].tolist()
    others = ((index.user_ids[place].decode("utf-8", "surrogatepass"), place) for place in places)
    return all(live.agrees(name, TRANSFER, place) for name, place in ((user.name, user.place), *others))
