"""Where a shelf's items come from: functions that score every item for a visitor, or have nothing to say.

A source gives (items,) scores, -inf for what is not of it, and what its title speaks of. Which items may be shown at
all is `serving.scenarios.filters`'; in which order, `serving.scenarios.rules`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.schema import KINDS
from serving.candidates import appeal
from serving.index_files import MISSING
from serving.live import Live
from serving.playlists.make import played as in_playing_order
from serving.playlists.wish import PlaylistWish, Seeds
from serving.related import scores_of
from serving.related_parts import ALTERNATIVES
from serving.scenarios.columns import Mask
from serving.scenarios.preset import (
    CONTINUE,
    FOR_YOU,
    FRIENDS,
    LIKE_LAST,
    NEW,
    PLAYLIST,
    POPULAR,
    RELATED,
    SOON,
    TOGETHER,
)
from serving.scenarios.soon import friends_who_like, soon_scores
from serving.scenarios.visitor import Visitor
from serving.similar import CROWD, GRAPH, graph_scores

Scores: TypeAlias = NDArray[np.float32]

BEGUN = tuple(KINDS.index(name) for name in ("viewed", "listened", "clicked"))
DONE = 0.95
"""Of a value from 0 to 1, the share that was watched: from here on it is finished. Larger values are counts."""
PLAYED = 30
"""Entries of a playlist, of which a shelf shows the first that pass its filters."""
KNOWN_BY = 5
RECENT = 50
"""Of somebody's last likes, those that say which attribute they like."""


@dataclass(frozen=True)
class Found:
    """Scores, and what the title speaks of: an item's position, or an attribute (label, name)."""

    scores: Scores
    item: int | None = None
    attribute: tuple[str, str] | None = None
    words: Mapping[str, str] = field(default_factory=dict)


Source: TypeAlias = Callable[[Visitor, Mapping[str, Any]], Found | None]


def for_you(visitor: Visitor, _: Mapping[str, Any]) -> Found:
    """What the model says of every item."""
    return Found(visitor.scores)


def like_last(visitor: Visitor, options: Mapping[str, Any]) -> Found | None:
    """Like the last thing they liked: in the way that is asked for, else in the first way that says anything."""
    for item in reversed(visitor.liked[-5:]):
        for way in (options["by"],) if "by" in options else ("text", GRAPH, "image", "audio", CROWD):
            scores = likeness(visitor.live, item, way)
            if scores is not None:
                return _about(visitor, item, scores)
    return None


def together(visitor: Visitor, _: Mapping[str, Any]) -> Found | None:
    """What people who liked the last thing liked beside it."""
    for item in reversed(visitor.liked[-5:]):
        scores = likeness(visitor.live, item, CROWD)
        if scores is not None:
            return _about(visitor, item, scores)
    return None


def related(visitor: Visitor, options: Mapping[str, Any]) -> Found | None:
    """What is taken together with the last thing they liked, instead of it, or beside it (`relation`); where nothing is
    known to be, by the crowd or by likeness. Of complements nobody guesses.
    """
    relation = options.get("relation", TOGETHER)
    for item in reversed(visitor.liked[-5:]):
        scores = scores_of(visitor.live, item, relation)
        if scores is not None:
            return _about(visitor, item, scores)
    instead = {TOGETHER: together, ALTERNATIVES: like_last}.get(relation)
    return None if instead is None else instead(visitor, {})


def played(visitor: Visitor, _: Mapping[str, Any]) -> Found | None:
    """A playlist from the last thing they liked: no name too often, each entry near the one before."""
    live = visitor.live
    for item in reversed(visitor.liked[-5:]):
        wish = PlaylistWish(Seeds(items=(live.id(item),)), n=PLAYED)
        order = in_playing_order(visitor, live.index.transitions, wish).items
        if order:
            found = _in_order(visitor, order)
            return None if found is None else _about(visitor, item, found.scores)
    return None


def popular(visitor: Visitor, options: Mapping[str, Any]) -> Found | None:
    """What most people like; of the attribute that the visitor likes most, where a label is given."""
    scores = appeal(visitor.live)
    if "attribute" not in options:
        return Found(scores)
    words = visitor.columns.label(options["attribute"])
    if words is None:
        return None
    codes = [code for item in visitor.liked[-RECENT:] for code in words.of(item).tolist()]
    counts = np.bincount(codes or words.codes, minlength=len(words.names))
    code = int(counts.argmax())
    name = words.names[code]
    kept = np.where(words.any_of([code]), scores, np.float32(-np.inf)).astype(np.float32)
    return Found(kept, attribute=(options["attribute"], name), words={"attribute": name})


