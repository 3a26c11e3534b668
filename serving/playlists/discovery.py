"""A weekly list of mostly unknown items, with a dial for how much of it is near what the user knows.

The same from Monday to Sunday (UTC): what the user did before the week decides, and the draw is seeded by user and ISO
week; only a new index, a correction or a hidden item changes it. The dial sets shares: at most `MOST_FAMILIAR` of the
list is familiar, at 0 nothing of it is, and beyond 0.5 some of that are favourites again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import numpy as np

from graph.errors import InvalidData
from serving.candidates import all_scores, appeal
from serving.foldin import IMPRESSED, LIKING, likes
from serving.index_files import MISSING
from serving.observe.record import CANDIDATES, timed
from serving.playlists.attraction import WEIGHTS, Scores, attraction
from serving.playlists.facts import NEWEST, Fact, Facts
from serving.playlists.make import caps, in_order
from serving.playlists.tracks import artist_label, passing, showable
from serving.playlists.transitions import Transitions
from serving.playlists.wish import MOST_ITEMS
from serving.scenarios.columns import Mask
from serving.scenarios.rules import chosen
from serving.scenarios.visitor import Visitor
from serving.search import Wanted
from serving.standardised import standardised

WEEKLY = 30
DIAL = 0.3
MOST_FAMILIAR = 0.5
"""Of the list, where the dial is at 1."""
FAR = 0.5
"""Of the unknown items, the share that is far enough from what they know at 0; all are at 1."""
CHANCE = 0.5
"""Deviation of the draw beside scores of deviation 1."""


@dataclass(frozen=True)
class DiscoveryWish:
    """`familiarity`: 0, nothing near what they know, to 1, half of the list familiar, favourites too."""

    familiarity: float = DIAL
    n: int = WEEKLY
    wanted: Wanted = field(default_factory=Wanted)

    def check(self) -> None:
        """Raises `InvalidData` for a dial or a length that cannot be."""
        if not 0 <= self.familiarity <= 1:
            raise InvalidData(f"a familiarity of {self.familiarity:g}", valid="0 (all new) to 1 (half of it familiar)",
                              remedy=f"try {DIAL}")  # fmt: skip
        if not 1 <= self.n <= MOST_ITEMS:
            raise InvalidData(f"a list of {self.n} items", valid=f"1 to {MOST_ITEMS}", remedy="ask for as many")


@dataclass(frozen=True)
class Discovery:
    """Positions in playing order, scores, why, and what joins each with the one before (`follows`). `week`: as
    2026-W48. `familiar` (n,): which entries are known items or by known artists.
    """

    week: str
    items: list[int]
    scores: list[float]
    why: list[list[Fact]]
    follows: list[Fact | None]
    familiar: list[bool]


@dataclass(frozen=True)
class Past:
    """What the user did before the week: `liked` positions of index items, oldest first; `seen` and `near` (items,)
    masks: what they know, and what is by artists of what they liked or is known.
    """

    liked: list[int]
    seen: Mask
    near: Mask


@timed(CANDIDATES)
def discovery(visitor: Visitor, transitions: Transitions, wish: DiscoveryWish) -> Discovery:
    """This week's list for the visitor."""
    wish.check()
    monday = week_start(visitor.now)
    week = "{}-W{:02d}".format(*monday.isocalendar()[:2])
    past = past_of(visitor, monday.timestamp())
    mask = showable(visitor, seen=True) & passing(visitor, wish.wanted)
    far = mask & ~past.near
    if past.liked:
        far &= _far(visitor, transitions, past, far, wish.familiarity)
    favourites = np.zeros_like(mask)
    favourites[past.liked] = True
    pools = (mask & favourites, mask & past.near & ~past.seen, far)
    scores = standardised(_scores(visitor, past)) + CHANCE * _draw(visitor.who.name, week, visitor.live.num_items)
    picked = _picked(visitor, scores.astype(np.float32), pools, places(wish.familiarity, wish.n))
    order = in_order(visitor, transitions, picked, None)[0]
    facts = Facts(visitor.live, visitor.columns, transitions, {}, past.liked[-NEWEST:])
    why = [facts.of(item) for item in order]
    return Discovery(week, order, scores[order].tolist(), why, facts.between(order), past.near[order].tolist())


