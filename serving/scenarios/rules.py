"""How a shelf's items are put in order: its source's scores, moved by rules, and the best taken that its caps allow.

Scores are standardised over what may be shown and read as logarithms of how much an item counts, whatever their source:
`times: 2` adds log 2, and each half-life of age takes log 2 away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from serving.rank import best
from serving.scenarios.columns import Columns, Mask, Words
from serving.scenarios.preset import Recency, Rules
from serving.scenarios.visitor import Visitor

YEAR = 365.25 * 86_400
FIRST_YEAR, LAST_YEAR = 1000, 3000
"""A `year` between these is a year; any other number is Unix seconds."""
DEPTH = 1e6
"""Taken from buried items: more than any score."""


def ordered(visitor: Visitor, scores: NDArray[np.float32], allowed: Mask, rules: Rules) -> NDArray[np.float32]:
    """(items,) scores by these rules, -inf for what is not allowed or has no score. Pins apart: see `chosen`."""
    there = allowed & np.isfinite(scores)
    found = np.full(len(scores), -np.inf, np.float32)
    if not there.any():
        return found
    known = scores[there].astype(np.float64)
    spread = float(known.std())
    worth = np.zeros(len(scores))
    worth[there] = (known - known.mean()) / spread if spread > 1e-12 else 0.0
    for boost in rules.boost:
        worth[visitor.columns.with_one_of(boost.label, boost.names)] += np.log(boost.times)
    if rules.recency is not None:
        worth -= np.log(2) * age_of(visitor.columns, rules.recency, visitor.now) / rules.recency.half_life
    for label, names in rules.bury.items():
        worth[visitor.columns.with_one_of(label, names)] -= DEPTH
    found[there] = worth[there]
    return found


def age_of(columns: Columns, recency: Recency, now: float) -> NDArray[np.float64]:
    """(items,) seconds, none below 0; an item without the time is as old as the oldest that has one."""
    at = columns.number(recency.property)
    years = (at >= FIRST_YEAR) & (at <= LAST_YEAR)
    at = np.where(years, (at - 1970) * YEAR, at)
    known = at[~np.isnan(at)]
    oldest = float(known.min()) if len(known) else now
    return np.asarray(np.maximum(0.0, now - np.where(np.isnan(at), oldest, at)))


def chosen(
    visitor: Visitor, worth: NDArray[np.float32], pool: Mask, rules: Rules, n: int, first: Sequence[int] = ()
) -> list[int]:
    """At most n positions: pins that are in the `pool`, then `first`, then the best, none twice, caps held by all."""
    pins = [place for name in rules.pin if (place := visitor.live.find(name)) >= 0 and pool[place]]
    caps = [(label, words, most) for label, most in rules.at_most.items()
            if (words := visitor.columns.label(label)) is not None]  # fmt: skip
    shown: Counter[tuple[str, int]] = Counter()
    found: dict[int, None] = {}
    for place in _candidates([*pins, *first], worth, n):
        if place in found or not _fits(place, caps, shown):
            continue
        found[place] = None
        shown.update((label, code) for label, words, _ in caps for code in words.of(place).tolist())
        if len(found) == n:
            break
    return list(found)


def _candidates(first: Sequence[int], worth: NDArray[np.float32], n: int) -> Iterator[int]:
    """These, then items from the best on, ranked as far as anybody reads."""
    yield from first
    start, width = 0, 4 * n
    while start < len(worth):
        order = best(worth, width)[start:].tolist()
        yield from order
        if start + len(order) < width:
            return
        start, width = width, 8 * width


def _fits(place: int, caps: Sequence[tuple[str, Words, int]], shown: Counter[tuple[str, int]]) -> bool:
    return all(shown[label, code] < most for label, words, most in caps for code in words.of(place).tolist())
