"""Embeddings and factors: no page hands them out, and Cypher gives them to callers with a role alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from graph.errors import Forbidden
from graph.guard.check import check
from graph.guard.policy import Catalogue
from serving.policy import policy_of
from serving.settings import Settings
from tests.serving.access.conftest import Serve

ITEM, USER = quote("p:i03"), "p:u03"
READS = (
    "/v1/items?limit=3",
    f"/v1/items/{ITEM}",
    *(f"/v1/items/{ITEM}/similar?modality={way}" for way in ("text", "image", "graph", "crowd")),
    f"/v1/items/{ITEM}/similar?mix=even",
    "/v1/onboarding",
    f"/v1/users/{USER}",
    f"/v1/users/{USER}/recommendations",
    f"/v1/users/{USER}/profile",
    "/v1/models",
    "/v1/session",
)
VECTOR = 5
"""So many numbers beside each other are one: no answer lists that many of anything but items."""
QUERY = {"query": "MATCH (i:Item) RETURN i.text_embedding AS v LIMIT 1"}


def vectors(value: Any, path: str = "") -> list[str]:
    """Where an answer holds a list of numbers, or anything by the name of an embedding."""
    if isinstance(value, dict):
        named = [f"{path}/{name}" for name in value if any(word in name for word in ("embedding", "factor", "vector"))]
        return named + [found for name, one in value.items() for found in vectors(one, f"{path}/{name}")]
    if isinstance(value, list):
        if len(value) >= VECTOR and all(isinstance(one, int | float) for one in value):
            return [path]
        return [found for one in value for found in vectors(one, f"{path}[]")]
    return []


def test_the_search_for_vectors_finds_them():
    assert vectors({"a": [{"b": [0.1] * 8}], "text_embedding": None}) == ["/text_embedding", "/a[]/b"]


@pytest.mark.parametrize("path", READS)
def test_no_page_holds_a_vector(serve: Serve, path: str):
    served = serve(require_keys=True)
    for key in (served.key("admin"), served.key("reader"), served.key("reader", user=USER)):
        answer = served.send(path, key=key)
        assert answer.status_code in (200, 403)
        assert vectors(answer.json()) == []


def test_cypher_asks_for_a_role_that_sees_everybody(serve: Serve):
    """Neither a stranger, nor a user's own token, nor the key of one platform reads an embedding."""
    served = serve(require_keys=True)
    assert served.send("/v1/cypher", "POST", json=QUERY).status_code == 401
    for key in (served.key("reader", user=USER), served.key("reader", platform="p")):
        assert served.send("/v1/cypher", "POST", key=key, json=QUERY).status_code == 403


@pytest.mark.parametrize("path", ["/index/current", "/media/../index/current", "/v1/index", "/index"])
def test_no_address_reaches_the_files_of_the_index(serve: Serve, path: str):
    served = serve(require_keys=True)
    answer = served.send(path, key=served.key("admin"))
    assert answer.status_code in (404, 405)


@pytest.mark.parametrize(
    "query",
    ["MATCH (i:Item) RETURN i.text_embedding", "MATCH (i:Item) RETURN i['text_' + 'embedding']",
     "MATCH (i:Item) WHERE i.text_embedding[0] > 0 RETURN i.id"],
)  # fmt: skip
def test_an_operator_can_hide_them_from_readers_too(query: str):
    """Whole nodes may be returned all the same: what is hidden is left out of them (`docs/guide/cypher-guard.md`)."""
    policy = policy_of(Settings(hidden_properties="text_embedding,image_embedding,audio_embedding"))
    there = Catalogue(frozenset({"Item"}), frozenset(), frozenset({"id", "text_embedding"}), complete=True)
    with pytest.raises(Forbidden):
        check(query, {}, policy=policy, catalogue=there)
