"""Who was scored once is answered from memory, and never with what is no longer true."""

from __future__ import annotations

import numpy as np
import pytest

from graph.schema import KINDS
from serving import recommend as module
from serving.events import Event, EventLog, Recent
from serving.foldin import viewer
from serving.index import Index
from serving.live import Live
from serving.recommend import Wish, at_hand, recommend
from serving.remembered import Remembered
from tests.serving.samples import ITEMS

LIKED, HIDDEN = KINDS.index("liked"), KINDS.index("hidden")
USER = "p:u01"
LATE = 2 * 10**9


@pytest.fixture
def scorings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the users who were scored since, the scoring itself as it is."""
    found: list[str] = []
    whole = module.model_scores

    def noted(live, user):
        found.append(user.name)
        return whole(live, user)

    monkeypatch.setattr(module, "model_scores", noted)
    return found


def like(log: EventLog, item: int, kind: int = LIKED, user: str = USER) -> None:
    log.add([Event(f"{user} {item} {kind}", user, ITEMS[item], kind, None, LATE)])


def afresh(index: Index, log: EventLog, wish: Wish) -> tuple[list[int], list[float]]:
    """What a worker that remembers nothing answers."""
    found = recommend(Live(index, log=Recent(log, -1)), wish)
    return found.items, found.scores


def unmet(index: Index) -> list[int]:
    return [item for item in range(index.num_items) if item not in index.seen[index.user(USER)]]


def test_scored_once_then_answered_from_memory(index: Index, log: EventLog, scorings: list[str]) -> None:
    live = Live(index, log=Recent(log, -1))
    like(log, unmet(index)[0])
    assert at_hand(live, Wish(USER, 5), viewer(live, USER)) is None, "nothing is known of them as they are now"
    first = recommend(live, Wish(USER, 5))
    for wish in (Wish(USER, 5), Wish(USER, 3), Wish(USER, 5, "movie"), Wish(USER, 2, exclude=(ITEMS[first.items[0]],)),
                 Wish(USER, 3, diversity=0.4)):  # fmt: skip
        again = recommend(live, wish)
        assert at_hand(live, wish, viewer(live, USER)) == again
        del scorings[1:]
        assert (again.items, again.scores) == afresh(index, log, wish)
        assert scorings == [USER, USER], "once by this worker, once afresh"
    assert first.source == "model"


def test_what_they_do_next_changes_the_answer(index: Index, log: EventLog, scorings: list[str]) -> None:
    live = Live(index, log=Recent(log, -1))
    like(log, unmet(index)[0])
    before = recommend(live, Wish(USER, 5))
    like(log, before.items[0])
    after = recommend(live, Wish(USER, 5))
    assert before.items[0] not in after.items
    like(log, after.items[0], HIDDEN)
    hidden = recommend(live, Wish(USER, 5))
    assert after.items[0] not in hidden.items
    assert len(scorings) == 3
    for found in (hidden, recommend(live, Wish(USER, 5))):
        assert (found.items, found.scores) == afresh(index, log, Wish(USER, 5))


def test_a_list_that_ends_too_soon_is_followed_by_all(index: Index, log: EventLog) -> None:
    live = Live(index, log=Recent(log, -1))
    like(log, unmet(index)[0])
    recommend(live, Wish(USER, 5))
    whole = Wish(USER, index.num_items)
    assert recommend(live, whole).items == afresh(index, log, whole)[0]
    most = tuple(ITEMS[item] for item in recommend(live, whole).items[:-2])
    assert len(recommend(live, Wish(USER, 5, exclude=most)).items) == 2


def test_another_user_and_another_catalogue_have_their_own(index: Index, log: EventLog, scorings: list[str]) -> None:
    live = Live(index, log=Recent(log, -1))
    for user in (USER, "p:u02"):
        like(log, unmet(index)[0], user=user)
    best = recommend(live, Wish(USER, 5)).items[0]
    assert recommend(live, Wish("p:u02", 5)).items == afresh(index, log, Wish("p:u02", 5))[0]
    without = Live(index, log=Recent(log, -1), gone=np.array([best]))
    assert best not in recommend(without, Wish(USER, 5)).items
    assert scorings == [USER, "p:u02", "p:u02", USER]


def test_so_many_are_remembered_and_no_more() -> None:
    kept = Remembered[int](most=2)
    for name, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        kept.put(name, "same", value)
    assert [kept.get(name, "same") for name in "abc"] == [3, None, 4], "the one that was remembered longest goes"
    assert kept.get("a", "other") is None
