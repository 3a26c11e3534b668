"""A playlist's rules hold on thousands of random requests over MovieLens 100K, checked against the items' own pages."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import orjson
import pytest

from graph.errors import InvalidData, NotFound
from graph.schema import KINDS
from graph.snapshot import Snapshot
from serving.foldin import nobody
from serving.live import Live
from serving.playlists.facts import ASKED, ATTRIBUTE, NEXT, TOGETHER, Fact
from serving.playlists.make import Playlist, playlist
from serving.playlists.transitions import Transitions
from serving.playlists.wish import TOLERANCE, PlaylistWish, Seeds
from serving.scenarios.columns import Columns
from serving.scenarios.visitor import Visitor
from serving.search import Wanted
from tests.serving.playlists.conftest import Visit

REQUESTS = 3_000


def test_rules_hold(visit: Visit, films_live: Live, transitions: Transitions) -> None:
    draw = Random(7)
    pages: list[dict[str, Any]] = [orjson.loads(films_live.page(place)) for place in range(films_live.num_items)]
    checked: Counter[str] = Counter()
    for _ in range(REQUESTS):
        wish = random_wish(draw, films_live, pages)
        visitor = visit(wish.seeds.user)
        found = playlist(visitor, transitions, wish)
        check(found, wish, visitor, pages)
        checked["minutes"] += wish.minutes is not None
        checked["complete"] += found.complete
        checked["short"] += not found.complete
        checked["facts"] += check_facts(found, wish, visitor, pages, transitions)
    assert min(checked.values()) > 100, checked


def random_wish(draw: Random, live: Live, pages: list[dict[str, Any]]) -> PlaylistWish:
    items = tuple(pages[draw.randrange(len(pages))]["id"] for _ in range(draw.choice((0, 0, 1, 3, 10))))
    genre = draw.choice(("Comedy", "Drama", "Horror", "War", None, None))
    user = draw.choice((None, live.index.user_ids[draw.randrange(live.index.num_users)].decode()))
    if not (items or genre or user):
        genre = "Action"
    length = {"minutes": draw.uniform(150, 1400)} if draw.random() < 0.4 else {"n": draw.randint(1, 40)}
    years = draw.choice((None, None, (1980, 1995)))
    exclude = tuple(pages[draw.randrange(len(pages))]["id"] for _ in range(draw.choice((0, 50))))
    at_most = draw.choice((None, {"Genre": draw.randint(1, 8)}))
    wanted = Wanted(years=years, attributes=draw.choice(({}, {"Genre": "Romance"})))
    seeds = Seeds(items, {} if genre is None else {"Genre": genre}, None, user)
    return PlaylistWish(seeds, wanted=wanted, exclude=exclude, at_most=at_most, seen=draw.random() < 0.3, **length)


def check(found: Playlist, wish: PlaylistWish, visitor: Visitor, pages: list[dict[str, Any]]) -> None:
    shown = [pages[item] for item in found.items]
    assert len(set(found.items)) == len(found.items)
    assert not {one["id"] for one in shown} & {*wish.seeds.items, *wish.exclude}
    for label, name in (*wish.seeds.attributes.items(), *wish.wanted.attributes.items()):
        assert all(name in one["attributes"].get(label, ()) for one in shown)
    if wish.wanted.years:
        assert all(1980 <= one["year"] <= 1995 for one in shown)
    for label, most in (wish.at_most or {}).items():
        times = Counter(name for one in shown for name in one["attributes"].get(label, ()))
        assert max(times.values(), default=0) <= most
    if wish.seeds.user and not wish.seen:
        assert not set(found.items) & set(visitor.who.all_seen(visitor.live.index).tolist())
    if wish.minutes is not None:
        total = sum(one["properties"]["runtime"] for one in shown)
        assert total <= wish.minutes * (1 + TOLERANCE)
        assert found.complete == (total >= wish.minutes * (1 - TOLERANCE))
    else:
        assert len(shown) <= (wish.n or 0)
        assert found.complete == (len(shown) == wish.n)
    assert found.ordered >= found.unordered - 1e-6 or wish.seeds.items  # with seeds the first step counts too


def check_facts(
    found: Playlist, wish: PlaylistWish, visitor: Visitor, pages: list[dict[str, Any]], transitions: Transitions
) -> int:
    """Every fact is true; returns how many were looked at."""
    index = visitor.live.index
    for item, facts in zip(found.items, found.why, strict=True):
        assert facts
        for fact in facts:
            assert _true(fact, item, pages, wish, index.crowd_items, transitions), fact
    for before, item, fact in zip(found.items, found.items[1:], found.follows[1:], strict=False):
        assert fact is None or fact.item == before
        assert fact is None or _true(fact, item, pages, wish, index.crowd_items, transitions), fact
    assert found.follows[:1] in ([], [None])
    return sum(map(len, found.why))


def _true(
    fact: Fact, item: int, pages: list[dict[str, Any]], wish: PlaylistWish, crowd: Any, transitions: Transitions
) -> bool:
    has = fact.name in pages[item]["attributes"].get(fact.label, ())
    if fact.kind == ASKED:
        return has and wish.seeds.attributes[fact.label] == fact.name
    if fact.kind == ATTRIBUTE:
        assert fact.item is not None
        return has and fact.name in pages[fact.item]["attributes"][fact.label]
    if fact.kind == TOGETHER:
        return bool(item in crowd[fact.item])
    if fact.kind == NEXT:
        assert fact.item is not None
        return bool(item in transitions.after(fact.item)[0])
    return True


def test_neighbours_are_more_alike_than_by_score(visit: Visit, films_live: Live, transitions: Transitions) -> None:
    found = [
        playlist(visit(None), transitions, PlaylistWish(Seeds((films_live.id(place),)), n=30))
        for place in range(0, 1600, 80)
    ]
    gains = [one.ordered - one.unordered for one in found]
    assert min(gains) > 0
    assert np.mean([one.ordered for one in found]) > 1.2 * np.mean([one.unordered for one in found])


def test_transitions_tell_of_no_fewer_people_than_allowed(
    films: Snapshot, films_live: Live, transitions: Transitions
) -> None:
    known, found = films_live.index.known, transitions
    histories = [known[user].tolist()[-100:] for user in range(len(known))]
    for item in range(0, 200, 10):
        for other in found.after(item)[0].tolist()[:5]:
            people = sum(
                any(h[a] == item and other in h[a + 1 : a + 4] for a in range(len(h))) for h in histories
            )  # fmt: skip
            assert people >= 5
    assert len(films.items) == films_live.num_items


def test_a_removed_interest_and_a_hidden_item_stay_away(
    films_live: Live, columns: Columns, transitions: Transitions
) -> None:
    from serving.events import Event
    from serving.foldin import viewer

    who = viewer(films_live, "data:196")
    first = playlist(Visitor(films_live, columns, who, 0.0), transitions, PlaylistWish(Seeds(user=who.name), n=10))
    removed = playlist(
        Visitor(films_live, columns, who, 0.0, (("Genre", "Drama"),)), transitions,
        PlaylistWish(Seeds(user=who.name), n=30, seen=True),
    )  # fmt: skip
    assert not any("Drama" in orjson.loads(films_live.card(item))["attributes"]["Genre"] for item in removed.items)
    name = films_live.id(first.items[0])
    hiding = type(who)(**{**vars(who), "events": (Event("e1", who.name, name, KINDS.index("hidden"), None, 1),)})
    again = playlist(
        Visitor(films_live, columns, hiding, 0.0), transitions, PlaylistWish(Seeds(user=who.name), n=10, seen=True)
    )
    assert first.items[0] not in again.items


@pytest.mark.parametrize(
    ("wish", "error", "told"),
    [
        (PlaylistWish(Seeds()), InvalidData, "from nothing"),
        (PlaylistWish(Seeds(("data:1",)), n=5, minutes=5.0), InvalidData, "5 items and 5 minutes"),
        (PlaylistWish(Seeds(("data:1",)), n=0), InvalidData, "0 items"),
        (PlaylistWish(Seeds(("data:1",)), minutes=float("nan")), InvalidData, "nan minutes"),
        (PlaylistWish(Seeds(("data:0",))), NotFound, "data:0"),
        (PlaylistWish(Seeds(attributes={"Genre": "Polka"})), NotFound, "Polka"),
        (PlaylistWish(Seeds(attributes={"Mood": "calm"})), InvalidData, "Mood"),
        (PlaylistWish(Seeds(artist="Nobody")), InvalidData, "Nobody"),
        (PlaylistWish(Seeds(("data:1",)), at_most={"Colour": 2}), InvalidData, "Colour"),
    ],
)
def test_what_cannot_be_made_says_so(
    visit: Visit, transitions: Transitions, wish: PlaylistWish, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        playlist(visit(None), transitions, wish)


def test_minutes_need_durations(films_live: Live, columns: Columns, transitions: Transitions) -> None:
    silent = Visitor(films_live, replace(columns, numbers={}), nobody(), 0.0)
    with pytest.raises(InvalidData, match="no item says how long it is") as raised:
        playlist(silent, transitions, PlaylistWish(Seeds(("data:1",)), minutes=60.0))
    assert "duration_ms" in raised.value.valid
