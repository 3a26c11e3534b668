"""Radio over MovieLens 100K: never the same twice; a skip and a like change what comes, in the right direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest

from graph.errors import InvalidData
from serving.live import Live
from serving.playlists.radio import RadioWish, radio
from serving.playlists.transitions import Transitions
from serving.playlists.wish import Seeds
from tests.serving.playlists.conftest import Visit

STATION = RadioWish(Seeds(attributes={"Genre": "Horror"}), n=10)


def genre_share(live: Live, items: list[int], genre: str) -> float:
    return float(np.mean([genre in orjson.loads(live.card(item))["attributes"].get("Genre", ()) for item in items]))


def test_it_plays_a_whole_station_without_a_repeat(visit: Visit, films_live: Live, transitions: Transitions) -> None:
    heard: list[int] = []
    wish = STATION
    while True:
        found = radio(visit(None), transitions, wish)
        assert not set(found.items) & set(heard)
        heard += found.items
        if found.exhausted:
            break
        names = [films_live.id(item) for item in found.items]
        wish = replace(wish, played=(*wish.played, *names), skipped=(*wish.skipped, names[0]))
    horror = [p for p in range(films_live.num_items) if genre_share(films_live, [p], "Horror")]
    assert sorted(heard) == horror


def test_skips_and_likes_change_the_answer(visit: Visit, films_live: Live, transitions: Transitions) -> None:
    changed, less, more = 0, [], []
    for place in range(0, 1000, 50):
        wish = RadioWish(Seeds((films_live.id(place),)), n=20)
        before = radio(visit(None), transitions, wish)
        one = films_live.id(before.items[0])
        skipped = radio(visit(None), transitions, replace(wish, played=(one,), skipped=(one,)))
        liked = radio(visit(None), transitions, replace(wish, played=(one,), liked=(one,)))
        assert before.items[0] not in skipped.items + liked.items
        changed += set(skipped.items) != set(liked.items)
        near = films_live.index.crowd_items[before.items[0]][:20]
        less.append(len(set(near.tolist()) & set(skipped.items)))
        more.append(len(set(near.tolist()) & set(liked.items)))
    assert changed == 20
    assert np.mean(more) > np.mean(less) + 1


def test_items_that_nobody_knows_are_passed_over(visit: Visit, transitions: Transitions) -> None:
    plain = radio(visit(None), transitions, STATION)
    assert radio(visit(None), transitions, replace(STATION, played=("data:nothing",))).items == plain.items


@pytest.mark.parametrize("wish", [RadioWish(Seeds()), replace(STATION, n=0), replace(STATION, n=101)])
def test_what_cannot_be_played_says_so(visit: Visit, transitions: Transitions, wish: RadioWish) -> None:
    with pytest.raises(InvalidData):
        radio(visit(None), transitions, wish)
