"""Users of whom nothing is known get what their other accounts, else their friends, let one expect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graph.snapshot import Snapshot
from serving.all_lists import Everybody
from serving.candidates import appeal
from serving.index import Index, open_index
from serving.live import Live
from serving.publish import publish
from serving.rank import score, standardise
from serving.recommend import Wish, recommend
from tests.serving.conftest import INFO
from tests.serving.samples import HIDER, LONELY
from training.recommender import Recommender


def published(snapshot: Snapshot, ease: Recommender, home: Path) -> Index:
    publish(snapshot, ease, home=home, model=INFO)
    return open_index(home)


def pairs(snapshot: Snapshot, *friends: tuple[str, str]) -> np.ndarray:
    found = sorted(tuple(sorted(snapshot.users.position(name) for name in pair)) for pair in friends)
    return np.array(found, np.int32).reshape(-1, 2)


def expected(index: Index, user: str, *others: str) -> list[int]:
    """By the model, folding in all that the others did."""
    history = np.unique(np.concatenate([index.known[index.user(name)] for name in others])).astype(np.int32)
    scores = score(index, -1, history).copy()
    scores[index.seen[index.user(user)]] = -np.inf
    return np.argsort(-scores, kind="stable")[:5].tolist()


def test_friends_tell_when_there_are_enough(snapshot: Snapshot, ease: Recommender, tmp_path: Path) -> None:
    names = ("p:u01", "p:u02", "p:u03")
    some = replace(snapshot, friendships=pairs(snapshot, *((LONELY, name) for name in names), (LONELY, HIDER)))
    index = published(some, ease, tmp_path)
    found = recommend(Live(index), Wish(LONELY, 5))
    assert found.source == "friends"
    assert found.items == expected(index, LONELY, *names)


@pytest.mark.parametrize("friends", [("p:u01",), ("p:u01", "p:u02"), ("p:u01", "p:u02", HIDER)])
def test_one_or_two_friends_are_not_told_of(
    snapshot: Snapshot, ease: Recommender, tmp_path: Path, friends: tuple[str, ...]
) -> None:
    few = replace(snapshot, friendships=pairs(snapshot, *((LONELY, name) for name in friends)))
    assert recommend(Live(published(few, ease, tmp_path)), Wish(LONELY, 5)).source == "popular"


def test_the_person_s_other_account_comes_first(snapshot: Snapshot, ease: Recommender, tmp_path: Path) -> None:
    place = snapshot.users.position
    people = {place(LONELY): "me", place("p:u05"): "me", place("p:u06"): "you"}
    friends = pairs(snapshot, *((LONELY, name) for name in ("p:u01", "p:u02", "p:u03")))
    index = published(replace(snapshot, identities=people, friendships=friends), ease, tmp_path)
    found = recommend(Live(index), Wish(LONELY, 5))
    assert found.source == "person"
    assert found.items == expected(index, LONELY, "p:u05")
    assert index.borrowed_sure[place(LONELY)] == 1
    assert recommend(Live(index), Wish("p:u05", 5)).source == "list", "who has a history is not touched"
    assert recommend(Live(index), Wish(HIDER, 5)).source == "popular"


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95])
def test_an_account_that_may_be_another_s_tells_as_much_as_it_is_likely(
    snapshot: Snapshot, ease: Recommender, tmp_path: Path, probability: float
) -> None:
    place = snapshot.users.position
    people = {place(LONELY): "me", place("p:u05"): "me"}
    linked = replace(snapshot, identities=people, doubts={place(LONELY): probability})
    index = published(linked, ease, tmp_path)
    assert index.borrowed_sure[place(LONELY)] == pytest.approx(probability)
    live = Live(index)
    found = recommend(live, Wish(LONELY, 200))
    assert found.source == "person"
    model = score(index, -1, np.unique(index.known[place("p:u05")]).astype(np.int32))
    scores = probability * standardise(model) + (1 - probability) * standardise(appeal(live))
    expected = [item for item in np.argsort(-scores, kind="stable") if item not in set(index.seen[place(LONELY)])]
    assert found.items[:5] == expected[:5]
    everybody = Everybody(live, 5)
    lists = everybody.of(np.array([place(LONELY)]))
    assert lists.items[0].tolist() == expected[:5]


def test_an_unsure_identity_is_weaker_than_a_given_one_and_a_friendless_undoing_leaves_popularity(
    snapshot: Snapshot, ease: Recommender, tmp_path: Path
) -> None:
    place = snapshot.users.position
    people = {place(LONELY): "me", place("p:u05"): "me"}
    given, unsure, undone = (
        recommend(
            Live(published(replace(snapshot, identities=who, doubts=doubts), ease, tmp_path / name)), Wish(LONELY, 50)
        )
        for name, who, doubts in (("a", people, {}), ("b", people, {place("p:u05"): 0.3}), ("c", {}, {}))
    )
    popular = {item: rank for rank, item in enumerate(undone.items)}

    def away(items: list[int]) -> int:
        return sum(abs(popular[item] - rank) for rank, item in enumerate(items) if item in popular)

    assert undone.source == "popular"
    assert away(unsure.items) < away(given.items)