def new(visitor: Visitor, options: Mapping[str, Any]) -> Found | None:
    """What hardly anybody knows yet, or what was published lately (`within`), by what the model says of it."""
    live = visitor.live
    if "within" in options:
        age = visitor.now - visitor.columns.number("published")
        mask = (age >= 0) & (age <= options["within"])
    else:
        mask = np.ones(live.num_items, np.bool_)
        mask[: live.index.num_items] = live.index.popularity <= options.get("known_by", KNOWN_BY)
    if not mask.any():
        return None
    known = np.where(np.isfinite(visitor.scores), visitor.scores, _lowest(visitor.scores))
    return Found(np.where(mask, known, np.float32(-np.inf)).astype(np.float32))


def carry_on(visitor: Visitor, _: Mapping[str, Any]) -> Found | None:
    """What they began last and did not finish, newest first."""
    begun: dict[int, None] = {}
    done: set[int] = set()
    for item, kind, value in _newest_first(visitor):
        if item in begun or item in done:
            continue
        if kind in BEGUN and not DONE <= value <= 1:
            begun[item] = None
        else:
            done.add(item)
    return _in_order(visitor, list(begun))


def friends(visitor: Visitor, _: Mapping[str, Any]) -> Found | None:
    """What most of their friends like. Who is blocked, or hides their friends, does not count."""
    counts = friends_who_like(visitor)
    if not counts.any():
        return None
    counts += 1e-3 * _scaled(visitor.scores)  # among items of as many friends, the model decides
    return Found(np.where(counts >= 1, counts, np.float32(-np.inf)).astype(np.float32))


def soon(visitor: Visitor, options: Mapping[str, Any]) -> Found | None:
    """What starts next, near, to their taste and with friends who go."""
    scores = soon_scores(visitor, options)
    return None if scores is None else Found(scores)


SOURCES: Mapping[str, Source] = MappingProxyType({
    FOR_YOU: for_you, LIKE_LAST: like_last, TOGETHER: together, POPULAR: popular, NEW: new, CONTINUE: carry_on,
    FRIENDS: friends, SOON: soon, RELATED: related, PLAYLIST: played,
})  # fmt: skip


def likeness(live: Live, item: int, way: str) -> Scores | None:
    """(items,) how alike each is with an item by one way, -inf where nothing is; None where the way says nothing."""
    if way == CROWD:
        return _crowd(live, item)
    if way == GRAPH:
        scores = graph_scores(live, item)
        there: Mask = scores > 0
    else:
        vector = live.vector(item, way) if way in live.index.vectors else None
        if vector is None:
            return None
        scores, there = live.cosines(way, vector)
    found = np.where(there, scores, np.float32(-np.inf)).astype(np.float32)
    found[item] = -np.inf
    return found if np.isfinite(found).any() else None


def _crowd(live: Live, item: int) -> Scores | None:
    if item >= live.index.num_items:
        return None
    items = live.index.crowd_items[item]
    kept = items != MISSING
    found = np.full(live.num_items, -np.inf, np.float32)
    found[items[kept]] = live.index.crowd_scores[item, kept]
    return found if kept.any() else None


def _about(visitor: Visitor, item: int, scores: Scores) -> Found:
    title = str(orjson.loads(visitor.live.card(item))["title"])
    return Found(scores, item=item, words={"item": title})


def _newest_first(visitor: Visitor) -> Iterator[tuple[int, int, float]]:
    """Item, kind and value of what they did."""
    live, who = visitor.live, visitor.who
    for one in reversed(who.events):
        place = live.find(one.item)
        if place != MISSING:
            yield place, one.kind, np.nan if one.value is None else one.value
    if who.place != MISSING:
        history = live.index.history
        span = history.rows.span(who.place)
        columns = (history.rows.columns, history.kind, history.value)
        yield from zip(*(column[span].tolist() for column in columns), strict=True)


def _in_order(visitor: Visitor, items: list[int]) -> Found | None:
    if not items:
        return None
    scores = np.full(visitor.live.num_items, -np.inf, np.float32)
    scores[items] = np.arange(len(items), 0, -1)
    return Found(scores)


def _scaled(scores: Scores) -> Scores:
    """Brought to 0..1; what has no score to 0."""
    finite = np.isfinite(scores)
    low, high = (float(scores[finite].min()), float(scores[finite].max())) if finite.any() else (0.0, 0.0)
    return np.where(finite, (scores - low) / max(high - low, 1e-12), 0).astype(np.float32)


def _lowest(scores: Scores) -> np.float32:
    finite = scores[np.isfinite(scores)]
    return np.float32(finite.min()) if len(finite) else np.float32(0)
