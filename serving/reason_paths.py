"""What may be said for an item, before anything is proved: likings of the user that the model gives weight to, and what
joins them with the item in the index.

A liking stands for an item only where leaving it out costs the item more than leaving out another one does
(`serving.effects`); among those the weight of a path is the liking's share of that cost times how much the path says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.explain_tell import NEW
from graph.queries_explain import MEASURED
from graph.schema import KIND_TO_TYPE, KINDS
from serving.corrections import Interest, has_any
from serving.crowd import RATED, TELLING, Crowd
from serving.effects import Effects, effects
from serving.foldin import Viewer
from serving.index_files import MISSING
from serving.live import Live
from serving.ties import MOST_SAID, Ties

Mask = NDArray[np.bool_]
CHOSEN = "CHOSEN"
LIKED_TRIED = 8
"""Likings that are tried for an item, those that cost it most first."""
ALWAYS_TRIED = 3
"""Of them, those that the graph is asked about too, whatever the index says."""


Effected = tuple[float, float, int, int]
"""An `Effect` that is not told yet."""


class Candidate(NamedTuple):
    """A path that is not proved; a tuple, since hundreds are made for an answer.

    `liking`: the type of the relationship; `rest`: what else the proof names beside the ends.
    """

    proof: str
    liked: int
    weight: float
    effect: Effected | None
    liking: str
    at_least: float
    rest: Mapping[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """The parameters of `proof` but for the ends."""
        return {"liking": self.liking, "at_least": self.at_least, **self.rest}


@dataclass(frozen=True)
class Likings:
    """What somebody liked: position -> relationship type. `user`: None for a newcomer; `history`: as models read it."""

    user: str | None
    liked: Mapping[int, str]
    history: Any

    @property
    def prefix(self) -> str:
        return "" if self.user is not None else NEW


def likings_of(live: Live, who: Viewer, crowd: Crowd) -> Likings:
    """Of a user as they are now."""
    index, rows = live.index, []
    if who.place != MISSING:
        span = index.history.rows.span(who.place)
        columns = (index.history.rows.columns, index.history.kind, index.history.value)
        rows = list(zip(*(column[span].tolist() for column in columns), strict=True))
    rows += [(live.find(one.item), one.kind, one.value) for one in who.events]
    gone = {MISSING, *live.gone.tolist()}
    liked = {
        item: KIND_TO_TYPE[KINDS[kind]]
        for item, kind, value in rows
        if item not in gone and TELLING[kind] and (kind != RATED or (value is not None and value >= crowd.at_least))
    }
    return Likings(who.name, liked, who.history)


def without(live: Live, who: Likings, removed: Sequence[Interest]) -> Likings:
    """What is left when interests count no more."""
    if not removed:
        return who
    out = {item for item in {*who.liked, *who.history.tolist()} if has_any(orjson.loads(live.card(item)), removed)}
    liked = {item: kind for item, kind in who.liked.items() if item not in out}
    return Likings(who.user, liked, who.history[~np.isin(who.history, list(out))])


def chosen(live: Live, items: list[str]) -> Likings:
    """Of a newcomer, from the items they named."""
    places = [place for place in (live.find(name) for name in items) if place != MISSING]
    history = np.array([place for place in places if place < live.index.num_items], np.int32)
    return Likings(None, dict.fromkeys(places, CHOSEN), history)


def candidates(live: Live, crowd: Crowd, ties: Ties, who: Likings, items: list[int]) -> list[list[Candidate]]:
    """For each item what may be said, what says most first."""
    if not who.liked:
        return [[] for _ in items]
    places = np.array(items, np.int64)
    cost = effects(live, who.history, places, ties.known) if len(who.history) else None
    told = None if cost is None else _Told.of(cost, who)
    found = []
    for column, item in enumerate(items):
        paths: list[Candidate] = []
        for pairs in _tried(told, column, who):
            paths = _worth_saying(live, crowd, ties, who, item, pairs)
            if paths:
                break
        found.append(sorted(paths, key=lambda one: (-one.weight, one.liked, one.proof)))
    return found


Pair = tuple[int, float, Effected | None]
"""A liked item, its share of the greatest cost, and its effect."""


@dataclass(frozen=True)
class _Told:
    """`order` (h, n): rows of the cost by item, what costs it most first. `agreed`, `denied` (h, n), in this order:
    what was liked and costs the item more than others do, and what less. `known` (n,): of which items that is known.
    """

    cost: Effects
    order: NDArray[np.int64]
    agreed: Mask
    denied: Mask
    known: Mask

    @classmethod
    def of(cls, cost: Effects, who: Likings) -> _Told:
        order = np.argsort(-cost.drops, axis=0, kind="stable")
        liked = np.isin(cost.left_out, list(who.liked))[order]
        more = np.take_along_axis(cost.drops > np.maximum(0, cost.others), order, axis=0)
        return cls(cost, order, liked & more, liked & ~more, np.asarray(np.isfinite(cost.drops).all(axis=0)))

    def first(self, column: int, some: Mask) -> list[Pair]:
        """The first few of `some` of an item, each with its place in the order."""
        ahead, order, cost = np.flatnonzero(some[:, column])[:LIKED_TRIED], self.order[:, column], self.cost
        rows, most = order[ahead], max(1e-12, float(cost.drops[order[0], column]))
        drops, others = cost.drops[rows, column].tolist(), cost.others[rows, column].tolist()
        each = zip(cost.left_out[rows].tolist(), drops, others, (ahead + 1).tolist(), strict=True)
        return [(liked, max(0.01, drop / most), (drop, other, place, len(order))) for liked, drop, other, place in each]


def _tried(told: _Told | None, column: int, who: Likings) -> Iterator[list[Pair]]:
    """Likings that cost the item more than others do; where nothing can be said of them, those that cost it less; and
    where the model says nothing of it, the latest.
    """
    if told is not None and told.known[column]:
        yield told.first(column, told.agreed)
        yield told.first(column, told.denied)
    yield [(place, 0.5, None) for place in list(who.liked)[-LIKED_TRIED:]]


def _worth_saying(
    live: Live, crowd: Crowd, ties: Ties, who: Likings, item: int, pairs: Sequence[Pair]
) -> list[Candidate]:
    """Until what the index has measured says more than any later liking could: their shares descend."""
    paths: list[Candidate] = []
    sure = 0.0
    for place, pair in enumerate(pairs):
        if place >= ALWAYS_TRIED and sure >= MOST_SAID * pair[1]:
            break
        if pair[0] != item:
            new = list(_paths(live, crowd, ties, who, item, pair))
            sure = max([sure, *(one.weight for one in new if one.proof.removeprefix(NEW) in MEASURED)])
            paths += new
    return paths


def _paths(live: Live, crowd: Crowd, ties: Ties, who: Likings, item: int, pair: Pair) -> Iterator[Candidate]:
    liked, share, effect = pair
    liking = who.liked[liked]
    for one in ties.joins(live, crowd, liked, item, liking):
        yield Candidate(who.prefix + one.proof, liked, share * one.says, effect, liking, crowd.at_least, one.facts)


def card(live: Live, place: int, end: str) -> dict[str, Any]:
    """What a row says of an item."""
    found = orjson.loads(live.card(place))
    title = None if found["title"] == found["id"] else found["title"]
    return {end: found["id"], f"{end}_title": title, f"{end}_year": found["year"]}
