"""Recommendations for somebody of whom nothing is stored: what they chose, said or showed, and who they are.

Request path. Each thing that is known gives every item a score (`SOURCES`); scores are standardised over the items and
added, each by its weight. Who says nothing gets what is popular. `benchmarks.newcomers` measures the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from serving.candidates import appeal
from serving.diversify import diversify, pool_size
from serving.index_files import MISSING
from serving.inherit import Floats
from serving.live import Live
from serving.observe.record import CANDIDATES, timed
from serving.scenarios.session import House
from serving.search import Wanted, best_wanted
from serving.sessions import session_scores
from serving.standardised import standardised

ITEMS, ANSWERS, PROFILE, POPULAR = "items", "answers", "profile", "popular"
WEIGHTS: Mapping[str, float] = MappingProxyType(
    {ITEMS: 1.0, ANSWERS: 1.0, PROFILE: 0.5, "text": 1.0, "image": 1.0, "audio": 1.0}
)
APPEAL = 1.0
"""Weight of what is popular beside words, pictures and sounds, which say nothing of quality."""


@dataclass(frozen=True)
class Newcomer:
    """`items`: ids, oldest first. `vectors`: of what they said or showed, by modality. `profile`: as users have it."""

    items: tuple[str, ...] = ()
    turned_down: tuple[str, ...] = ()
    """Ids of what they skipped or hid: it does not come, and says nothing else."""
    vectors: Mapping[str, Floats] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    """Ids of what they were shown to choose from, and did not choose: it may come, and says what they are not like."""


@dataclass(frozen=True)
class ForNewcomer:
    """Positions and scores, best first; the sources that counted; and which of the items nobody knows."""

    items: list[int]
    scores: list[float]
    sources: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """Which items are asked for: n of them as `wanted` and by a scenario's rules (`house`), what they met and `exclude`
    left out; `diversity` as for `serving.recommend.Wish`.
    """

    n: int = 10
    exclude: tuple[str, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)
    diversity: float = 0.0
    house: House | None = None


@timed(CANDIDATES)
def for_newcomer(live: Live, who: Newcomer, asked: Asked) -> ForNewcomer:
    """The best items for somebody of whom nothing is stored."""
    places = {name: live.find(name) for name in who.items}
    parts = _parts(live, who, [places[name] for name in who.items if places[name] != MISSING])
    scores = np.zeros(live.num_items, np.float32)
    for name, part in parts.items():
        scores += np.float32(WEIGHTS.get(name, APPEAL)) * standardised(part)
    left_out = [*places.values(), *(live.find(name) for name in (*who.turned_down, *asked.exclude))]
    scores[[place for place in left_out if place != MISSING]] = -np.inf
    scores[live.gone] = -np.inf
    chosen = _chosen(live, scores, asked)
    unknown = tuple(name for name, place in places.items() if place == MISSING)
    return ForNewcomer(chosen, scores[chosen].tolist(), tuple(parts), unknown)


def _chosen(live: Live, scores: Floats, asked: Asked) -> list[int]:
    """Positions, best first."""
    house, n = asked.house, asked.n
    worth = scores if house is None else house.worth(scores)
    every = house is not None and asked.wanted != Wanted()
    pool = best_wanted(live, worth, live.num_items if every else pool_size(n) if asked.diversity else n, asked.wanted)
    if asked.diversity and len(pool):
        few = pool[: pool_size(n)]
        size = n if house is None else len(few)
        first: list[int] = few[diversify(live, few, worth[few], weight=asked.diversity, n=size)].tolist()
    else:
        first = pool[:n].tolist()
    if house is None:
        return first
    if every:
        left = np.full_like(worth, -np.inf)
        left[pool] = worth[pool]
        worth = left
    return house.chosen(worth, n, first if asked.diversity else [])


def _parts(live: Live, who: Newcomer, chosen: list[int]) -> dict[str, Floats]:
    """(num_items,) scores by source; -inf where a source can say nothing of an item."""
    found: dict[str, Floats] = {}
    history = np.array([place for place in chosen if place < live.index.num_items], np.int32)
    if len(history):
        found[ITEMS] = session_scores(live, history)
    left = [place for place in map(live.find, who.left) if 0 <= place < live.index.num_items and place not in chosen]
    if left and live.index.answers is not None:
        found[ANSWERS] = live.extend(live.index.answers.scores(np.unique(history), np.unique(left)))
    profiles = live.index.profiles
    features = [] if profiles is None else profiles.features(who.profile)
    if profiles is not None and features:
        found[PROFILE] = live.extend(profiles.scores(features))
    vectors = dict(who.vectors)
    for place in chosen:
        if place >= live.index.num_items:  # an item so new that no model knows it: by what it is
            vectors |= {name: one for name in live.index.vectors if (one := live.vector(place, name)) is not None}
    for name, vector in vectors.items():
        cosines, there = live.cosines(name, vector)
        found[name] = np.where(there, cosines, np.float32(-np.inf)).astype(np.float32)
    if not {ITEMS, ANSWERS, PROFILE} & found.keys():
        found[POPULAR] = appeal(live)
    return found
