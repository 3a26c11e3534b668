"""The OpenAPI document is valid, complete, and true of what the routes answer."""

import json
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from tests.serving.conftest import Get

CALLS = {
    "/v1/users": "/v1/users",
    "/v1/users/{id}": "/v1/users/p:u01",
    "/v1/users/{id}/recommendations": "/v1/users/p:u01/recommendations",
    "/v1/users/{id}/home": "/v1/users/p:u01/home?scenario=video",
    "/v1/users/{id}/discovery": "/v1/users/p:u01/discovery?familiarity=0.5&n=5",
    "/v1/scenarios": "/v1/scenarios",
    "/v1/users/{id}/profile": "/v1/users/p:u01/profile",
    "/v1/users/{id}/consent": "/v1/users/p:u01/consent",
    "/v1/items": "/v1/items",
    "/v1/items/{id}": "/v1/items/p:i01",
    "/v1/items/{id}/similar": "/v1/items/p:i01/similar",
    "/v1/items/{id}/related": "/v1/items/p:i01/related?relation=alternatives",
    "/v1/models": "/v1/models",
    "/v1/onboarding": "/v1/onboarding?n=3",
    "/v1/session": "/v1/session",
    "/v1/health": "/v1/health",
    "/v1/ready": "/v1/ready",
}
STORE_OR_FILE = {
    "/v1/explanations/what-if",
    "/v1/users/{id}/profile/interests/{label}/{name}",
    "/v1/cypher",
    "/v1/graph/schema",
    "/v1/graph/{label}/{id}",
    "/v1/refresh-runs",
    "/v1/refresh-runs/{id}",
    "/v1/recommendations",
    "/v1/search",
    "/v1/playlists",
    "/v1/radio",
    "/v1/classify",
    "/v1/events",
    "/v1/users/{id}/friends",
    "/v1/users/{id}/export",
    "/v1/erasures/{id}",
    "/v1/metrics",
    "/media/{folder}/{name}",
}
"""Whose answers are checked elsewhere: in `tests/integration` with a store, `test_live_api.py`, `test_live_graph.py`,
`test_events_api.py`, `test_acquaintances.py`, `playlists/test_routes.py`, `erasure/test_routes.py`,
`test_app.py`."""


@pytest.fixture(scope="module")
def document(get: Get) -> dict[str, Any]:
    return get("/v1/openapi.json").json()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, one) for path, methods in document["paths"].items() for one in methods.values()]


def success(operation: dict[str, Any]) -> dict[str, Any]:
    """What the operation answers when all is well."""
    return next(answer for status, answer in operation["responses"].items() if status.startswith("2"))


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that stands alone: its references point into the document's components."""
    return {**schema, "components": document["components"]}


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_route_has_words_an_example_and_problems(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        assert operation["tags"], path
        for content in success(operation).get("content", {}).values():
            assert "example" in content, path
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (path, parameter["name"])
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                assert list(answer["content"]) == ["application/problem+json"], (path, status)
                jsonschema.validate(
                    answer["content"]["application/problem+json"]["example"],
                    resolved(document, {"$ref": "#/components/schemas/Problem"}),
                )


def test_examples_follow_their_schemas(document: dict[str, Any]) -> None:
    checked = 0
    for _, operation in operations(document):
        content = success(operation).get("content", {}).get("application/json")
        if content and "schema" in content:
            jsonschema.validate(content["example"], resolved(document, content["schema"]))
            checked += 1
    assert checked >= len(CALLS) + len(STORE_OR_FILE) - 1, "all but the pictures"


def test_every_route_is_checked_against_its_schema(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == set(CALLS) | STORE_OR_FILE


@pytest.mark.parametrize("path", CALLS)
def test_answers_follow_their_schemas(document: dict[str, Any], get: Get, path: str) -> None:
    content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    answer = get(CALLS[path])
    assert answer.status_code == 200
    jsonschema.validate(answer.json(), resolved(document, content["schema"]))


def test_problems_follow_their_schema(document: dict[str, Any], get: Get) -> None:
    problem = resolved(document, {"$ref": "#/components/schemas/Problem"})
    for path in ("/v1/users/nobody", "/v1/users?limit=0", "/v1/nothing", "/v1/items/p:i01/similar?modality=x"):
        jsonschema.validate(json.loads(get(path).content), problem)
