"""The weekly list over MovieLens 100K: the same all week, another one the next, and its dial only ever adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from graph.errors import InvalidData
from serving.foldin import viewer
from serving.live import Live
from serving.playlists.discovery import MOST_FAMILIAR, DiscoveryWish, discovery, week_start
from serving.playlists.transitions import Transitions
from serving.scenarios.columns import Columns, Words
from serving.scenarios.visitor import Visitor

MONDAY, DAY = 1_780_272_000.0, 86_400.0
"""2026-06-01, 0:00 UTC."""
DIALS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)


@pytest.fixture(scope="module")
def made_up(columns: Columns) -> Columns:
    """The data tells no artists: every five films in order of their position have one maker."""
    size = columns.size
    names = tuple(f"maker {number}" for number in range(size // 5 + 1))
    words = Words(names, np.arange(size + 1), (np.arange(size) // 5).astype(np.int32))
    mapping: Mapping[str, Words] = {**columns.words, "Artist": words}
    return replace(columns, words=mapping)


def users(live: Live) -> list[str]:
    return [live.index.user_ids[place].decode() for place in range(0, live.index.num_users, 60)]


def test_the_dial_is_monotone_in_what_is_known(films_live: Live, made_up: Columns, transitions: Transitions) -> None:
    means = np.zeros(len(DIALS))
    for user in users(films_live):
        visitor = Visitor(films_live, made_up, viewer(films_live, user), MONDAY)
        seen = set(visitor.who.all_seen(films_live.index).tolist())
        makers = {item // 5 for item in seen}
        known, by_known = [], []
        for dial in DIALS:
            items = discovery(visitor, transitions, DiscoveryWish(dial)).items
            assert len(set(items)) == len(items)
            known.append(len(set(items) & seen) / len(items))
            by_known.append(sum(item // 5 in makers for item in items) / len(items))
        assert known == sorted(known)
        assert by_known == sorted(by_known)
        assert by_known[0] == 0
        assert by_known[-1] <= MOST_FAMILIAR + 1e-9 or len(items) < 30
        means += by_known
    assert means[-1] / len(users(films_live)) > 0.3


def test_it_stays_all_week_and_then_changes(films_live: Live, columns: Columns, transitions: Transitions) -> None:
    for user in users(films_live):
        lists = [
            discovery(Visitor(films_live, columns, viewer(films_live, user), MONDAY + days * DAY), transitions,
                      DiscoveryWish()) for days in (0, 3, 6.99, 7)
        ]  # fmt: skip
        assert lists[0].items == lists[1].items == lists[2].items
        assert lists[0].week == "2026-W23"
        assert set(lists[3].items) != set(lists[0].items)


def test_nothing_known_comes_unless_asked_for(films_live: Live, columns: Columns, transitions: Transitions) -> None:
    for user in users(films_live):
        visitor = Visitor(films_live, columns, viewer(films_live, user), MONDAY)
        assert visitor.unseen[discovery(visitor, transitions, DiscoveryWish(0.5)).items].all()


def test_weeks_begin_on_monday() -> None:
    assert {week_start(MONDAY + hours * 3600).timestamp() for hours in range(7 * 24)} == {MONDAY}


@pytest.mark.parametrize(
    "wish", [DiscoveryWish(-0.1), DiscoveryWish(1.1), DiscoveryWish(float("nan")), DiscoveryWish(n=0)]
)
def test_a_dial_that_cannot_be_says_so(
    films_live: Live, columns: Columns, transitions: Transitions, wish: DiscoveryWish
) -> None:
    with pytest.raises(InvalidData):
        discovery(Visitor(films_live, columns, viewer(films_live, "data:1"), MONDAY), transitions, wish)
