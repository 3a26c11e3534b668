"""Who is asked for, as they are now: the index's history, and over it what they did since (`serving.events`).

Request path. Events take their place in the history by their own time, however late they came; one that the index holds
already (same item, kind and time) counts once. What a model may read of a history is what `training.split.positives`
takes: no skipped, hidden or impressed item, and where the model was fitted on values from `Index.min_value` up, none
below it. A model that learned what other feedback says (`training.feedback`) reads that too, from `Viewer.told`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from graph.consent import RECOMMENDATION
from graph.errors import NotFound
from graph.schema import KINDS, NEGATIVE_KINDS
from serving.events import Event
from serving.forms import Told
from serving.index import Index
from serving.index_files import MISSING
from serving.live import Live
from serving.members import among

IMPRESSED = KINDS.index("impressed")
LIKING = np.array([kind not in NEGATIVE_KINDS for kind in KINDS])
Places = NDArray[np.int64]
Deed = tuple[int, int, int]
"""Position of the item, Unix seconds, and the code of the kind."""


@dataclass(frozen=True)
class Viewer:
    """A user as they are now.

    `place` in the index, `MISSING` for somebody it does not know. `history`: the index's items that models may read,
    oldest first. `before`: the same as the index knows it, None where nothing has changed. `seen`: positions (items
    among them that the index does not know) that events say they have seen. `events`: those, in order of time. `told`:
    all that they did, None where no model of the index reads what is no liking.
    `impersonal`: nothing of it is here, as they do not agree that anything is made of it (`personal`).
    """

    name: str
    place: int
    history: NDArray[np.int32]
    before: NDArray[np.int32] | None = None
    seen: Places = field(default_factory=lambda: np.empty(0, np.int64))
    events: tuple[Event, ...] = ()
    told: Told | None = None
    impersonal: bool = False

    @property
    def moved(self) -> bool:
        """Do models have to look at a history that the index does not know."""
        return self.before is not None

    @property
    def read(self) -> tuple[bytes, ...]:
        """All that models and filters read of them, to compare."""
        told = () if self.told is None else (self.told.items, self.told.kind, self.told.value)
        before = () if self.before is None else (self.before,)
        return tuple(one.tobytes() for one in (self.history, self.seen, *before, *told))

    def all_seen(self, index: Index) -> NDArray[np.integer]:
        """Positions that they have seen."""
        if self.place == MISSING:
            return self.seen
        known = index.seen[self.place]
        return np.concatenate([known, self.seen]) if len(self.seen) else known

    def exclude(self, live: Live, scores: NDArray[np.float32]) -> None:
        """Marks what they have seen in (num_items,) scores, in place."""
        scores[self.all_seen(live.index)] = -np.inf


def viewer(live: Live, name: str) -> Viewer:
    """A user by id. Raises `NotFound` for one of whom nothing is known, or who was deleted."""
    index = live.index
    place = _place(live, name)
    events = live.events(name)
    if place == MISSING and not events and name not in live.people:
        index.user(name)  # raises, and says what would have been right
    if not events:
        return Viewer(name, place, _known(index, place), told=told_of(index, place))
    sequences = tuple(one.sequence for one in events)
    who = live.viewers.get(name, sequences)
    if who is None:
        who = _since(live, name, place, events)
        live.viewers.put(name, sequences, who)
    return who


def _since(live: Live, name: str, place: int, events: Sequence[Event]) -> Viewer:
    """A user with events, in order of time, that the index has not."""
    index = live.index
    known = _known(index, place)
    found = [(live.find(one.item), one) for one in events]
    found = [(item, one) for item, one in found if item != MISSING]
    seen = np.unique(np.array([item for item, one in found if one.kind != IMPRESSED], np.int64))
    liked = [(item, one) for item, one in found if item < index.num_items and likes(index, one)]
    held = _held(index, place, found)
    fresh = [(item, one) for item, one in liked if (item, one.at, one.kind) not in held]
    told = told_of(index, place, [pair for pair in found if pair[0] < index.num_items])
    moved = fresh or (told is not None and _tells_more(index, found, held))
    if not moved:
        return Viewer(name, place, known, None, seen, tuple(events), told)
    history = _laid_over(index, place, known, fresh) if fresh else known
    return Viewer(name, place, history, known, seen, tuple(events), told)


def _known(index: Index, place: int) -> NDArray[np.int32]:
    """The history by the index; empty of somebody it does not know."""
    return index.known[place] if place != MISSING else np.empty(0, np.int32)


def told_of(index: Index, place: int, events: Sequence[tuple[int, Event]] = ()) -> Told | None:
    """All that a user did by the index and by these events; None where no model of the index asks."""
    if not index.reads_feedback or (place == MISSING and not events):
        return None
    span = index.history.rows.span(place) if place != MISSING else slice(0, 0)
    values = [math.nan if one.value is None else one.value for _, one in events]
    return Told(
        np.concatenate([index.history.rows.columns[span], np.array([item for item, _ in events], np.int32)]),
        np.concatenate([index.history.kind[span], np.array([one.kind for _, one in events], np.int8)]),
        np.concatenate([index.history.value[span], np.array(values, np.float32)]),
    )


def _tells_more(index: Index, events: Sequence[tuple[int, Event]], held: Set[Deed]) -> bool:
    """Is there something that the index does not know and that says anything, liking or not."""
    return any(item < index.num_items and (item, one.at, one.kind) not in held for item, one in events)


def nobody() -> Viewer:
    """Stands where no user is named."""
    return Viewer("", MISSING, np.empty(0, np.int32))


def personal(live: Live, name: str) -> Viewer:
    """As `viewer`, for whatever is made of what they did: somebody without a past where they withhold their consent."""
    who = viewer(live, name)
    if live.agrees(name, RECOMMENDATION, who.place):
        return who
    return Viewer(name, MISSING, np.empty(0, np.int32), impersonal=True)


def likes(index: Index, event: Event) -> bool:
    """May models read the event as a liking."""
    if not LIKING[event.kind]:
        return False
    return event.value is None or index.min_value is None or event.value >= index.min_value


def _place(live: Live, name: str) -> int:
    change = live.people.get(name)
    if change is not None and change.gone:
        raise NotFound(f"user {name!r} was deleted", valid="a user who is there",
                       remedy="PUT them again, or ask for another")  # fmt: skip
    return live.index.user_ids.find(name.encode("utf-8", "surrogatepass"))


def _held(index: Index, user: int, events: Sequence[tuple[int, Event]]) -> Set[Deed]:
    """What the index knows a user did with the items of these events."""
    if user == MISSING or not events:
        return frozenset()
    span = index.history.rows.span(user)
    columns = index.history.rows.columns[span]
    same = np.flatnonzero(among(columns, np.array(sorted({item for item, _ in events}), np.int64)))
    whole = (columns, index.history.time[span], index.history.kind[span])
    return set(zip(*(one[same].tolist() for one in whole), strict=True))


def _laid_over(
    index: Index, user: int, known: NDArray[np.int32], fresh: Sequence[tuple[int, Event]]
) -> NDArray[np.int32]:
    """The history with these items, each behind everything that is not later than it."""
    items = np.array([item for item, _ in fresh], np.int32)
    times = np.array([event.at for _, event in fresh], np.int64)
    if user == MISSING or not len(known):
        return items
    before = _times(index, user, known)
    order = np.argsort(np.concatenate([before, times]), kind="stable")
    return np.concatenate([known, items])[order].astype(np.int32)


def _times(index: Index, user: int, known: NDArray[np.int32]) -> NDArray[np.int64]:
    """(len(known),) times of the index's history of a user, never falling: it was in order when it was published."""
    span = index.history.rows.span(user)
    items, times = index.history.rows.columns[span], index.history.time[span]
    if not len(items):
        return np.full(len(known), np.iinfo(np.int64).min)
    order = np.argsort(items, kind="stable")
    last = order[np.searchsorted(items, known, "right", sorter=order) - 1]  # of several the last
    return np.maximum.accumulate(np.where(items[last] == known, times[last], np.iinfo(np.int64).min))
