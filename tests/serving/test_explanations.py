"""What-if, profiles and their correction over HTTP; likings and people as the index counts them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from graph.explain_tell import FEWEST_PEOPLE
from serving.app import create_app
from serving.crowd import crowd_of
from serving.foldin import viewer
from serving.index import Index
from serving.live import Live
from serving.rank import score
from serving.reason_paths import candidates, likings_of
from serving.settings import Settings
from serving.ties import Ties
from serving.what_if import what_if
from tests.serving.conftest import Get, client

USER = "p:u03"


@pytest.fixture
def own(home: Path, tmp_path: Path) -> Get:
    """An application on a home of its own, which can be corrected."""
    shutil.copytree(home / "index", tmp_path / "index")
    return client(create_app(Settings(home=tmp_path, store="local:" + str(tmp_path / "no-store"))))


def items(answer: dict) -> list[str]:
    return [entry["item"]["id"] for entry in answer["items"]]


def test_what_if_is_the_fold_in_of_the_other_history(index: Index) -> None:
    live, place = Live(index), index.user(USER)
    history = index.known[place]
    gone = index.item_ids[int(history[0])].decode()
    found = what_if(live, USER, 5, without=[gone])
    expected = score(index, -1, history[history != history[0]]).copy()
    expected[index.seen[place]] = -np.inf
    assert [item for item, _ in found.after] == np.argsort(-expected, kind="stable")[:5].tolist()
    assert history[0] not in [item for item, _ in found.after]


def test_what_if_over_http_and_what_it_refuses(get: Get) -> None:
    seen = get(f"/v1/users/{USER}").json()["history"][0]["item"]["id"]
    body = {"user": USER, "without": [seen], "n": 4}
    found = get("/v1/explanations/what-if", "POST", json=body).json()
    ids = {part: [one["item"]["id"] for one in found[part]] for part in ("before", "after", "entered", "left")}
    assert set(ids["entered"]) == set(ids["after"]) - set(ids["before"])
    assert set(ids["left"]) == set(ids["before"]) - set(ids["after"])
    for refused, status in (({"user": USER}, 422), ({"user": "p:none", "without": [seen]}, 404),
                            ({"user": USER, "without": [found["after"][0]["item"]["id"]]}, 422),
                            ({"user": USER, "with": ["p:none"]}, 404)):  # fmt: skip
        assert get("/v1/explanations/what-if", "POST", json=refused).status_code == status


def test_a_removed_interest_is_gone_from_the_next_answer_and_can_come_back(own: Get) -> None:
    path = f"/v1/users/{USER}/recommendations?n=20"
    before = own(path).json()
    assert any("Comedy" in entry["item"]["attributes"].get("Genre", []) for entry in before["items"])
    profile = own(f"/v1/users/{USER}/profile/interests/Genre/Comedy", "DELETE").json()
    assert [one["name"] for one in profile["removed"]] == ["Comedy"]
    assert "Comedy" not in [one["name"] for one in profile["interests"]]
    after = own(path).json()
    assert after["items"]
    assert not any("Comedy" in entry["item"]["attributes"].get("Genre", []) for entry in after["items"])
    assert own("/v1/users/p:u04/profile").json()["removed"] == []
    assert own(f"/v1/users/{USER}/profile/interests/Genre/Comedy", "PUT").json()["removed"] == []
    assert items(own(path).json()) == items(before)
    assert own("/v1/users/p:none/profile/interests/Genre/Comedy", "DELETE").status_code == 404


def test_a_profile_speaks_both_languages(get: Get) -> None:
    english = get(f"/v1/users/{USER}/profile").json()
    chinese = get(f"/v1/users/{USER}/profile", headers={"Accept-Language": "zh-CN"}).json()
    assert english["liked"] == chinese["liked"] > 0
    assert "favourites" in english["text"]
    assert "您" in chinese["text"]
    assert get(f"/v1/users/{USER}/profile?lang=fr").status_code == 422


def test_people_are_counted_as_they_are(index: Index) -> None:
    crowd, history = crowd_of(index, 1), index.history
    rated = index.history.kind == 3
    users = np.repeat(np.arange(index.num_users), np.diff(history.rows.indptr))
    liked = rated & (history.value >= crowd.at_least)
    fans = {item: {int(u): int(t) for u, i, t in zip(users[liked], history.rows.columns[liked], history.time[liked],
            strict=True) if i == item} for item in range(index.num_items)}  # fmt: skip
    for one in range(0, index.num_items, 3):
        for other in range(1, index.num_items, 4):
            both = fans[one].keys() & fans[other].keys()
            found = crowd.together(one, other, 3)
            assert found.people == len(both)
            assert found.after == sum(fans[other][user] > fans[one][user] for user in both)


def test_candidates_are_likings_the_model_agrees_with_or_else_all_others(index: Index) -> None:
    live, crowd = Live(index), crowd_of(index)
    told = 0
    for name in ("p:u01", "p:u02", "p:u03", "p:u04"):
        who = viewer(live, name)
        likings = likings_of(live, who, crowd)
        for found in candidates(live, crowd, Ties(), likings, index.list_items[who.place, :5].tolist()):
            agree = [one.effect is not None and one.effect[0] > one.effect[1] for one in found]
            assert all(agree) or not any(agree)
            for one in found:
                told += 1
                assert one.liked in likings.liked
                assert one.facts.get("people", FEWEST_PEOPLE) >= FEWEST_PEOPLE
    assert told
