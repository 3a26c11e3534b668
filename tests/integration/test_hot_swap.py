"""Indexes published one after the other under load, old ones removed: no error, and no answer of two of them."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from serving.index import FOLDER, current_version
from tests.integration.servers import Crowd, publish_version, running, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]  # seven publications under load

VERSIONS = 7
ID = re.compile(r"p:(v\d+):\d\d")


def recommend(client: httpx.Client, turn: int) -> tuple[int, str, frozenset[str]]:
    """Status, the model's version that the answer names, and those that its items are of."""
    if turn % 3:
        query = "diversity=0.5&n=5" if turn % 2 else "n=10"
        answer = client.get(f"/v1/users/p%3Au{turn % 30:02d}/recommendations?{query}")
    else:
        answer = client.post("/v1/recommendations", json={"items": ["p:v0:03", "p:v3:04"], "n": 5})
    body = answer.json()
    return (
        answer.status_code,
        body["model"]["version"],
        frozenset(ID.match(one["item"]["id"])[1] for one in body["items"]),
    )


def test_answers_are_of_one_version_while_many_are_published(tmp_path: Path) -> None:
    publish_version(tmp_path, "v0")
    with running(tmp_path, workers=2, log=tmp_path / "log") as server:
        first = tmp_path / FOLDER / current_version(tmp_path)
        with Crowd(recommend, server.url, size=4, pause=0.01) as crowd:
            for number in range(1, VERSIONS):
                publish_version(tmp_path, f"v{number}")
            wait_until(lambda: all(one[1] == f"v{VERSIONS - 1}" for one in crowd.seen[-20:]))
        assert not first.exists(), "what it began with was removed meanwhile"
    assert {type(one) for one in crowd.seen} == {tuple}, crowd.seen
    assert {status for status, _, _ in crowd.seen} == {200}
    mixed = [(version, items) for _, version, items in crowd.seen if items != {version}]
    assert not mixed, mixed[:3]
    assert len({version for _, version, _ in crowd.seen}) >= 3, "they were swapped under load"
    assert "ERROR" not in (tmp_path / "log").read_text(encoding="utf-8")
