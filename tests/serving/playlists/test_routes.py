"""Playlists, radio and the weekly list over HTTP."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from serving.middleware import Wrapped
from tests.serving.conftest import Get, client


def validated(get: Get, path: str, answer: dict[str, Any], method: str = "post") -> None:
    """The answer is as the OpenAPI document says."""
    document = get("/v1/openapi.json").json()
    schema = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer, {**schema, "components": document["components"]})


def test_a_playlist(app: Wrapped) -> None:
    get = client(app)
    answer = get("/v1/playlists?lang=zh", "POST", json={"items": ["p:i01"], "attributes": {"Genre": "Drama"}, "n": 4})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    validated(get, "/v1/playlists", found)
    assert found["name"] == "Drama精选"
    assert found["complete"]
    assert [one["rank"] for one in found["items"]] == [1, 2, 3, 4]
    assert all("Drama" in one["item"]["attributes"]["Genre"] for one in found["items"])
    assert all(one["why"] for one in found["items"])


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({}, 422, "from nothing"),
        ({"items": ["p:i01"], "n": 3, "minutes": 10}, 422, "one of them"),
        ({"items": ["p:i01"], "n": 0}, 422, "n: 0"),
        ({"items": ["p:i01"], "n": "3"}, 422, "n: '3'"),
        ({"items": ["p:nothing"]}, 404, "p:nothing"),
        ({"user": "p:nobody"}, 404, "p:nobody"),
        ({"attributes": {"Genre": "Polka"}}, 404, "Polka"),
        ({"artist": "Björk"}, 422, "Björk"),
        ({"items": ["p:i01"], "mood": "calm"}, 422, "mood"),
        ({"items": ["p:i01"], "filter": {"years": [1990, 1980]}}, 422, "1990"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(get: Get, body: dict[str, Any], status: int, told: str) -> None:
    answer = get("/v1/playlists", "POST", json=body)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert told in problem["detail"] + problem["valid"]
    assert problem["remedy"]


def test_radio_goes_on(get: Get) -> None:
    first = get("/v1/radio", "POST", json={"items": ["p:i01"], "n": 5}).json()
    validated(get, "/v1/radio", first)
    names = [one["item"]["id"] for one in first["items"]]
    body = {"items": ["p:i01"], "played": names, "skipped": names[:1], "n": 50}
    rest = get("/v1/radio", "POST", json=body).json()
    assert rest["exhausted"]
    assert len(names) == 5
    assert not {one["item"]["id"] for one in rest["items"]} & {*names, "p:i01"}


def test_the_weekly_list(get: Get) -> None:
    found = get("/v1/users/p%3Au01/discovery?n=5&familiarity=0").json()
    assert found["familiar_share"] == 0
    assert len(found["items"]) == 5
    assert found == get("/v1/users/p%3Au01/discovery?n=5&familiarity=0").json()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/radio", {"played": ["p:i01"]}, 422),
        ("/v1/radio", {"items": ["p:nothing"]}, 404),
        ("/v1/radio", {"items": ["p:i01"], "n": 1000}, 422),
        ("/v1/users/p%3Au01/discovery?familiarity=2", None, 422),
        ("/v1/users/p%3Anobody/discovery", None, 404),
    ],
)
def test_what_cannot_be_played_is_refused(get: Get, path: str, body: dict[str, Any] | None, status: int) -> None:
    answer = get(path, "GET" if body is None else "POST", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["remedy"]
