"""People you may know, from the index, less who was deleted, blocked or does not want to be found by now.

Request path. A reason tells how many friends two people share and how alike their tastes are; friends who do not show
their friends are not counted, so that nothing can be read off which they hid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from graph.consent import RECOMMENDATION
from graph.errors import Unsupported
from graph.schema import USER_BLOCKED, USER_DISCOVERABLE, USER_HIDES_FRIENDS
from serving.circles import People
from serving.foldin import personal
from serving.index_files import MISSING
from serving.live import Live

ALIKE = 0.1
"""Cosine of tastes from which a reason speaks of it."""


@dataclass(frozen=True)
class Suggestion:
    """Somebody the user may know: position, log-odds, shared friends who may be counted, likeness of taste."""

    place: int
    score: float
    shared: int
    taste: float

    @property
    def reason(self) -> str:
        """In words."""
        parts = []
        if self.shared:
            parts.append("1 friend in common" if self.shared == 1 else f"{self.shared} friends in common")
        if self.taste >= ALIKE:
            parts.append("you like much the same")
        return "; ".join(parts) or "your circles are close"


def people_you_may_know(live: Live, user: str, n: int) -> list[Suggestion]:
    """Best first. Raises `NotFound` for an unknown user, `Unsupported` for an index without friendships."""
    people, who = live.index.people, personal(live, user)
    if people is None:
        raise Unsupported("this index holds no friendships", valid="a graph with at least 20 of them",
                          remedy="ingest a friends.csv, then refresh")  # fmt: skip
    if who.place == MISSING:
        return []
    refused = _refused(live, user)
    found: list[Suggestion] = []
    for rank, place in enumerate(people.suggested[who.place].tolist()):
        if place == MISSING or len(found) == n:
            break
        if _may_be_shown(live, place, refused, user):
            scores = people.scores[who.place, rank], people.taste[who.place, rank]
            found.append(Suggestion(place, float(scores[0]), _shared(live, people, who.place, place), float(scores[1])))
    return found


def _refused(live: Live, user: str) -> frozenset[str]:
    """Whom the user blocks by now."""
    change = live.people.get(user)
    return frozenset(_blocks(change.body)) if change is not None else frozenset()


def _may_be_shown(live: Live, place: int, refused: frozenset[str], user: str) -> bool:
    name = live.index.user_ids[place].decode("utf-8", "surrogatepass")
    change = live.people.get(name)
    if name in refused or not live.agrees(name, RECOMMENDATION, place):
        return False
    if change is None:
        return True
    return not change.gone and change.body.get(USER_DISCOVERABLE) is not False and user not in _blocks(change.body)


def _blocks(body: Any) -> Iterator[str]:
    yield from body.get(USER_BLOCKED) or ()


def _shared(live: Live, people: People, one: int, other: int) -> int:
    """Friends of both who show their friends."""
    both = np.intersect1d(people.friends[one], people.friends[other])
    shown = both[~people.hides[both]]
    hiding = {live.index.user_ids.find(name.encode()) for name, change in live.people.items()
              if change.gone or change.body.get(USER_HIDES_FRIENDS) is True}  # fmt: skip
    return sum(1 for place in shown.tolist() if place not in hiding)
