"""People you may know: from the circles there are, and never somebody who was blocked, hidden or deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import jsonschema
import numpy as np
import pyarrow as pa
import pytest

from graph.errors import Unsupported
from graph.schema import USER, USER_BLOCKED, USER_DISCOVERABLE, USER_HIDES_FRIENDS
from graph.snapshot import Snapshot
from serving.acquaintances import people_you_may_know
from serving.app import create_app
from serving.index import Index, open_index
from serving.live import Live
from serving.overlay import Change
from serving.publish import publish
from serving.settings import Settings
from tests.serving.conftest import INFO, client
from training.recommender import Recommender

CIRCLES = 3


def circled(snapshot: Snapshot) -> tuple[Snapshot, np.ndarray]:
    """The sample's users in three circles."""
    users = len(snapshot.users)
    rng = np.random.default_rng(4)
    pairs = np.array([(a, b) for a in range(users) for b in range(a + 1, users) if a % CIRCLES == b % CIRCLES])
    links = pairs[rng.random(len(pairs)) < 0.6].astype(np.int32)
    columns = {
        "age": pa.array([*range(users - 1), None], pa.int64()),
        USER_DISCOVERABLE: pa.array([None] * 3 + [False] + [True] * (users - 4)),
        USER_HIDES_FRIENDS: pa.array([None] * 6 + [True] + [None] * (users - 7)),
        USER_BLOCKED: pa.array([[snapshot.users.ids[9]]] + [None] * (users - 1), pa.list_(pa.string())),
    }
    return replace(snapshot, friendships=links, user_properties=pa.table(columns)), links


@pytest.fixture(scope="module")
def circles(snapshot: Snapshot, ease: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("circles")
    publish(circled(snapshot)[0], ease, home=folder, model=INFO)
    return folder


@pytest.fixture(scope="module")
def known(circles: Path) -> Index:
    return open_index(circles)


def suggested(live: Live, place: int, n: int = 50) -> list[int]:
    return [one.place for one in people_you_may_know(live, live.index.user_ids[place].decode(), n)]


def test_the_own_circle_comes_first_and_no_friend_comes(known: Index, snapshot: Snapshot) -> None:
    links = {tuple(pair) for pair in circled(snapshot)[1].tolist()}
    for place in range(known.num_users):
        found = suggested(Live(known), place)
        friends = {a + b - place for a, b in links if place in (a, b)}
        assert not friends & set(found)
        assert place not in found
        mine = [other for other in found if other % CIRCLES == place % CIRCLES]
        assert found[: len(mine)] == mine, "all of the own circle before anybody else"


def test_who_does_not_want_it_is_never_suggested(known: Index) -> None:
    for place in range(known.num_users):
        found = suggested(Live(known), place)
        assert 3 not in found
        assert place not in (0, 9) or 9 - place not in found, "who blocks somebody, and who is blocked"


def test_shared_friends_are_counted_but_for_those_who_hide(known: Index, snapshot: Snapshot) -> None:
    links = circled(snapshot)[1]
    friends = {place: {*links[links[:, 0] == place, 1], *links[links[:, 1] == place, 0]} for place in range(33)}
    for one in people_you_may_know(Live(known), known.user_ids[12].decode(), 50):
        assert one.shared == len((friends[12] & friends[one.place]) - {6})
        assert (f"{one.shared} friend" in one.reason) == bool(one.shared)


def test_a_wish_holds_from_the_next_request_on(known: Index) -> None:
    first, second, third, *_ = suggested(Live(known), 12)
    name = {place: known.user_ids[place].decode() for place in (12, first, second, third)}
    people = {
        name[first]: Change(1, name[first], gone=False, body={USER_DISCOVERABLE: False}, label=USER),
        name[second]: Change(2, name[second], gone=True, label=USER),
        name[third]: Change(3, name[third], gone=False, body={USER_BLOCKED: [name[12]]}, label=USER),
    }
    assert not {first, second, third} & set(suggested(Live(known, people=people), 12))
    mine = {name[12]: Change(4, name[12], gone=False, body={USER_BLOCKED: [name[first]]}, label=USER)}
    assert suggested(Live(known, people=mine), 12)[0] == second
    hides = {}
    for place in known.people.friends[12].tolist():
        other = known.user_ids[place].decode()
        hides[other] = Change(5, other, gone=False, body={USER_HIDES_FRIENDS: True}, label=USER)
    assert {one.shared for one in people_you_may_know(Live(known, people=hides), name[12], 5)} == {0}


def test_over_http_and_without_friendships(circles: Path, known: Index, index: Index) -> None:
    get = client(create_app(Settings(home=circles, store=f"local:{circles / 'none'}")))
    name = known.user_ids[12].decode()
    answer = get(f"/v1/users/{name}/friends?n=3")
    document = get("/v1/openapi.json").json()
    schema = document["paths"]["/v1/users/{id}/friends"]["get"]["responses"]["200"]["content"]["application/json"]
    jsonschema.validate(answer.json(), {**schema["schema"], "components": document["components"]})
    assert len(answer.json()["people"]) == 3
    assert get("/v1/users/nobody:1/friends").status_code == 404
    assert USER_BLOCKED not in get(f"/v1/users/{quote(known.user_ids[0].decode(), safe='')}").text, (
        "a block is nobody's business"
    )
    with pytest.raises(Unsupported, match="no friendships"):
        people_you_may_know(Live(index), "p:u01", 3)
