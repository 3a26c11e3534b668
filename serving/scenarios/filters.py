"""Which items a shelf may show: masks over the whole catalogue, by columns, before anything is ranked.

Whatever a preset says, these never come: deleted items, expired ones, those that are published later, those of an
interest that the user removed, and what somebody made whom the user blocks or who blocks the user (an
item's `author` is a user's id).
"""

from __future__ import annotations

import numpy as np

from serving.scenarios.columns import Columns, Mask
from serving.scenarios.preset import USER, Filters
from serving.scenarios.visitor import Visitor

AUTHOR = "author"
EVENT = "event"
PUBLISHED = "published"


def always(visitor: Visitor) -> Mask:
    """(items,): what no preset can show is out."""
    live, columns = visitor.live, visitor.columns
    mask = ~expired(columns, visitor.now, _of_kind(visitor, (EVENT,))) & ~visitor.unwanted
    mask &= ~(columns.number(PUBLISHED) > visitor.now)
    mask[live.gone] = False
    authors = columns.label(AUTHOR)
    if visitor.blocked and authors is not None:
        places = [place for place, name in enumerate(authors.names) if name in visitor.blocked]
        mask &= ~authors.any_of(places)
    return mask


def expired(columns: Columns, now: float, events: Mask) -> Mask:
    """(items,): whose `expires` or `ends` is past; of events without an end, whose `starts` is."""
    ends = columns.number("ends")
    found = (columns.number("expires") < now) | (ends < now)
    return np.asarray(found | (events & np.isnan(ends) & (columns.number("starts") < now)))


def passing(visitor: Visitor, filters: Filters) -> Mask:
    """(items,): which are as these filters say."""
    columns = visitor.columns
    mask = np.ones(columns.size, np.bool_)
    if filters.kinds:
        mask &= _of_kind(visitor, filters.kinds)
    for name, (low, high) in filters.ranges.items():
        values = columns.number(name)
        mask &= (values >= (-np.inf if low is None else low)) & (values <= (np.inf if high is None else high))
    for label, names in filters.attributes.items():
        mask &= columns.with_one_of(label, names)
    for label, names in filters.without.items():
        mask &= ~columns.with_one_of(label, names)
    if filters.in_stock:
        mask &= ~(columns.number("stock") <= 0)
    if filters.age is not None:
        age = visitor.age if filters.age == USER else float(filters.age)
        mask &= ~(columns.number("age_limit") > age)
    if filters.country is not None:
        mask &= _sold_in(columns, visitor.country if filters.country == USER else filters.country)
    return mask


def _sold_in(columns: Columns, country: str) -> Mask:
    """(items,): those that name no countries, or this one."""
    words = columns.label("countries")
    if words is None:
        return np.ones(columns.size, np.bool_)
    return np.asarray((np.diff(words.indptr) == 0) | columns.with_one_of("countries", (country,)))


def _of_kind(visitor: Visitor, kinds: tuple[str, ...]) -> Mask:
    wanted = np.array([name in kinds for name in visitor.live.kinds], np.bool_)
    return np.asarray(wanted[visitor.live.item_kind])
