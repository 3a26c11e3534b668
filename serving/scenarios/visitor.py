"""Who a page is made for, read once: what they like, what they may see of whom, and what their properties say."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.consent import RECOMMENDATION
from graph.schema import USER_BLOCKED
from serving.candidates import POPULAR, SOURCES, all_scores, appeal, sources_for
from serving.corrections import Interest
from serving.foldin import Viewer, likes, nobody, personal
from serving.index_files import MISSING
from serving.live import Live
from serving.people import card
from serving.scenarios.columns import Columns, Mask, number_of


@dataclass(frozen=True)
class Visitor:
    """A user, the catalogue, its columns, and the time (Unix seconds). What costs anything is made once, when asked.

    `removed`: interests that they took out of their profile (`serving.corrections`): items that have one do not come,
    and what they did with such items does not count.
    """

    live: Live
    columns: Columns
    who: Viewer
    now: float
    removed: tuple[Interest, ...] = ()
    told: Mapping[str, Any] | None = None
    """What somebody of whom nothing is stored says of themselves; None: look it up."""

    @classmethod
    def of(
        cls,
        live: Live,
        columns: Columns,
        user: str | None,
        removed: tuple[Interest, ...] = (),
        told: Mapping[str, Any] | None = None,
    ) -> Visitor:
        """A user as they are now; somebody without a past where none is named. Raises `NotFound` for an unknown one."""
        who = nobody() if user is None else personal(live, user)
        return cls(live, columns, who, time.time(), removed, told)

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        if self.told is not None:
            return self.told
        found: Mapping[str, Any] = orjson.loads(card(self.live, self.who))["properties"]
        return found

    @cached_property
    def age(self) -> float:
        """In years; 0 where nothing says so, which passes no age limit."""
        return number_of(self.properties.get("age")) or 0.0

    @cached_property
    def country(self) -> str:
        """Without case; empty where nothing says so."""
        return str(self.properties.get("country") or "").casefold()

    @cached_property
    def unwanted(self) -> Mask:
        """(items,): which have an interest that they removed."""
        mask = np.zeros(self.live.num_items, np.bool_)
        for label, name in self.removed:
            mask |= self.columns.with_one_of(label, (name,))
        return mask

    @cached_property
    def liked(self) -> list[int]:
        """Positions of what they like and may still see, oldest first, new items among them."""
        new = [self.live.find(one.item) for one in self.who.events if likes(self.live.index, one)]
        fresh = [place for place in new if place >= self.live.index.num_items]
        gone = {*self.live.gone.tolist(), *np.flatnonzero(self.unwanted).tolist()}
        return [place for place in (*self.who.history.tolist(), *fresh) if place not in gone]

    @cached_property
    def scores(self) -> NDArray[np.float32]:
        """(items,) by the model; of somebody without a history by what their friends like, else by what is popular."""
        live, who = self.live, self.who
        if self.removed:
            kept = who.history[~self.unwanted[who.history]]
            return all_scores(live, MISSING, kept) if len(kept) else appeal(live)
        if len(who.history):
            return all_scores(live, who.place, who.history, who.before, who.told)
        (source,) = sources_for(live, who)
        if source == POPULAR:
            return appeal(live)
        found = np.full(live.num_items, -np.inf, np.float32)
        items, scores = SOURCES[source](live, who)
        found[items] = scores
        return found

    @cached_property
    def unseen(self) -> Mask:
        """(items,): what they have not seen."""
        mask = np.ones(self.live.num_items, np.bool_)
        mask[self.who.all_seen(self.live.index)] = False
        return mask

    @cached_property
    def blocked(self) -> frozenset[str]:
        """Ids of whom they block and of who blocks them, as the index and everything since says."""
        live, names = self.live, set()
        place = live.index.user_ids.find(self.who.name.encode("utf-8", "surrogatepass"))  # holds without consent, too
        if live.index.people is not None and place != MISSING:
            names = {live.index.user_ids[one].decode("utf-8", "surrogatepass")
                     for one in live.index.people.blocked[place].tolist()}  # fmt: skip
        change = live.people.get(self.who.name)
        names.update(_blocks(change.body) if change is not None else ())
        names.update(name for name, one in live.people.items() if self.who.name in _blocks(one.body))
        return frozenset(names)

    @cached_property
    def friends(self) -> list[int]:
        """Positions of friends who count: none that is blocked, hides their friends, withholds consent, or is gone."""
        people, place = self.live.index.people, self.who.place
        if people is None or place == MISSING:
            return []
        return [one for one in people.friends[place].tolist() if not people.hides[one] and self._is_shown(one)]

    def _is_shown(self, place: int) -> bool:
        name = self.live.index.user_ids[place].decode("utf-8", "surrogatepass")
        change = self.live.people.get(name)
        hidden = change is not None and (change.gone or change.body.get("hides_friends") is True)
        return not hidden and name not in self.blocked and self.live.agrees(name, RECOMMENDATION, place)


def _blocks(body: Mapping[str, Any]) -> list[str]:
    given = body.get(USER_BLOCKED) or []
    return [given] if isinstance(given, str) else given
