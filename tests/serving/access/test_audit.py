"""What is written down, and that no secret is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serving.access.audit import AuditLog, without_secrets
from serving.observe.logs import log_key, pseudonym
from tests.serving.access.conftest import Served

ITEM = {"title": "New", "attributes": {"Genre": ["Comedy"]}}


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["item"]["id"] for entry in answer.json()["items"]]


class TestAudit:
    def test_acts_and_refusals_are_written_down(self, served: Served) -> None:
        reader, writer = served.key(), served.key("writer", platform="p")
        served.send("/v1/items", key=reader)
        assert served.audit() == ""
        served.send("/v1/items/p%3Ai01", "DELETE", writer, headers={"x-request-id": "r-1"})
        served.send("/v1/items/p:i02", "DELETE", reader)
        served.send("/v1/users/q:u21", key=writer)
        served.send("/v1/search", "POST", writer, json={"like": ["q:i16"]})
        lines = [json.loads(line) for line in served.audit().splitlines()]
        keys = [one.id for one in served.keys.all()]
        assert [(one["caller"], one["role"], one["method"], one.get("target"), one["status"]) for one in lines] == [
            (keys[1], "writer", "DELETE", "p:i01", 204),
            (keys[0], "reader", "DELETE", "p:i02", 403),
            (keys[1], "writer", "GET", pseudonym(log_key(served.home), "q:u21"), 403),
            (keys[1], "writer", "POST", None, 403),
        ]
        assert lines[0]["request"] == "r-1"
        assert lines[0]["path"] == "/v1/items/p%3Ai01"
        assert (served.home / "audit.jsonl").stat().st_mode & 0o777 == 0o600
        served.send("/v1/users", headers={"x-request-id": "a b\r"})
        stranger = json.loads(served.audit("audit-strangers.jsonl"))
        assert (stranger["caller"], stranger["refused"], stranger["status"]) == ("nobody", "no-key", 401)
        assert stranger["request"] != "a b"
        assert "u21" not in served.audit(), "users have other names"
        assert len(served.audit().splitlines()) == 4, "strangers push nobody out of the log"

    def test_secrets_are_blotted_out(self, served: Served) -> None:
        admin = served.key("admin")
        served.send(f"/v1/items/{admin}", "DELETE", admin)
        served.send(f"/v1/{admin}", headers={"authorization": f"Bearer {admin}x"})
        written = served.audit() + served.audit("audit-strangers.jsonl")
        assert admin.rpartition("_")[2] not in written
        assert written.count("[secret]") == 3
        assert without_secrets("x eyJhbGciOi.eyJzdWIi.c2ln y") == "x [secret] y"

    def test_the_log_is_put_aside_when_it_is_long(self, tmp_path: Any) -> None:
        logs = [AuditLog(tmp_path / "audit.jsonl", 300) for _ in range(2)]
        for number in range(60):
            logs[number % 2].write({"number": number})
        files = sorted(tmp_path.iterdir())
        assert [one.name for one in files] == ["audit.jsonl", *(f"audit.jsonl.{number}" for number in range(1, 6))]
        assert all(one.stat().st_size <= 300 for one in files)
        found = [
            json.loads(line)["number"] for one in [*files[:0:-1], files[0]] for line in one.read_text().splitlines()
        ]
        assert found == list(range(found[0], 60))
        assert all(one.stat().st_mode & 0o777 == 0o600 for one in files)

    def test_a_log_that_cannot_be_written_stops_nobody(self, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "audit.jsonl").mkdir()
        log = AuditLog(tmp_path / "audit.jsonl", 300)
        log.write({"number": 1})
        log.write({"number": 2})
        assert caplog.text.count("cannot be written") == 1