def places(familiarity: float, n: int) -> tuple[int, int, int]:
    """How many entries are favourites, familiar or a favourite, and all; none of them falls where the dial rises."""
    familiar = int(MOST_FAMILIAR * familiarity * n + 1e-9)
    return int(familiar * max(0.0, 2 * familiarity - 1) + 1e-9), familiar, n


def week_start(now: float) -> datetime:
    """Monday, 0:00 UTC, of the week of a time in Unix seconds."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def past_of(visitor: Visitor, before: float) -> Past:
    """What the visitor did before a time; of what has no time, all. Interests that they removed do not count."""
    live, who = visitor.live, visitor.who
    done: list[tuple[int, bool]] = []
    if who.place != MISSING:
        history = live.index.history
        span = history.rows.span(who.place)
        early = (history.time[span] < before) & (history.kind[span] != IMPRESSED)
        items, kinds = history.rows.columns[span][early], history.kind[span][early]
        models_read = np.isin(items, live.index.known[who.place]) & LIKING[kinds]
        done += list(zip(items[::-1].tolist(), models_read[::-1].tolist(), strict=True))
    for event in who.events:
        place = live.find(event.item)
        if place != MISSING and event.at < before and event.kind != IMPRESSED:
            done.append((place, likes(live.index, event)))
    liked = [place for place, good in done if good and place < live.index.num_items and not visitor.unwanted[place]]
    seen = np.zeros(live.num_items, np.bool_)
    seen[[place for place, _ in done]] = True
    return Past(list(dict.fromkeys(liked)), seen, seen | _of_their_artists(visitor, [place for place, _ in done]))


def _of_their_artists(visitor: Visitor, known: Sequence[int]) -> Mask:
    label = artist_label(visitor.columns)
    words = None if label is None else visitor.columns.label(label)
    if words is None:
        return np.zeros(visitor.live.num_items, np.bool_)
    return words.any_of(sorted({code for place in known for code in words.of(place).tolist()}))


def _far(visitor: Visitor, transitions: Transitions, past: Past, pool: Mask, familiarity: float) -> Mask:
    """(items,): those of the pool that are not too near what they liked last: contents, attributes and transitions."""
    if not pool.any():
        return pool
    about = type(WEIGHTS)(0.0, WEIGHTS.steps, WEIGHTS.contents, WEIGHTS.attributes, WEIGHTS.fading, NEWEST)
    nearness = attraction(visitor.live, transitions, past.liked[-NEWEST:], about)
    limit = np.quantile(nearness[pool], FAR + (1 - FAR) * familiarity)
    return np.asarray(pool & (nearness <= limit))


def _scores(visitor: Visitor, past: Past) -> Scores:
    if not past.liked:
        return appeal(visitor.live)
    return all_scores(visitor.live, MISSING, np.array(past.liked, np.int32))


def _draw(user: str, week: str, size: int) -> Scores:
    """(items,) standard normal, the same all week for one user."""
    seed = int.from_bytes(blake2b(f"{user} {week}".encode("utf-8", "surrogatepass"), digest_size=8).digest())
    return np.random.default_rng(seed).standard_normal(size, np.float32)


def _picked(visitor: Visitor, scores: Scores, pools: Sequence[Mask], counts: Sequence[int]) -> list[int]:
    """The best of each pool until so many are there in all; caps hold over all of them."""
    rules, found = caps(visitor.columns, None), list[int]()
    for pool, count in zip(pools, counts, strict=True):
        if count > len(found):
            ranked = np.where(pool, scores, np.float32(-np.inf)).astype(np.float32)
            found = chosen(visitor, ranked, pool, rules, count, found)
    return found
