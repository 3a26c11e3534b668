"""A playlist: what goes with its seeds, as much as was asked for, in an order whose neighbours are alike.

Request path: NumPy over the index, milliseconds. Scored once; masks say what may come; `serving.scenarios.rules.chosen`
holds the caps; `serving.playlists.fit` fills minutes; `serving.playlists.path` puts in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from serving.candidates import appeal
from serving.index_files import MISSING
from serving.observe.record import CANDIDATES, timed
from serving.playlists.attraction import Scores, attraction
from serving.playlists.facts import NEWEST, Fact, Facts
from serving.playlists.fit import fill
from serving.playlists.likeness import pairwise
from serving.playlists.path import smooth, smoothness
from serving.playlists.tracks import (
    DURATIONS,
    artist_label,
    by_artist,
    known_label,
    minutes_of,
    passing,
    showable,
    with_name,
)
from serving.playlists.transitions import Transitions
from serving.playlists.wish import DEFAULT_ITEMS, TOLERANCE, PlaylistWish, Seeds
from serving.scenarios.columns import Columns, Mask
from serving.scenarios.preset import Rules
from serving.scenarios.rules import chosen
from serving.scenarios.visitor import Visitor
from serving.standardised import standardised

OF_ARTIST = 2
"""Entries of one artist, unless the caller says otherwise."""
POOL = 500
"""Candidates that minutes are filled from."""
ARTIST_SEEDS = 20
"""Of an artist, the most popular items that a list starts from."""


@dataclass(frozen=True)
class Playlist:
    """Positions in playing order, what each scored, why it is there, and what joins it with the one before (`follows`).
    `minutes` (n,): None where not all are told.

    `complete`: as long as was asked for, minutes within `TOLERANCE`. `ordered` and `unordered`: mean likeness of
    neighbours as played, and by score.
    """

    items: list[int]
    scores: list[float]
    why: list[list[Fact]]
    follows: list[Fact | None]
    minutes: list[float] | None
    complete: bool
    ordered: float
    unordered: float


@dataclass(frozen=True)
class Played:
    """Positions in playing order, (num_items,) scores and minutes, what it started from, and both likenesses."""

    items: list[int]
    scores: Scores
    lengths: NDArray[np.float64]
    starts: list[int]
    ordered: float
    unordered: float


@timed(CANDIDATES)
def playlist(visitor: Visitor, transitions: Transitions, wish: PlaylistWish) -> Playlist:
    """The visitor: the user that the seeds name, else nobody. Raises `InvalidData` for what cannot be made,
    `NotFound` for an item, an artist or a name that there is not.
    """
    live, columns, found = visitor.live, visitor.columns, played(visitor, transitions, wish)
    order, lengths = found.items, found.lengths
    facts = Facts(live, columns, transitions, wish.seeds.attributes, found.starts or visitor.liked[-NEWEST:])
    known = bool(order) and not np.isnan(lengths[order]).any()
    minutes = lengths[order].tolist() if known else None
    return Playlist(
        order, found.scores[order].tolist(), [facts.of(item) for item in order], facts.between(order), minutes,
        _complete(wish, order, minutes), found.ordered, found.unordered,
    )  # fmt: skip


def played(visitor: Visitor, transitions: Transitions, wish: PlaylistWish) -> Played:
    """Which items in which order, without the facts that say why; raises as `playlist`."""
    wish.check()
    live, columns = visitor.live, visitor.columns
    starts = started(visitor, wish.seeds)
    mask = showable(visitor, seen=wish.seen) & passing(visitor, wish.wanted) & asked(columns, wish.seeds)
    left_out = [live.item(name) for name in wish.seeds.items] + [live.find(name) for name in wish.exclude]
    mask[[place for place in left_out if place != MISSING]] = False
    lengths = minutes_of(columns)
    if wish.minutes is not None:
        mask &= _told(lengths)
    scores = worth(visitor, transitions, wish.seeds, starts)
    picked = _picked(visitor, scores, mask, wish, lengths)
    order, ordered, unordered = in_order(visitor, transitions, picked, starts[-1] if starts else None)
    return Played(order, scores, lengths, starts, ordered, unordered)


def started(visitor: Visitor, seeds: Seeds) -> list[int]:
    """Positions that a list starts from: the artist's most popular items, then those named, oldest first."""
    found: list[int] = []
    if seeds.artist is not None:
        places = [place for place in by_artist(visitor.columns, seeds.artist) if place not in set(visitor.live.gone)]
        found = sorted(places, key=lambda place: appeal(visitor.live)[place])[-ARTIST_SEEDS:] if places else []
    return [*found, *(visitor.live.item(name) for name in seeds.items)]


