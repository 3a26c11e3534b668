"""Radio: what comes next after what was played, skipped and liked in this session. Stateless: the caller tells it all.

Seeds are what the station starts from, then what was liked, then what was just played; a skip takes away as much from
what is like the skipped item as it is like it. Nothing that was played, skipped or liked comes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from graph.errors import InvalidData
from serving.index_files import MISSING
from serving.observe.record import CANDIDATES, timed
from serving.playlists.attraction import Scores, attraction
from serving.playlists.facts import Fact, Facts
from serving.playlists.make import asked, caps, in_order, started, worth
from serving.playlists.tracks import passing, showable
from serving.playlists.transitions import Transitions
from serving.playlists.wish import MOST_ITEMS, Seeds
from serving.scenarios.rules import chosen
from serving.scenarios.visitor import Visitor
from serving.search import Wanted
from serving.standardised import standardised

NEXT_ITEMS = 10
LIKED, SKIPPED, PLAYED = 1.0, 1.0, 0.3
"""What goes with the likes adds, with the skips takes away, with the last played adds."""
LAST_PLAYED = 5


@dataclass(frozen=True)
class RadioWish:
    """`seeds`: what the station is about. `played`, `skipped`, `liked`: ids, oldest first; an item may be in several.
    `at_most`: as of a playlist, within one answer.
    """

    seeds: Seeds
    played: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    liked: tuple[str, ...] = ()
    n: int = NEXT_ITEMS
    wanted: Wanted = field(default_factory=Wanted)
    at_most: Mapping[str, int] | None = None

    def check(self) -> None:
        """Raises `InvalidData` for no seed, or too many items."""
        self.seeds.check()
        if not 1 <= self.n <= MOST_ITEMS:
            raise InvalidData(f"the next {self.n} items", valid=f"1 to {MOST_ITEMS}", remedy="ask for as many")


@dataclass(frozen=True)
class Next:
    """Positions in playing order, scores, why, and what joins each with the one before (`follows`). `exhausted`: fewer
    are left than were asked for.
    """

    items: list[int]
    scores: list[float]
    why: list[list[Fact]]
    follows: list[Fact | None]
    exhausted: bool


@timed(CANDIDATES)
def radio(visitor: Visitor, transitions: Transitions, wish: RadioWish) -> Next:
    """The next items. Items of the session that are gone from the catalogue are passed over; raises as `playlist`."""
    wish.check()
    live, columns = visitor.live, visitor.columns
    starts = started(visitor, wish.seeds)
    played, skipped, liked = (_there(visitor, names) for names in (wish.played, wish.skipped, wish.liked))
    mask = showable(visitor, seen=True) & passing(visitor, wish.wanted) & asked(columns, wish.seeds)
    mask[[*played, *skipped, *liked, *(live.item(name) for name in wish.seeds.items)]] = False
    scores = worth(visitor, transitions, wish.seeds, starts)
    heard = [place for place in played if place not in {*skipped, *liked}]
    for places, weight in ((liked, LIKED), (skipped, -SKIPPED), (heard[-LAST_PLAYED:], PLAYED)):
        scores += np.float32(weight) * _like(visitor, transitions, places)
    ranked = np.where(mask, scores, np.float32(-np.inf)).astype(np.float32)
    picked = chosen(visitor, ranked, mask, caps(columns, wish.at_most), wish.n)
    last = next((place for place in reversed(played) if place not in skipped), starts[-1] if starts else None)
    order = in_order(visitor, transitions, picked, last)[0]
    facts = Facts(live, columns, transitions, wish.seeds.attributes, [*starts, *heard, *liked])
    why, follows = [facts.of(item) for item in order], facts.between(order)
    return Next(order, scores[order].tolist(), why, follows, len(order) < wish.n)


def _there(visitor: Visitor, names: Sequence[str]) -> list[int]:
    return [place for name in names if (place := visitor.live.find(name)) != MISSING]


def _like(visitor: Visitor, transitions: Transitions, places: Sequence[int]) -> Scores:
    """(items,) what goes with these; nothing where there are none."""
    if not places:
        return np.zeros(visitor.live.num_items, np.float32)
    return standardised(attraction(visitor.live, transitions, places))
