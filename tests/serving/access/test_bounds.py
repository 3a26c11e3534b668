"""Keys of one platform and users' own tokens: nothing of others, and no telling whether it exists."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.serving.access.conftest import Served
from tests.serving.samples import HOSTILE

ITEM = {"title": "New", "attributes": {"Genre": ["Comedy"]}}


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["item"]["id"] for entry in answer.json()["items"]]


class TestOnePlatform:
    """A key of platform `p` on a catalogue that has `q` too."""

    def test_ids_of_others_are_refused_whether_they_exist_or_not(self, served: Served) -> None:
        key = served.key("admin", platform="p")
        for path in ("/v1/items/{}", "/v1/items/{}/similar"):
            there, nowhere = (served.send(path.format(one), key=key) for one in ("q:i16", "q:nothing"))
            assert there.status_code == nowhere.status_code == 403
            assert there.content == nowhere.content
        there, nowhere = (served.send(f"/v1/users/{one}/recommendations", key=key) for one in ("q:u21", "q:nobody"))
        assert there.status_code == 403
        assert there.content == nowhere.content
        assert served.send("/v1/items/q:new", "PUT", key, json=ITEM).status_code == 403
        assert served.send(f"/v1/items/{quote(HOSTILE, safe='')}", key=key).status_code == 200

    def test_lists_hold_its_own_alone(self, served: Served) -> None:
        key, all_keys = served.key(platform="p"), served.key()
        everything = [one["id"] for one in served.send("/v1/items?limit=100", key=all_keys).json()["items"]]
        assert any(one.startswith("q:") for one in everything)
        for path in ("/v1/items?limit=100", "/v1/onboarding?n=50"):
            mine = [one["id"] for one in served.send(path, key=key).json()["items"]]
            assert mine
            assert all(one.startswith("p:") for one in mine), path
        users = [one["id"] for one in served.send("/v1/users?limit=5&query=u", key=key).json()["users"]]
        assert len(users) == 5
        assert all(one.startswith("p:") for one in users)
        theirs = served.send("/v1/users?limit=100", key=served.key(platform="q")).json()["users"]
        assert len(theirs) == 10

    def test_recommendations_and_history_hold_its_own_alone(self, served: Served) -> None:
        key, all_keys = served.key(platform="p"), served.key()
        every = ids(served.send("/v1/users/p:u01/recommendations?n=20", key=all_keys))
        mine = ids(served.send("/v1/users/p:u01/recommendations?n=20", key=key))
        assert mine == [one for one in every if one.startswith("p:")]
        assert mine != every
        for path in ("?n=4&kind=movie", "?n=4&diversity=0.5"):
            assert all(
                one.startswith("p:") for one in ids(served.send(f"/v1/users/p:u01/recommendations{path}", key=key))
            )
        seen = [served.send("/v1/users/p:u01", key=one).json()["history"] for one in (key, all_keys)]
        assert [one["item"]["id"] for one in seen[0]] == [
            one["item"]["id"] for one in seen[1] if one["item"]["id"].startswith("p:")
        ]
        for modality in ("graph", "text", "crowd"):
            alike = ids(served.send(f"/v1/items/p:i03/similar?modality={modality}&n=20", key=key))
            assert all(one.startswith("p:") for one in alike)

    def test_new_items_of_others_are_not_there_either(self, served: Served) -> None:
        served.app.api.state.service.overlay.put("q:fresh", {"title": "Fresh one", "kind": "movie"}, {})
        served.app.api.state.service.overlay.put("p:fresh", {"title": "Fresh two", "kind": "movie"}, {})
        found = [
            [one["id"] for one in served.send("/v1/items?query=fresh", key=served.key(platform=one)).json()["items"]]
            for one in ("p", "q", "")
        ]
        assert found[:2] == [["p:fresh"], ["q:fresh"]]
        assert sorted(found[2]) == ["p:fresh", "q:fresh"]

    def test_bodies_may_not_name_others(self, served: Served) -> None:
        key = served.key(platform="p")
        for path, body in (
            ("/v1/recommendations", {"items": ["p:i01", "q:i16"]}),
            ("/v1/search", {"like": ["q:i16"]}),
            ("/v1/classify", {"item": "q:i16"}),
        ):
            there = served.send(path, "POST", key, json=body)
            nowhere = served.send(path, "POST", key, content=json.dumps(body).replace("q:i16", "q:nothing"))
            assert there.status_code == 403, path
            assert there.content == nowhere.content
        assert served.send("/v1/recommendations", "POST", key, json={"items": ["p:i01"], "n": 3}).status_code == 200
        found = served.send("/v1/search", "POST", key, json={"like": ["p:i01"], "n": 23})
        assert all(one.startswith("p:") for one in ids(found))

    @pytest.mark.parametrize("path", ["/v1/graph/schema", "/v1/graph/Item/p:i01", "/v1/refresh-runs"])
    def test_what_speaks_of_everybody_is_refused(self, served: Served, path: str) -> None:
        assert served.send(path, key=served.key("admin", platform="p")).status_code == 403
        assert (
            served.send("/v1/cypher", "POST", served.key(platform="p"), json={"query": "RETURN 1"}).status_code == 403
        )


class TestAUsersToken:
    def test_it_sees_only_its_user(self, served: Served) -> None:
        token = served.key(user="p:u01")
        for path in (
            "/v1/users/p:u01",
            "/v1/users/p%3Au01/recommendations?n=3",
            "/v1/items",
            "/v1/items/p:i01",
            "/v1/onboarding",
        ):
            assert served.send(path, key=token).status_code == 200, path
        answers = [
            served.send(f"/v1/users/{one}", key=token) for one in ("p:u02", "p:nobody", "q:u21", "%ff", "p:u01%00")
        ]
        assert {(one.status_code, one.content) for one in answers} == {(403, answers[0].content)}

    def test_lists_of_users_the_graph_and_operating_are_not_for_it(self, served: Served) -> None:
        token = served.key(user="p:u01")
        for method, path in (
            ("GET", "/v1/users"), ("POST", "/v1/cypher"), ("GET", "/v1/graph/User/p:u01"), ("GET", "/v1/models"),
            ("GET", "/v1/refresh-runs"), ("POST", "/v1/refresh-runs"), ("PUT", "/v1/items/p:i01"),
            ("DELETE", "/v1/items/p:i01"),
            ("GET", "/v1/users/"), ("GET", "/v1/nothing"),
        ):  # fmt: skip
            assert served.send(path, method, token).status_code == 403, path

    def test_events_are_its_users_own_and_of_its_platform(self, served: Served) -> None:
        token, platform = served.key(user="p:u01"), served.key("writer", platform="p")
        event = {"id": "e1", "user": "p:u01", "item": "p:i01", "kind": "clicked"}
        for wrong in ({"user": "p:u02"}, {"user": "p:nobody"}, {"item": "q:i16"}, {"item": "q:nothing"}):
            body = {"events": [event, {**event, **wrong}]}
            assert served.send("/v1/events", "POST", token, json=body).status_code == 403, wrong
        told = {"events": [event]}
        assert served.send("/v1/events", "POST", token, json=told).json()["accepted"] == 1
        assert served.send("/v1/events", "POST", token, json=told).json()["duplicates"] == 1
        other = served.send("/v1/events", "POST", platform, json={"events": [{**event, "user": "p:u02"}]})
        assert other.json()["accepted"] == 1, "nobody can use up an id of others"
        assert len(served.audit("audit-events.jsonl").splitlines()) == 3
        assert '"status":200' not in served.audit()
        foreign = {"events": [{**event, "user": "q:u21"}]}
        assert served.send("/v1/events", "POST", platform, json=foreign).status_code == 403

    def test_users_are_put_and_blocked_within_the_platform(self, served: Served) -> None:
        key = served.key("writer", platform="p")
        assert served.send("/v1/users/p:new", "PUT", key, json={"properties": {"age": 3}}).status_code == 200
        assert served.send("/v1/users/q:new", "PUT", key, json={}).status_code == 403
        assert served.send("/v1/users/p:new", "PUT", key, json={"blocked": ["q:u21"]}).status_code == 403
        assert served.send("/v1/users/p:new", "PUT", served.key(user="p:new"), json={}).status_code == 403
        found = [
            [one["id"] for one in served.send("/v1/users?query=new", key=served.key(platform=name)).json()["users"]]
            for name in ("p", "q")
        ]
        assert found == [["p:new"], []]

    def test_reasons_name_nobody_else(self) -> None:
        from serving.access.caller import Caller, Role
        from serving.access.people import seen_by

        def reason(*nodes: tuple[str, str]) -> bytes:
            return json.dumps({"path": {"nodes": [{"label": label, "id": one} for label, one in nodes]}}).encode()

        me = Caller("k", Role.READER, "p", "p:u01")
        fine = reason(("User", "p:u01"), ("Item", "p:i01"), ("Genre", "Genre:War"))
        friend, elsewhere = reason(("User", "p:u02")), reason(("Item", "q:i16"))
        assert seen_by(me, [fine, friend, b"null", elsewhere]) == [fine, b"null", b"null", b"null"]
        assert seen_by(Caller("k", Role.READER, "p"), [friend, elsewhere]) == [friend, b"null"]
        assert seen_by(Caller("k", Role.READER), [elsewhere]) == [elsewhere]
