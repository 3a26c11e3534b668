"""From a request to ranked items: sources in order, minus what is excluded, until n are found.

The usual request is answered from the precomputed list; only when filters exhaust it is the user scored live.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from serving.candidates import (
    FRIENDS,
    LIST,
    MODEL,
    PERSON,
    POPULAR,
    SOURCES,
    Ranked,
    borrowed_sure,
    model_scores,
    popular_first,
    sources_for,
)
from serving.corrections import Interest, corrected
from serving.diversify import diversify, least_pool, pool_size
from serving.foldin import Viewer, personal
from serving.index_files import MISSING
from serving.live import Live
from serving.members import among
from serving.observe.record import CANDIDATES, timed
from serving.rank import best
from serving.retrieve import can_retrieve, retrieve

MAX_ITEMS = 500
SCORED = (MODEL, PERSON, FRIENDS)
"""Sources that score every item."""


@dataclass(frozen=True)
class Wish:
    """What is asked for. `exclude`: item ids that shall not come; those the index does not know are ignored.

    `diversity`: 0, the model's order, to 1, items as unlike each other as can be (`serving.diversify`).
    """

    user: str
    n: int = 10
    kind: str | None = None
    exclude: tuple[str, ...] = ()
    diversity: float = 0.0
    removed: tuple[Interest, ...] = ()
    """Interests that the user took out of their profile (`serving.corrections`)."""


@dataclass(frozen=True)
class Recommendations:
    """Item positions and scores, best first; `source` is the name of the source that completed them."""

    user: str
    items: list[int]
    scores: list[float]
    source: str


@dataclass(frozen=True)
class Filter:
    """What a request leaves out beside the seen items: a set of positions, and all kinds but one."""

    excluded: frozenset[int] = frozenset()
    kind: int | None = None

    def keep(self, live: Live, items: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Mask of the items that may be shown."""
        mask = ~live.hidden(items)
        if self.excluded:
            mask &= ~among(items, np.array(sorted(self.excluded), np.int64))
        if self.kind is not None:
            mask &= live.item_kind[items] == self.kind
        return mask


@timed(CANDIDATES)
def recommend(live: Live, wish: Wish, user: Viewer | None = None) -> Recommendations:
    """The n best items; `user`: who the wish names, where they have been looked up already.

    Raises `NotFound` for an unknown user, `InvalidData` for an unknown kind or diversity.
    """
    pool, enough = _pool(wish)
    chosen = choose(live, wish.kind, wish.exclude)
    return _varied(live, wish, answered(live, user or personal(live, wish.user), pool, chosen, enough))


def answered(live: Live, user: Viewer, wish: Wish, chosen: Filter, enough: int | None = None) -> Recommendations:
    """The n best of what `chosen` lets pass. `enough`: a source that gives so many is not followed by the next."""
    if wish.removed:
        allowed = chosen.keep(live, np.arange(live.num_items))
        return Recommendations(wish.user, *corrected(live, user, wish.removed, allowed, wish.n), MODEL)
    enough = wish.n if enough is None else enough
    for name in sources_for(live, user):
        found = _ask(live, user, wish, chosen, name, enough)
        if len(found.items) >= enough:
            break
    return found


@timed(CANDIDATES)
def at_hand(live: Live, wish: Wish, user: Viewer) -> Recommendations | None:
    """The answer where a list that is there suffices (microseconds); None where the user has to be scored now.

    Raises as `recommend` does.
    """
    pool, enough = _pool(wish)
    if wish.removed:
        return None
    name, chosen = sources_for(live, user)[0], choose(live, wish.kind, wish.exclude)
    if name == LIST:
        found = _ask(live, user, pool, chosen, name, enough)
    elif (first := live.scored.get(user.name, _made_of(user, name))) is not None:
        found = _first(live, pool, chosen, first, name)
    else:
        return None
    return _varied(live, wish, found) if len(found.items) >= enough else None


def _pool(wish: Wish) -> tuple[Wish, int]:
    """What is looked for to choose the wish's n from, and how many of that suffice."""
    if not 0 <= wish.diversity <= 1:
        raise InvalidData(f"a diversity of {wish.diversity:g}", valid="0 (the model's order) to 1", remedy="try 0.3")
    return (replace(wish, n=pool_size(wish.n)), least_pool(wish.n)) if wish.diversity else (wish, wish.n)


def _varied(live: Live, wish: Wish, found: Recommendations) -> Recommendations:
    """The wish's n of a pool."""
    if not wish.diversity or not found.items:
        return found
    items, scores = np.array(found.items, np.int64), np.array(found.scores, np.float32)
    chosen = diversify(live, items, scores, weight=wish.diversity, n=wish.n)
    return replace(found, items=items[chosen].tolist(), scores=scores[chosen].tolist())


