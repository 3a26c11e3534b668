import numpy as np
import pytest

from graph.errors import InvalidData, NotFound
from serving.foldin import viewer
from serving.index import Index
from serving.live import Live
from serving.rank import score
from serving.recommend import Wish, at_hand, recommend
from tests.serving.samples import HIDER, HOSTILE, ITEMS, LONELY, USERS

KNOWN = [name for name in USERS if name not in (LONELY, HIDER)]


def names(index: Index, items: list[int]) -> list[str]:
    return [index.item_ids[item].decode() for item in items]


@pytest.mark.parametrize("user", KNOWN[:8])
def test_the_list_is_what_live_scoring_gives(index: Index, user: str) -> None:
    place = index.user(user)
    scores = score(index, place, index.known[place]).copy()
    scores[index.seen[place]] = -np.inf
    found = recommend(Live(index), Wish(user, 5))
    assert found.source == "list"
    np.testing.assert_allclose(found.scores, np.sort(scores)[::-1][:5], rtol=1e-4, atol=1e-6)
    assert not set(found.items) & set(index.seen[place].tolist())


def test_exclusion_and_kind_hold_and_the_order_stays(index: Index) -> None:
    full = recommend(Live(index), Wish(KNOWN[0], 20))
    gone = names(index, full.items[:2])
    found = recommend(Live(index), Wish(KNOWN[0], 20, exclude=(*gone, "p:unknown")))
    assert found.items == full.items[2:]
    tracks = recommend(Live(index), Wish(KNOWN[0], 20, kind="track"))
    assert tracks.items == [item for item in full.items if index.kinds[index.item_kind[item]] == "track"]


def test_more_items_than_there_are_gives_all_that_were_not_seen(index: Index) -> None:
    place = index.user(KNOWN[1])
    found = recommend(Live(index), Wish(KNOWN[1], 500))
    assert sorted(found.items) == np.setdiff1d(np.arange(index.num_items), index.seen[place]).tolist()


def test_a_short_list_is_completed_by_live_scoring(index: Index) -> None:
    assert at_hand(Live(index), Wish(KNOWN[0], 500), viewer(Live(index), KNOWN[0])) is None
    assert recommend(Live(index), Wish(KNOWN[0], 500)).source == "model"


@pytest.mark.parametrize("user", [LONELY, HIDER])
def test_a_user_without_history_gets_what_is_popular(index: Index, user: str) -> None:
    found = recommend(Live(index), Wish(user, 4))
    assert found.source == "popular"
    unseen = [item for item in index.popular.tolist() if item not in index.seen[index.user(user)]]
    assert found.items == unseen[:4]


def test_hostile_ids_are_ids(index: Index) -> None:
    assert len(recommend(Live(index), Wish(HOSTILE, 3, exclude=(HOSTILE,))).items) == 3


@pytest.mark.parametrize("user", ["", "p:", "p:u0", "p:u000", "\ud800", "p:zzz"])
def test_an_unknown_user_is_not_found(index: Index, user: str) -> None:
    with pytest.raises(NotFound, match="no user"):
        recommend(Live(index), Wish(user))


def test_an_unknown_kind_names_the_kinds(index: Index) -> None:
    with pytest.raises(InvalidData, match="movie, track"):
        recommend(Live(index), Wish(KNOWN[0], kind="book"))
    assert len(ITEMS) == index.num_items
