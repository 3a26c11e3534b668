"""What a shelf tells of an item beside its card: when and where an event is, what a product costs, when news came out.

Request path: read from the page of each item that is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import orjson

from graph.distance import kilometres
from serving.scenarios.columns import number_of
from serving.scenarios.visitor import Visitor

Facts: TypeAlias = dict[str, str | float]

NUMBERS, TEXTS = ("price",), ("currency", "starts", "ends", "city", "published")
"""Properties of items that are told, where they have them."""
KILOMETRES = "kilometres"
OF_KIND = MappingProxyType({"published": ("article", "video"), KILOMETRES: ("event", "group", "place")})
"""Told of these kinds alone: nobody asks since when a lamp is sold, or where it stands."""


def facts_of(visitor: Visitor, items: Sequence[int]) -> list[Facts]:
    """Of each item; `kilometres` from the visitor, where both places are known."""
    columns = visitor.columns
    here = [number_of(visitor.properties.get(name)) for name in ("latitude", "longitude")]
    there = [columns.number(name)[list(items)] for name in ("latitude", "longitude")]
    north, east = (np.nan if one is None else one for one in here)
    away = kilometres(north, east, *there).tolist()
    return [_facts(orjson.loads(visitor.live.page(item)), far) for item, far in zip(items, away, strict=True)]


def _facts(page: dict[str, Any], away: float) -> Facts:
    given = page.get("properties", {})
    found: Facts = {name: number for name in NUMBERS if (number := number_of(given.get(name))) is not None}
    for name in TEXTS:
        value = given.get(name)
        if isinstance(value, str) and value and page["kind"] in OF_KIND.get(name, (page["kind"],)):
            found[name] = value
    if np.isfinite(away) and page["kind"] in OF_KIND[KILOMETRES]:
        found[KILOMETRES] = round(away, 1)
    return found
