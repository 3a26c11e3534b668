"""From a request to ranked items: sources in order, minus what is excluded, until n are found.

The usual request is answered from the precomputed list; only when filters exhaust it is the user scored live.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from serving.candidates import SOURCES, model_scores, sources_for
from serving.diversify import diversify, pool_size
from serving.index import Index
from serving.index_files import MISSING
from serving.rank import best

MAX_ITEMS = 500


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

    def keep(self, index: Index, items: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Mask of the items that may be shown."""
        mask = np.ones(len(items), bool)
        if self.excluded:
            mask &= ~np.isin(items, np.fromiter(self.excluded, np.int64, len(self.excluded)))
        if self.kind is not None:
            mask &= index.item_kind[items] == self.kind
        return mask


def recommend(index: Index, wish: Wish) -> Recommendations:
    """The n best items. Raises `NotFound` for an unknown user, `InvalidData` for an unknown kind or diversity."""
    if not 0 <= wish.diversity <= 1:
        raise InvalidData(f"a diversity of {wish.diversity:g}", valid="0 (the model's order) to 1", remedy="try 0.3")
    if wish.diversity:
        return _diverse(index, wish)
    user = index.user(wish.user)
    chosen = _filter(index, wish)
    names = sources_for(index, user)
    for name in names:
        found = _ask(index, user, wish, chosen, name)
        if len(found.items) >= wish.n:
            break
    return found


def from_list(index: Index, wish: Wish) -> Recommendations | None:
    """The answer when the first source suffices (microseconds); None when the user has to be scored live."""
    if wish.diversity:
        return None
    user = index.user(wish.user)
    found = _ask(index, user, wish, _filter(index, wish), sources_for(index, user)[0])
    return found if len(found.items) >= wish.n else None


def _diverse(index: Index, wish: Wish) -> Recommendations:
    found = recommend(index, replace(wish, n=pool_size(wish.n), diversity=0.0))
    if not found.items:
        return found
    items, scores = np.array(found.items, np.int64), np.array(found.scores, np.float32)
    chosen = diversify(index, items, scores, weight=wish.diversity, n=wish.n)
    return replace(found, items=items[chosen].tolist(), scores=scores[chosen].tolist())


def _ask(index: Index, user: int, wish: Wish, chosen: Filter, name: str) -> Recommendations:
    if name == "list" and chosen == Filter():
        return _head(index, user, wish)
    if name == "model":
        return _scored(index, user, wish, chosen)
    items, scores = SOURCES[name](index, user)
    kept = np.flatnonzero(chosen.keep(index, items))[: wish.n]
    return Recommendations(wish.user, items[kept].tolist(), scores[kept].tolist(), name)


def _head(index: Index, user: int, wish: Wish) -> Recommendations:
    """The list's first n: the hot path, without a NumPy call that costs more than the answer."""
    items = index.list_items[user, : wish.n].tolist()
    if items and items[-1] == MISSING:
        items = items[: items.index(MISSING)]
    return Recommendations(wish.user, items, index.list_scores[user, : len(items)].tolist(), "list")


def _scored(index: Index, user: int, wish: Wish, chosen: Filter) -> Recommendations:
    """The user scored now: only the n best of what may be shown are put in order, however large the catalogue."""
    scores = model_scores(index, user)
    if chosen != Filter():
        scores[~chosen.keep(index, np.arange(index.num_items))] = -np.inf
    order = best(scores, wish.n)
    return Recommendations(wish.user, order.tolist(), scores[order].tolist(), "model")


def _filter(index: Index, wish: Wish) -> Filter:
    if wish.kind is None and not wish.exclude:
        return Filter()
    positions = (index.item_ids.find(name.encode("utf-8", "surrogatepass")) for name in wish.exclude)
    return Filter(frozenset(place for place in positions if place != MISSING), _kind(index, wish.kind))


def _kind(index: Index, kind: str | None) -> int | None:
    if kind is None:
        return None
    if kind not in index.kinds:
        raise InvalidData(
            f"no item has the kind {kind!r}", valid=", ".join(index.kinds), remedy="name one of these, or leave it out"
        )
    return index.kinds.index(kind)
