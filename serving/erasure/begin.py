"""The part of an erasure that a request waits for: the record, and the places that are cheap and need no graph.

Request path. From here on every worker says that these people are not there; `serving.erasure.run` does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

from graph import erased
from graph.store import GraphStore
from serving.erasure import ledgers, record
from serving.erasure.record import Erasure
from serving.erasure.work import Counts, Place, Work
from serving.settings import Settings


def not_again(work: Work) -> Counts:
    """Keyed hashes of their ids on the list of those whom old data does not bring back."""
    return {"ids": erased.add(work.home, work.users)}


AT_ONCE: tuple[Place, ...] = (
    Place("not again", "late events and sources that name them are passed over", not_again, ("erased/*",)),
    Place("answers", "every worker says that they are not there", ledgers.answers, ("overlay.sqlite*",)),
    Place("events", "events, their ids, those not yet in the graph", ledgers.events, ("events.sqlite*",)),
    Place("corrections", "interests removed from their profile", ledgers.corrections, ("corrections.sqlite*",)),
    Place("consents", "what they agreed to", ledgers.consents, ("consent.sqlite*",)),
    Place("keys", "their own tokens", ledgers.keys, ("keys.sqlite*",)),
    Place("shown", "what was shown to them", ledgers.exposures, ("exposures.sqlite*",)),
)  # fmt: skip


def begin(settings: Settings, users: Iterable[str], *, by: str, whole: bool = True) -> Erasure:
    """Records an erasure and does what is done at once.

    `whole`: these people on all platforms, the others of which are found when it is carried on.
    """
    erasure = record.begin(settings.home, users, by=by, whole=whole)
    for place in AT_ONCE:
        erasure = erasure.with_done(place.name, place.erase(_work(settings, erasure)))
    record.save(settings.home, erasure)
    return erasure


def again(settings: Settings) -> int:
    """What a server does at its start: the same for whatever is open. Returns how many erasures that are."""
    erasures = record.still_open(settings.home)
    for one in erasures:
        for place in AT_ONCE:
            place.erase(_work(settings, one))
    return len(erasures)


def _work(settings: Settings, erasure: Erasure) -> Work:
    return Work(settings, erasure.users, erasure.persons, _no_graph)


def _no_graph() -> GraphStore:
    raise AssertionError("a place that is erased at once asked for the graph")