def asked(columns: Columns, seeds: Seeds) -> Mask:
    """(items,): which have every attribute that was asked for."""
    mask = np.ones(columns.size, np.bool_)
    for label, name in seeds.attributes.items():
        mask &= with_name(columns, label, name)
    return mask


def worth(visitor: Visitor, transitions: Transitions, seeds: Seeds, starts: Sequence[int]) -> Scores:
    """(items,) finite: what goes with the seeds, and the user's taste; from attributes alone what is popular."""
    found = np.zeros(visitor.live.num_items, np.float32)
    if starts:
        found += standardised(attraction(visitor.live, transitions, starts))
    if seeds.user is not None:
        found += standardised(visitor.scores)
    if not starts and seeds.user is None:
        found += standardised(appeal(visitor.live))
    return found


def in_order(
    visitor: Visitor, transitions: Transitions, picked: Sequence[int], last: int | None
) -> tuple[list[int], float, float]:
    """The entries as they are to be played, going on from `last`; mean likeness of neighbours so, and as they came."""
    items = np.array(picked, np.int64) if last is None else np.array([last, *picked], np.int64)
    near = pairwise(visitor.live, transitions, items)
    before = None if last is None else near[0, 1:]
    near = near if last is None else near[1:, 1:]
    order = smooth(near, before)
    return [picked[place] for place in order], smoothness(near, order), smoothness(near, list(range(len(picked))))


def caps(columns: Columns, at_most: Mapping[str, int] | None) -> Rules:
    """Rules that hold the caps. Raises `InvalidData` for a label that no item has."""
    if at_most is None:
        label = artist_label(columns)
        return Rules(at_most={} if label is None else {label: OF_ARTIST})
    for label in at_most:
        known_label(columns, label)
    return Rules(at_most=at_most)


def _picked(
    visitor: Visitor, scores: Scores, mask: Mask, wish: PlaylistWish, lengths: NDArray[np.float64]
) -> list[int]:
    rules = caps(visitor.columns, wish.at_most)
    ranked = np.where(mask, scores, np.float32(-np.inf)).astype(np.float32)
    if wish.minutes is None:
        return chosen(visitor, ranked, mask, rules, wish.n or DEFAULT_ITEMS)
    pool = np.array(chosen(visitor, ranked, mask, rules, POOL), np.int64)
    return [int(pool[place]) for place in fill(scores[pool], lengths[pool], wish.minutes, TOLERANCE)]


def _told(lengths: NDArray[np.float64]) -> Mask:
    known = np.asarray(~np.isnan(lengths))
    if not known.any():
        raise InvalidData("minutes: no item says how long it is", valid=f"a number property: {', '.join(DURATIONS)}",
                          remedy="ask for n items, or put durations on the items")  # fmt: skip
    return known


def _complete(wish: PlaylistWish, order: Sequence[int], minutes: Sequence[float] | None) -> bool:
    if wish.minutes is None:
        return len(order) == (wish.n or DEFAULT_ITEMS)
    return minutes is not None and abs(sum(minutes) - wish.minutes) <= TOLERANCE * wish.minutes + 1e-9