def _ask(live: Live, user: Viewer, wish: Wish, chosen: Filter, name: str, enough: int) -> Recommendations:
    if name == LIST and chosen == Filter() and not len(live.gone) and not len(user.seen):
        return _head(live, user, wish)
    if name in SCORED and _suffices(live, enough, chosen):
        found = _first(live, wish, chosen, _scored_first(live, user, name), name)
        if len(found.items) >= enough:
            return found
    if name in SCORED:
        return _scored_now(live, user, wish, chosen, name)
    if name == POPULAR and not live.has_source.any():
        items, scores = popular_first(live, user, wish.n, lambda places: chosen.keep(live, places))
        return Recommendations(wish.user, items.tolist(), scores.tolist(), name)
    return _first(live, wish, chosen, SOURCES[name](live, user), name)


def _scored_now(live: Live, user: Viewer, wish: Wish, chosen: Filter, name: str) -> Recommendations:
    """By a source that scores every item, or finds the best without that."""
    if can_retrieve(live.index) and not _doubtful(live, user, name):
        ranked = _retrieved(live, user, wish.n, chosen, name)
        if ranked is not None:
            return Recommendations(wish.user, ranked[0].tolist(), ranked[1].tolist(), name)
    if name == MODEL:
        return scored(live, model_scores(live, user), wish, chosen)
    return _first(live, wish, chosen, SOURCES[name](live, user), name)


def _first(live: Live, wish: Wish, chosen: Filter, ranked: Ranked, name: str) -> Recommendations:
    """The first n of a ranking that may be shown."""
    items, scores = ranked
    if chosen == Filter() and not len(live.gone):
        items, scores = items[: wish.n], scores[: wish.n]
    else:
        kept = np.flatnonzero(chosen.keep(live, items))[: wish.n]
        items, scores = items[kept], scores[kept]
    return Recommendations(wish.user, items.tolist(), scores.tolist(), name)


def _suffices(live: Live, n: int, chosen: Filter) -> bool:
    """Can a list of the published length be expected to hold n items that pass."""
    share = 1.0 if chosen.kind is None else live.index.share_of_kind(chosen.kind)
    return n <= share * int(live.index.list_items.shape[1])


def _scored_first(live: Live, user: Viewer, name: str) -> Ranked:
    """What the user's published list would be now: remembered, as long as they and the catalogue stay the same."""
    made_of = _made_of(user, name)
    found = live.scored.get(user.name, made_of)
    if found is None:
        whole = Wish(user.name, live.index.list_items.shape[1])
        best_now = _scored_now(live, user, whole, Filter(), name)
        found = np.array(best_now.items, np.int32), np.array(best_now.scores, np.float32)
        live.scored.put(user.name, made_of, found)
    return found


def _made_of(user: Viewer, name: str) -> tuple[object, ...]:
    return name, user.place, *user.read


def _doubtful(live: Live, user: Viewer, name: str) -> bool:
    """Is it unsure that the person's other accounts are theirs: then what is popular counts too, of every item."""
    return name == PERSON and borrowed_sure(live.index, user.place) < 1


def _retrieved(live: Live, user: Viewer, n: int, chosen: Filter, name: str) -> Ranked | None:
    """The n best without scoring every item; None where that finds too few."""
    who = user if name == MODEL else Viewer(user.name, MISSING, live.index.borrowed[user.place])
    keep = None if chosen == Filter() else lambda places: chosen.keep(live, places)
    share = 1.0 if chosen.kind is None else live.index.share_of_kind(chosen.kind)
    return retrieve(live, who, n, seen=user.all_seen(live.index), keep=keep, share=share)


def _head(live: Live, user: Viewer, wish: Wish) -> Recommendations:
    """The list's first n: the hot path, without a NumPy call that costs more than the answer."""
    items = live.index.list_items[user.place, : wish.n].tolist()
    if items and items[-1] == MISSING:
        items = items[: items.index(MISSING)]
    return Recommendations(wish.user, items, live.index.list_scores[user.place, : len(items)].tolist(), LIST)


def scored(live: Live, scores: NDArray[np.float32], wish: Wish, chosen: Filter) -> Recommendations:
    """The n best of what may be shown by these (num_items,) scores, put in order however large the catalogue."""
    if chosen != Filter():
        scores[~chosen.keep(live, np.arange(live.num_items))] = -np.inf
    order = best(scores, wish.n)
    return Recommendations(wish.user, order.tolist(), scores[order].tolist(), MODEL)


def choose(live: Live, kind: str | None, exclude: tuple[str, ...]) -> Filter:
    """What a request leaves out. Raises `InvalidData` for a kind that no item has."""
    if kind is None and not exclude:
        return Filter()
    positions = (live.find(name) for name in exclude)
    return Filter(frozenset(place for place in positions if place != MISSING), _kind(live, kind))


def _kind(live: Live, kind: str | None) -> int | None:
    if kind is None:
        return None
    if kind not in live.kinds:
        raise InvalidData(
            f"no item has the kind {kind!r}", valid=", ".join(live.kinds), remedy="name one of these, or leave it out"
        )
    return live.kinds.index(kind)
