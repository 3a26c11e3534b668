"""Filters and rules hold on 10,000 random requests: random presets, random users, each page checked by hand.

The check reads the items' own pages and the snapshot, none of the code that is tested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import acos, cos, radians, sin
from random import Random
from typing import Any

import orjson

from graph.schema import KINDS
from graph.snapshot import Snapshot
from serving.live import Live
from serving.scenarios.home import Row, home
from serving.scenarios.preset import Boost, Filters, Preset, Recency, Rules, Shelf
from tests.serving.scenarios.conftest import Visit
from tests.serving.scenarios.market import ITEMS, NOW, USERS

REQUESTS = 10_000
PRESETS = 500
SOURCES: Mapping[str, Mapping[str, Any]] = {
    "for-you": {}, "like-last": {}, "together": {}, "popular": {"attribute": "Category"}, "new": {"explore": 0.4},
    "continue": {}, "friends": {}, "soon": {"km": 300.0, "within": 30 * 86_400.0},
    "related": {"relation": "together"},
    "playlist": {},
}  # fmt: skip


def test_filters_and_rules_hold(visit: Visit, market_live: Live, shelves_snapshot: Snapshot) -> None:
    draw = Random(11)
    pages = [_read(market_live.page(place)) for place in range(ITEMS)]
    blocked = [_blocked(shelves_snapshot, user) for user in range(USERS)]
    known, homes = _interactions(shelves_snapshot), _homes(shelves_snapshot)
    presets = [_preset(draw) for _ in range(PRESETS)]
    shown: Counter[str] = Counter()
    for _ in range(REQUESTS):
        user, preset = draw.randrange(USERS), presets[draw.randrange(PRESETS)]
        rows = home(visit(f"m:u{user:02d}"), preset, "en")
        _check(rows, preset, user, pages, known[user], blocked[user])
        _check_events(rows, pages, homes[user])
        shown.update(row.shelf.source for row in rows)
    assert min(shown[source] for source in SOURCES) > 300, shown


def _read(body: bytes) -> dict[str, Any]:
    page: dict[str, Any] = orjson.loads(body)
    folded = {label: {one.lower() for one in given} for label, given in page["attributes"].items()}
    return {**page, "folded": folded, "out of time": _out_of_time(page)}


def _preset(draw: Random) -> Preset:
    shelves = []
    for _ in range(draw.randint(2, 6)):
        source = draw.choice(list(SOURCES))
        seen = source == "continue" or draw.random() < 0.1
        titles = {"en": source, "zh": source}
        shelves.append(Shelf(source, titles, draw.randint(1, 12), SOURCES[source], _filters(draw), _rules(draw), seen))
    return Preset("random", {"en": "Random", "zh": "Random"}, tuple(shelves), _filters(draw))


def _filters(draw: Random) -> Filters:
    some = [draw.random() < 0.2 for _ in range(7)]
    low = draw.randint(0, 40)
    return Filters(
        kinds=tuple(draw.sample(("product", "article", "event"), 2)) if some[0] else (),
        ranges={"price": draw.choice([(low, low + 50.0), (None, 60.0), (low, None)])} if some[1] else {},
        attributes={"Brand": tuple(f"b{code}" for code in draw.sample(range(12), 5))} if some[2] else {},
        without={"Category": (f"C{draw.randrange(6)}",)} if some[3] else {},
        in_stock=some[4],
        country=draw.choice(("user", "nl")) if some[5] else None,
        age=draw.choice(("user", 12.0, 18.0)) if some[6] else None,
    )


def _rules(draw: Random) -> Rules:
    return Rules(
        pin=tuple(f"m:i{draw.randrange(ITEMS):03d}" for _ in range(draw.choice((0, 0, 2)))),
        boost=(Boost("Brand", ("B1",), 3.0),) if draw.random() < 0.2 else (),
        bury={"Brand": ("B2",)} if draw.random() < 0.3 else {},
        at_most={"Brand": draw.randint(1, 2)} if draw.random() < 0.4 else {},
        recency=Recency("published", 86_400.0 * 3) if draw.random() < 0.2 else None,
    )


def _interactions(snapshot: Snapshot) -> dict[int, set[int]]:
    """Of every user, the items that they saw: all but what was merely shown to them."""
    found: dict[int, set[int]] = {user: set() for user in range(USERS)}
    rows = snapshot.interactions
    for user, item, kind in zip(rows.user.tolist(), rows.item.tolist(), rows.kind.tolist(), strict=True):
        if kind != KINDS.index("impressed"):
            found[user].add(item)
    return found


def _blocked(snapshot: Snapshot, user: int) -> set[str]:
    lists = snapshot.user_properties.column("blocked").to_pylist()
    name = f"m:u{user:02d}"
    return set(lists[user] or ()) | {f"m:u{other:02d}" for other, given in enumerate(lists) if name in (given or ())}


def _check(
    rows: list[Row], preset: Preset, user: int, pages: list[dict[str, Any]], known: set[int], blocked: set[str]
) -> None:
    every = [item for row in rows for item in row.items]
    assert len(every) == len(set(every)), "an item twice on a page"
    about = _about(user)
    for row in rows:
        assert 0 < len(row.items) <= row.shelf.n
        for item in row.items:
            page = pages[item]
            assert not page["out of time"]
            assert page["properties"].get("author") not in blocked
            assert _fits(page, preset.filters, about), (page, preset.filters)
            assert _fits(page, row.shelf.filters, about), (page, row.shelf)
            assert row.shelf.seen or item not in known
        _check_rules(row, [pages[item] for item in row.items])


def _homes(snapshot: Snapshot) -> list[tuple[float, float]]:
    """Latitude and longitude of every user."""
    columns = (snapshot.user_properties.column(name).to_pylist() for name in ("latitude", "longitude"))
    return list(zip(*columns, strict=True))


def _check_events(rows: list[Row], pages: list[dict[str, Any]], home: tuple[float, float]) -> None:
    """What a shelf of coming events shows is ahead, within its days and kilometres; a pin is the shop's own wish."""
    for row in rows:
        for page in (pages[item] for item in row.items if row.shelf.source == "soon"):
            if page["id"] in row.shelf.rules.pin:
                continue
            held = page["properties"]
            ahead = datetime.fromisoformat(held["starts"]) - NOW
            assert timedelta() <= ahead <= timedelta(seconds=row.shelf.options["within"])
            assert _km(home, (held["latitude"], held["longitude"])) <= row.shelf.options["km"] + 0.1


