"""The shelf of events to come: what starts next, near, to their taste, and with friends who go.

A source of `serving.scenarios.sources`, by columns over the whole catalogue. Of an event that is within its days and
kilometres,

    score = taste z + friends log2(1 + friends who go) - km away / `km` - days until it starts / `days`,

z: the model's score, standardised over these events. So, unless a preset says otherwise, a standard deviation of taste
weighs as much as one friend, as `km` kilometres and as `days` days. Measured by `benchmarks.concerts_shelf`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.distance import kilometres
from serving.scenarios.columns import Columns, Mask, number_of
from serving.scenarios.visitor import Visitor

DAY = 86_400.0
KM, DAYS, TASTE, FRIENDS = 50.0, 7.0, 1.0, 1.0
"""What a preset that sets none of them gets."""


def soon_scores(visitor: Visitor, options: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """(items,), -inf where nothing is to come; None where that is everywhere. Where no distance is known, another city
    than theirs is out.
    """
    columns = visitor.columns
    wait = columns.number("starts") - visitor.now
    away = distance(columns, visitor.properties)
    reach = options.get("km", KM)
    mask = (wait >= 0) & (wait <= options.get("within", np.inf)) & ~(away > reach)
    mask &= ~(np.isnan(away) & _elsewhere(columns, visitor.properties))
    if not mask.any():
        return None
    scores = -(np.nan_to_num(away[mask]) / reach + wait[mask] / DAY / options.get("days", DAYS))
    taste, friends = options.get("taste", TASTE), options.get("friends", FRIENDS)
    if taste:
        scores += taste * standardised(visitor.scores[mask])
    if friends:
        scores += friends * np.log2(1 + friends_who_like(visitor)[mask])
    found = np.full(columns.size, -np.inf, np.float32)
    found[mask] = scores
    return found


def friends_who_like(visitor: Visitor) -> NDArray[np.float32]:
    """(items,) how many of the friends who count like each, or go there."""
    known = [visitor.live.index.known[one] for one in visitor.friends]
    if not known:
        return np.zeros(visitor.live.num_items, np.float32)
    return np.bincount(np.concatenate(known), minlength=visitor.live.num_items).astype(np.float32)


def standardised(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Less the mean, over the standard deviation; what the model gives no score stands with the lowest."""
    there = np.isfinite(scores)
    if not there.any():
        return np.zeros(len(scores))
    filled = np.where(there, scores, scores[there].min()).astype(np.float64)
    spread = float(filled.std())
    return (filled - filled.mean()) / spread if spread > 1e-12 else np.zeros(len(scores))


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
