"""What a folder of events lacks, in words: which signals fall away with it, and what had to be assumed."""

from __future__ import annotations

from collections.abc import Mapping

from graph.snapshot import NO_TIME
from training.events.cut import Cut
from training.events.log import EventLog, Places


def missing(log: EventLog, cut: Cut) -> tuple[str, ...]:
    """What the data lacks, and which signals fall away with it."""

    def absent(places: Places) -> bool:
        return not places.located.any() and not (places.city >= 0).any()

    lacks: Mapping[str, bool] = {
        "no answer to an event has a time: popularity so far, people alike and friends going are not known at a cut":
            not log.timed,
        "nobody says before a cut that they will go: popularity so far, people alike and friends going say nothing":
            log.timed and not cut.going.nnz,
        "no event has a place (latitude and longitude, or city): distance says nothing": absent(log.places),
        "no user has a home (latitude and longitude, or city): only places of past events count":
            absent(log.homes) and not absent(log.places),
        "no friends": not len(log.side.friendships),
        "no attribute, triple or embedding: content says nothing": not (len(log.side.triples) or log.side.embeddings),
        "answers without a time to items that are no events count as known throughout, whenever they were given":
            bool((~log.is_event[log.item] & (log.time == NO_TIME)).any()),
    }  # fmt: skip
    return tuple(text for text, holds in lacks.items() if holds)