def _km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """By the spherical law of cosines."""
    (north, east), (there, far) = (tuple(map(radians, place)) for place in (one, other))
    return 6371.0 * acos(min(1.0, sin(north) * sin(there) + cos(north) * cos(there) * cos(east - far)))


def _check_rules(row: Row, shown: list[dict[str, Any]]) -> None:
    rules = row.shelf.rules
    for label, most in rules.at_most.items():
        counts = Counter(name for page in shown for name in page["attributes"].get(label, ()))
        assert max(counts.values()) <= most
    pinned = [page["id"] in rules.pin for page in shown]
    assert pinned == sorted(pinned, reverse=True), "pins come first"
    if rules.bury and "explore" not in row.shelf.options:
        buried = [page["attributes"]["Brand"] == ["B2"] for page in shown if page["id"] not in rules.pin]
        assert buried == sorted(buried), "buried items come last"


def _about(user: int) -> dict[str, Any]:
    country = None if user % 6 == 0 else ("NL", "CN", "DE")[user % 3]
    return {"country": (country or "").lower(), "age": 0 if user % 5 == 0 else 10 + user}


def _out_of_time(page: dict[str, Any]) -> bool:
    held = page["properties"]
    ends = held.get("expires") or (held.get("starts") if page["kind"] == "event" else None)
    published = held.get("published")
    early = published is not None and datetime.fromisoformat(published) > NOW
    return early or (ends is not None and datetime.fromisoformat(ends) < NOW)


def _fits(page: dict[str, Any], filters: Filters, about: dict[str, Any]) -> bool:
    held = page["properties"]
    country = about["country"] if filters.country == "user" else filters.country
    age = about["age"] if filters.age == "user" else filters.age
    folded = page["folded"]
    return (
        (not filters.kinds or page["kind"] in filters.kinds)
        and all(_within(held.get(name), *ends) for name, ends in filters.ranges.items())
        and all(folded[label] & {one.lower() for one in given} for label, given in filters.attributes.items())
        and not any(folded[label] & {one.lower() for one in given} for label, given in filters.without.items())
        and (not filters.in_stock or held.get("stock") is None or held["stock"] > 0)
        and (country is None or not held.get("countries") or country in [one.lower() for one in held["countries"]])
        and (age is None or held.get("age_limit") is None or held["age_limit"] <= age)
    )  # fmt: skip


def _within(value: float | None, low: float | None, high: float | None) -> bool:
    return value is not None and (low is None or value >= low) and (high is None or value <= high)
