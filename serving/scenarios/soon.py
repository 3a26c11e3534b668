"""The shelf of events to come: what starts next, near, to their taste, and with friends who go.

A source of `serving.scenarios.sources`, by columns over the whole catalogue. Which events are shown, their days and
kilometres say. In which order, weights that were learned when the index was published (`training.events.coming`: taste,
places, weekdays, who goes), to which the request adds what changes between two publishes: the days left and the friends
who go. Where nothing was learned (of this data, of a newcomer), or a preset sets a weight itself,

    score = taste z + friends log2(1 + friends who go) - km away / `km` - days until it starts / `days`,

z: the model's score, standardised over these events. So, unless a preset says otherwise, a standard deviation of taste
weighs as much as one friend, as `km` kilometres and as `days` days. An event that was put since the index was published
stands among the others where its standardised score by this rule puts it. Measured by `benchmarks.concerts_shelf`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from graph.distance import kilometres
from serving.scenarios.columns import Columns, Mask, number_of
from serving.scenarios.visitor import Visitor
from serving.standardised import standardised

DAY = 86_400.0
KM, DAYS, TASTE, FRIENDS = 50.0, 7.0, 1.0, 1.0
"""What a preset that sets none of them gets."""
RULE = frozenset({"days", "taste", "friends"})
"""Weights of the fixed rule: a preset that sets one of them asks for it."""

Scores: TypeAlias = NDArray[np.float32]


def soon_scores(visitor: Visitor, options: Mapping[str, Any]) -> Scores | None:
    """(items,), -inf where nothing is to come; None where that is everywhere. Where no distance is known, another city
    than theirs is out.
    """
    columns = visitor.columns
    days = (columns.number("starts") - visitor.now) / DAY
    away = distance(columns, visitor.properties)
    mask = (days >= 0) & (days <= options.get("within", np.inf) / DAY) & ~(away > options.get("km", KM))
    mask &= ~(np.isnan(away) & _elsewhere(columns, visitor.properties))
    if not mask.any():
        return None
    found = np.full(columns.size, -np.inf, np.float32)
    by_weights = None if RULE & options.keys() else _learned(visitor, mask, days[mask])
    if by_weights is None:
        found[mask] = _by_rule(visitor, options, mask, days[mask], away[mask])
    else:
        new = np.isnan(by_weights)
        ruled = standardised(_by_rule(visitor, options, mask, days[mask], away[mask])) if new.any() else by_weights
        by_weights[~new] = standardised(by_weights[~new])
        found[mask] = np.where(new, ruled, by_weights)
    return found


def _learned(visitor: Visitor, mask: Mask, days: NDArray[np.float64]) -> Scores | None:
    """Of the events of `mask`, by the weights of the index; NaN for one that came after it. None where nothing was
    learned of this person.
    """
    coming = visitor.live.index.coming
    known = None if coming is None else coming.of(visitor.who.place, visitor.live.num_items)
    if coming is None or known is None or np.isnan(known[mask]).all():
        return None
    friends = np.log1p(friends_who_like(visitor)[mask])
    return np.asarray(known[mask] - coming.soon * np.log1p(days) + coming.friends * friends, np.float32)


def _by_rule(
    visitor: Visitor, options: Mapping[str, Any], mask: Mask, days: NDArray[np.float64], away: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of the events of `mask`, by the fixed rule."""
    scores = -(np.nan_to_num(away) / options.get("km", KM) + days / options.get("days", DAYS))
    taste, friends = options.get("taste", TASTE), options.get("friends", FRIENDS)
    if taste:
        scores += taste * standardised(visitor.scores[mask])
    if friends:
        scores += friends * np.log2(1 + friends_who_like(visitor)[mask])
    return np.asarray(scores, np.float64)


def friends_who_like(visitor: Visitor) -> Scores:
    """(items,) how many of the friends who count like each, or go there."""
    known = [visitor.live.index.known[one] for one in visitor.friends]
    if not known:
        return np.zeros(visitor.live.num_items, np.float32)
    return np.bincount(np.concatenate(known), minlength=visitor.live.num_items).astype(np.float32)


def distance(columns: Columns, user: Mapping[str, Any]) -> NDArray[np.float64]:
    """(items,) kilometres from the user's `latitude` and `longitude`; NaN where unknown."""
    here = [number_of(user.get(name)) for name in ("latitude", "longitude")]
    north, east = (np.nan if one is None else one for one in here)
    return kilometres(north, east, columns.number("latitude"), columns.number("longitude"))


def _elsewhere(columns: Columns, user: Mapping[str, Any]) -> Mask:
    """(items,): which name a city, and not the user's."""
    city, places = str(user.get("city") or ""), columns.label("city")
    if not city or places is None:
        return np.zeros(columns.size, np.bool_)
    return np.asarray((np.diff(places.indptr) > 0) & ~places.any_of(places.places([city])))
